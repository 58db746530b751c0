// Reads the structure of a GGUF file, version 2 or 3, from a mapping of it.
//
// Source: the GGUF specification, docs/gguf.md of the ggml project. Where files in the wild and the
// specification differ the stricter reading is taken, because a file that is read wrongly compiles
// to a model that babbles.
#pragma once

#include "models/gguf/Types.h"
#include "models/gguf/Value.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <array>
#include <cstdint>
#include <vector>

namespace tawny::gguf {

/// One key of the metadata and its value; both are views of the file.
struct MetadataEntry {
  llvm::StringRef key;
  /// File offset of the key, in bytes.
  uint64_t offset = 0;
  Value value;
};

/// Where a tensor lies and how it is shaped.
struct Tensor {
  llvm::StringRef name;
  /// Sizes, innermost first: a linear layer's weight is [inputs, outputs]. Only the first `rank`
  /// count; the others are 1.
  std::array<uint64_t, 4> sizes = {1, 1, 1, 1};
  uint32_t rank = 0;
  /// Element type; typeInfo() knows it.
  uint32_t type = 0;
  /// File offset of the tensor's description, in bytes.
  uint64_t infoOffset = 0;
  /// File offset of the tensor's data, in bytes: absolute, a multiple of File::alignment.
  uint64_t offset = 0;
  uint64_t byteSize = 0;

  /// The sizes that are stored in the file: 1 to 4, none of them zero.
  llvm::ArrayRef<uint64_t> dims() const { return llvm::ArrayRef(sizes).take_front(rank); }
};

/// What parseFile() found. Everything in it is a view of the mapping and lives as long.
struct File {
  /// All of it.
  llvm::ArrayRef<uint8_t> bytes;
  uint32_t version = 0;
  /// Tensor data starts at multiples of this many bytes.
  uint32_t alignment = 32;
  /// In the order of the file; keys are unique.
  std::vector<MetadataEntry> metadata;
  /// In the order of the file; names are unique, data ranges lie in the file and do not overlap.
  std::vector<Tensor> tensors;
  /// File offset at which tensor data begins, in bytes. A file without tensors may end before it.
  uint64_t dataOffset = 0;
  /// Index into `metadata` by key and into `tensors` by name.
  llvm::DenseMap<llvm::StringRef, size_t> metadataIndex;
  llvm::DenseMap<llvm::StringRef, size_t> tensorIndex;

  /// The entry of `key`, or null.
  const MetadataEntry *find(llvm::StringRef key) const;
  /// The tensor called `name`, or null.
  const Tensor *findTensor(llvm::StringRef name) const;
  /// The data of one of `tensors`.
  llvm::ArrayRef<uint8_t> dataOf(const Tensor &tensor) const {
    return bytes.slice(tensor.offset, tensor.byteSize);
  }
};

/// Reads the structure of the GGUF file whose bytes are `bytes`. Memory used is at most a small
/// multiple of the file's size, whatever its counts say. The error names what was expected, what
/// was found and at which offset.
llvm::Expected<File> parseFile(llvm::ArrayRef<uint8_t> bytes);

/// Fails, naming the first tensor and its type, unless `isSupported` holds for every tensor's type.
llvm::Error requireSupportedTypes(const File &file,
                                  llvm::function_ref<bool(uint32_t type)> isSupported);

} // namespace tawny::gguf
