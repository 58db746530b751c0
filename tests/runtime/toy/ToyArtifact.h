// Makes artifacts for tests, whole or with a chosen damage.
#pragma once

#include "runtime/artifact/Artifact.h"
#include "runtime/artifact_generated.h"
#include "tests/runtime/toy/ToyModel.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

namespace tawny::test {

/// Zeroed bytes at a 64-byte boundary. The allocation ends where they do, so that a sanitizer sees
/// a read past the end.
class AlignedBytes {
public:
  explicit AlignedBytes(size_t size)
      : bytes(static_cast<std::byte *>(::operator new(size, alignment))), size(size) {
    std::memset(bytes.get(), 0, size);
  }

  std::span<std::byte> span() { return {bytes.get(), size}; }

private:
  static constexpr std::align_val_t alignment{64};
  struct Delete {
    void operator()(std::byte *address) const { ::operator delete(address, alignment); }
  };
  std::unique_ptr<std::byte, Delete> bytes;
  size_t size;
};

using HeaderChange = std::function<void(fb::ArtifactT &)>;

/// A header and the contents of its segments.
struct ToyFile {
  fb::ArtifactT header;
  std::vector<std::vector<std::byte>> segments;

  /// Lays the segments out, fills in their offsets, sizes and checksums, lets `damage` change the
  /// header, and encodes it all with the right preamble.
  AlignedBytes encode(const HeaderChange &damage = {});
};

/// The toy model, for the CPU unless another device is named. `code` is a shared object, or
/// anything where nothing is run.
ToyFile toyModel(std::span<const std::byte> code, const std::string &device = "cpu");

/// The shared object made of ToyKernels.c.
std::vector<std::byte> toyCode();

/// The same kernels for a GPU: a code object for an AMD chip, or PTX ("ptx"). Empty where the build
/// has no compiler for it.
std::vector<std::byte> toyGpuCode(const std::string &chip);

/// The tokenizer of the toy model: <unk>, <s>, </s>, the letters a to z, a space, "he", "poison".
ToyFile toyVocabulary();

/// A byte-level BPE tokenizer, alone: the tokens of all bytes, "ab" and "abc", with the merges that
/// make these two.
ToyFile toyBytePairVocabulary();

/// Writes the bytes of the preamble's checksum and sizes anew.
void repairPreamble(std::span<std::byte> file);

/// Writes `bytes` to a file in the test's temporary folder and returns its path.
std::string writeTemporary(const std::string &name, std::span<const std::byte> bytes);

/// Logits that the toy model gives for the last of `tokens`, from column 1 on.
std::vector<float> expectedLogits(std::span<const int32_t> tokens);

} // namespace tawny::test
