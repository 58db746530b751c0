// The safetensors file format, as far as the tools write it: an 8-byte little-endian length, that
// many bytes of JSON that name each tensor's type, shape and byte range, then the tensors' bytes.
// Source: the format description in the README of huggingface/safetensors.
#pragma once

#include "runtime/support/Error.h"
#include "runtime/support/OutputFile.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tawny {

/// Element types; the tools write no others.
enum class SafetensorsType : uint8_t { F32, I32 };

/// A tensor to be written: its name, element type and shape (row-major, outermost first).
struct SafetensorsTensor {
  std::string name;
  SafetensorsType type = SafetensorsType::F32;
  std::vector<uint64_t> shape;
};

using SafetensorsMetadata = std::map<std::string, std::string>;

/// Streams tensors, in the order in which they are declared, to a file that appears when all of
/// them are complete and not before.
class SafetensorsWriter {
public:
  /// Declares the tensors and writes the header. Names must be distinct, non-empty UTF-8.
  static ErrorOr<SafetensorsWriter> create(const std::string &path,
                                           std::vector<SafetensorsTensor> tensors,
                                           const SafetensorsMetadata &metadata = {});

  /// Appends elements to the first tensor that is not full. They must have its type and may not
  /// pass its end: a row at a time is fine, two tensors in one call are not.
  ErrorOr<void> append(std::span<const float> values);
  ErrorOr<void> append(std::span<const int32_t> values);

  /// Makes the file appear. An error unless every tensor is full.
  ErrorOr<void> commit();

private:
  SafetensorsWriter(OutputFile file, std::vector<SafetensorsTensor> tensors,
                    std::vector<uint64_t> counts)
      : file(std::move(file)), tensors(std::move(tensors)), counts(std::move(counts)) {}
  ErrorOr<void> append(SafetensorsType type, const void *data, size_t count);
  void skipFullTensors();

  OutputFile file;
  std::vector<SafetensorsTensor> tensors;
  std::vector<uint64_t> counts; ///< elements of each tensor
  size_t current = 0;           ///< the tensor being written
  uint64_t written = 0;         ///< elements of it that are written
};

/// A tensor in a file that was read: a view of the bytes that were given.
struct SafetensorsView {
  SafetensorsType type = SafetensorsType::F32;
  std::vector<uint64_t> shape;
  std::string_view bytes;

  /// The elements, copied because the bytes need not be aligned. Empty if the type is another.
  std::vector<float> floats() const;
  std::vector<int32_t> integers() const;
};

/// A file that was read: its tensors by name, and its metadata.
struct SafetensorsContent {
  std::map<std::string, SafetensorsView> tensors;
  SafetensorsMetadata metadata;
};

/// Reads a whole file that holds only f32 and i32 tensors. Strict: the header must be exactly what
/// the format allows, every range must match its shape, and ranges must cover the data without gap
/// or overlap. `source` names the file in errors; views point into `file`.
ErrorOr<SafetensorsContent> readSafetensors(std::string_view file, const std::string &source);

} // namespace tawny
