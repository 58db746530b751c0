// Machine code for this processor, loaded from memory.
#pragma once

#include "runtime/device/Device.h"

namespace tawny {

/// A shared object in a sealed memfd, loaded with dlopen. Nothing touches the file system, and
/// nothing else in the process can see or replace its symbols.
class CpuCode final : public LoadedCode {
public:
  /// Fails for what is no x86-64 shared object, and for one with undefined symbols or needed
  /// libraries: kernels are closed under what they call.
  static ErrorOr<std::unique_ptr<LoadedCode>> load(std::span<const std::byte> code);
  ~CpuCode() override;
  CpuCode(const CpuCode &) = delete;
  CpuCode &operator=(const CpuCode &) = delete;

  ErrorOr<KernelHandle> kernel(const std::string &symbol, uint64_t sharedBytes) override;

private:
  CpuCode(int file, void *library) : file(file), library(library) {}

  // The loader takes a path that it has seen for the library it has loaded from there. The path is
  // made of the descriptor's number, so the descriptor stays open as long as the library is loaded.
  int file;
  void *library;
};

/// What CpuCode::load checks before the loader sees the code. Reads no byte outside `code`.
ErrorOr<void> checkSharedObject(std::span<const std::byte> code);

} // namespace tawny
