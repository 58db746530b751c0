// A code object in device memory, with its kernels.
#pragma once

#include "tools/hipsim/Cards.h"
#include "tools/hipsim/codeobject/ElfImage.h"
#include "tools/hipsim/codeobject/Metadata.h"
#include "tools/hipsim/isa/Isa.h"
#include "tools/hipsim/memory/DeviceMemory.h"

#include <map>
#include <memory>
#include <optional>

namespace tawny::hipsim {

class LoadedCode;

/// A kernel that can be launched.
struct LoadedKernel {
  const LoadedCode *code = nullptr;
  KernelMetadata metadata;
  KernelDescriptor descriptor;
};

/// Why a code object was not loaded, in the kinds that HIP has codes for.
struct LoadFailure {
  enum Kind : uint8_t { NotAnImage, OtherChip, Broken, OutOfMemory } kind;
  std::string message;
};

/// Lives as long as its module. Kernels keep their addresses.
class LoadedCode {
public:
  /// Copies the ELF file that starts at `image`, checks it, and places it in device memory.
  /// `failure` says why null is returned.
  static std::unique_ptr<LoadedCode> load(const void *image, const Card &card, DeviceMemory &memory,
                                          std::optional<LoadFailure> &failure);
  ~LoadedCode();
  LoadedCode(const LoadedCode &) = delete;
  LoadedCode &operator=(const LoadedCode &) = delete;

  const LoadedKernel *kernel(const std::string &name) const;
  const CodeImage &image() const { return *code; }
  /// The device address and size of a global variable; false where there is none.
  bool variable(const std::string &name, uint64_t &address, uint64_t &bytes) const;

private:
  explicit LoadedCode(DeviceMemory &memory) : memory(memory) {}
  ErrorOr<void> readKernels(const std::string &note);

  DeviceMemory &memory;
  uint64_t base = 0;
  std::optional<CodeImage> code;
  std::map<std::string, ElfSymbol> symbols; ///< at addresses within the image
  std::map<std::string, LoadedKernel> kernels;
};

} // namespace tawny::hipsim
