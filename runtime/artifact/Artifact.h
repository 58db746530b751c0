// An artifact, opened and checked.
#pragma once

#include "runtime/artifact/Checksum.h"
#include "runtime/artifact_generated.h"
#include "runtime/support/Error.h"
#include "runtime/support/FileMapping.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tawny {

/// A file (or bytes in memory) whose header passed every check of verifyHeader and whose code
/// segments match their checksums. The header is a private copy, so nothing that happens to the
/// file afterwards can undo the checks; segments are read in place.
class Artifact {
public:
  /// Maps and checks the file at `path`. Errors name the path and the field.
  static ErrorOr<std::unique_ptr<Artifact>> open(const std::string &path);

  /// Checks an artifact in memory. `bytes` must be aligned to 64 bytes and outlive the artifact;
  /// `name` stands for the path in errors.
  static ErrorOr<std::unique_ptr<Artifact>> fromMemory(std::span<const std::byte> bytes,
                                                       std::string name);

  const fb::Artifact &header() const { return *root; }
  const std::string &path() const { return name; }
  uint64_t fileBytes() const { return bytes.size(); }
  uint64_t headerBytes() const { return headerSize; }
  /// The file, for devices that read instead of using the mapping; -1 for an artifact in memory.
  int descriptor() const { return file ? file->descriptor() : -1; }
  /// True where segments are pages of a file, which the system may drop and read again.
  bool isMapped() const { return file.has_value(); }

  /// A segment's bytes in place; of a generated one there are none, see readGenerated().
  std::span<const std::byte> segment(uint32_t index) const;
  /// Bytes of a segment, those of a generated one included.
  uint64_t segmentBytes(uint32_t index) const { return root->segments()->Get(index)->bytes(); }
  /// True for weights that the file does not hold.
  bool isGenerated(uint32_t index) const {
    return root->segments()->Get(index)->kind() == fb::SegmentKind::Generated;
  }
  /// True where any weights are generated.
  bool hasGeneratedWeights() const;
  /// Makes the bytes of a generated segment from `offset` on, a multiple of 64.
  void readGenerated(uint32_t index, uint64_t offset, std::span<std::byte> out) const;
  /// A weight's bytes in place; none where its segment is generated.
  std::span<const std::byte> weight(uint32_t index) const;

  /// Bytes of all segments of weights that the file holds.
  uint64_t weightBytes() const;

  /// Reads all weights and compares them with the checksums of their segments. An error names the
  /// segment; so does one where `progress` (which may be empty) asked to stop.
  ErrorOr<void> verifyWeights(const ProgressFunction &progress) const;

private:
  Artifact(std::span<const std::byte> bytes, std::string name)
      : bytes(bytes), name(std::move(name)) {}
  ErrorOr<void> check();
  ErrorOr<void> checkPreamble();
  ErrorOr<void> checkCode() const;

  /// FlatBuffers wants its buffer aligned; vectors of this are.
  struct alignas(16) HeaderBlock {
    std::byte bytes[16];
  };

  std::optional<FileMapping> file;
  std::span<const std::byte> bytes;
  std::string name;
  std::vector<HeaderBlock> headerCopy;
  uint64_t headerSize = 0;
  const fb::Artifact *root = nullptr;
};

} // namespace tawny
