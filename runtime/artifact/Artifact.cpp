#include "runtime/artifact/Artifact.h"

#include "runtime/artifact/Format.h"
#include "runtime/artifact/GeneratedWeights.h"
#include "runtime/artifact/Verify.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>

namespace tawny {

static Error damaged(const std::string &name, const std::string &finding) {
  return makeError("'%s' cannot be used: %s; it is damaged or was made by another version of "
                   "tawnyc: copy it again or compile it again",
                   name.c_str(), finding.c_str());
}

ErrorOr<std::unique_ptr<Artifact>> Artifact::open(const std::string &path) {
  ErrorOr<FileMapping> mapped = FileMapping::open(path);
  if (!mapped)
    return mapped.takeError();
  if (mapped->size() == 0)
    return makeError("'%s' is empty: expected an artifact made by tawnyc", path.c_str());
  std::unique_ptr<Artifact> artifact(new Artifact(mapped->bytes(), path));
  artifact->file = std::move(*mapped);
  if (ErrorOr<void> checked = artifact->check(); !checked)
    return damaged(path, checked.error().message);
  return artifact;
}

ErrorOr<std::unique_ptr<Artifact>> Artifact::fromMemory(std::span<const std::byte> bytes,
                                                        std::string name) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % format::dataAlignment != 0)
    return makeError("'%s' cannot be used: expected bytes aligned to %" PRIu64, name.c_str(),
                     format::dataAlignment);
  std::unique_ptr<Artifact> artifact(new Artifact(bytes, std::move(name)));
  if (ErrorOr<void> checked = artifact->check(); !checked)
    return damaged(artifact->name, checked.error().message);
  return artifact;
}

ErrorOr<void> Artifact::checkPreamble() {
  if (bytes.size() < format::preambleBytes)
    return makeError("preamble: expected %" PRIu64 " bytes, found a file of %zu",
                     format::preambleBytes, bytes.size());
  format::Preamble preamble;
  std::memcpy(&preamble, bytes.data(), sizeof(preamble));
  if (std::string_view(preamble.magic, sizeof(preamble.magic)) != format::magic)
    return makeError("preamble: expected the magic 'TAWNYAOT' at byte 0, found another");
  if (preamble.version != format::version)
    return makeError("preamble: expected format version %u at byte 8, found %u", format::version,
                     preamble.version);
  if (preamble.fileBytes != bytes.size())
    return makeError("preamble: expected a file of %" PRIu64 " bytes, as byte 24 says, found %zu",
                     preamble.fileBytes, bytes.size());
  if (preamble.headerBytes > bytes.size() - format::preambleBytes)
    return makeError("preamble: expected a header of at most %" PRIu64
                     " bytes at byte 12, found %u",
                     bytes.size() - format::preambleBytes, preamble.headerBytes);
  if (std::ranges::any_of(preamble.zeros, [](std::byte b) { return b != std::byte(0); }))
    return makeError("preamble: expected zeros from byte 32 on, found something else");
  headerSize = preamble.headerBytes;
  headerCopy.resize((headerSize + sizeof(HeaderBlock) - 1) / sizeof(HeaderBlock));
  if (headerSize)
    std::memcpy(headerCopy.data(), bytes.data() + format::preambleBytes, headerSize);
  uint64_t found = checksum({reinterpret_cast<std::byte *>(headerCopy.data()), headerSize});
  if (found != preamble.headerChecksum)
    return makeError("preamble: expected the header's checksum %016" PRIx64 ", found %016" PRIx64,
                     preamble.headerChecksum, found);
  return {};
}

ErrorOr<void> Artifact::check() {
  if (ErrorOr<void> preamble = checkPreamble(); !preamble)
    return preamble;
  std::span<const std::byte> header(reinterpret_cast<std::byte *>(headerCopy.data()), headerSize);
  if (ErrorOr<void> verified =
          verifyHeader(header, format::preambleBytes + headerSize, bytes.size());
      !verified)
    return verified;
  root = fb::GetArtifact(header.data());
  return checkCode();
}

ErrorOr<void> Artifact::checkCode() const {
  for (uint32_t i = 0; root->segments() && i < root->segments()->size(); ++i) {
    const fb::Segment &entry = *root->segments()->Get(i);
    if (entry.kind() != fb::SegmentKind::Code)
      continue;
    if (uint64_t found = checksum(segment(i)); found != entry.checksum())
      return makeError("segments[%u].checksum: expected %016" PRIx64 ", found %016" PRIx64, i,
                       entry.checksum(), found);
  }
  return {};
}

std::span<const std::byte> Artifact::segment(uint32_t index) const {
  const fb::Segment &entry = *root->segments()->Get(index);
  if (entry.kind() == fb::SegmentKind::Generated)
    return {};
  return bytes.subspan(entry.offset(), entry.bytes());
}

bool Artifact::hasGeneratedWeights() const {
  for (uint32_t i = 0; root->segments() && i < root->segments()->size(); ++i)
    if (isGenerated(i))
      return true;
  return false;
}

void Artifact::readGenerated(uint32_t index, uint64_t offset, std::span<std::byte> out) const {
  const uint64_t end = offset + out.size();
  std::ranges::fill(out, std::byte(0)); // between weights
  for (uint32_t i = 0; root->weights() && i < root->weights()->size(); ++i) {
    const fb::Weight &weight = *root->weights()->Get(i);
    uint64_t first = std::max(weight.offset(), offset);
    uint64_t last = std::min(weight.offset() + weight.bytes(), end);
    if (weight.segment() != index || first >= last)
      continue;
    const fb::Fill &fill = *root->fills()->Get(static_cast<uint32_t>(weight.fill()));
    generateWeight({{fill.fixed()->data(), fill.fixed()->size()},
                    {fill.random()->data(), fill.random()->size()}},
                   weight.offset(), first, out.subspan(first - offset, last - first));
  }
}

std::span<const std::byte> Artifact::weight(uint32_t index) const {
  const fb::Weight &entry = *root->weights()->Get(index);
  if (isGenerated(entry.segment()))
    return {};
  return segment(entry.segment()).subspan(entry.offset(), entry.bytes());
}

uint64_t Artifact::weightBytes() const {
  uint64_t total = 0;
  for (uint32_t i = 0; root->segments() && i < root->segments()->size(); ++i)
    if (root->segments()->Get(i)->kind() == fb::SegmentKind::Weights)
      total += root->segments()->Get(i)->bytes();
  return total;
}

ErrorOr<void> Artifact::verifyWeights(const ProgressFunction &progress) const {
  uint64_t total = weightBytes(), done = 0;
  for (uint32_t i = 0; root->segments() && i < root->segments()->size(); ++i) {
    const fb::Segment &entry = *root->segments()->Get(i);
    if (entry.kind() != fb::SegmentKind::Weights)
      continue;
    std::optional<uint64_t> found = checksumInChunks(segment(i), [&](uint64_t chunk) {
      done += chunk;
      return !progress || progress(done, total);
    });
    if (!found)
      return makeError("stopped at segments[%u], %" PRIu64 " of %" PRIu64 " bytes verified", i,
                       done, total);
    if (*found != entry.checksum())
      return damaged(name,
                     makeError("segments[%u].checksum: expected %016" PRIx64 ", found %016" PRIx64,
                               i, entry.checksum(), *found)
                         .message);
  }
  return {};
}

} // namespace tawny
