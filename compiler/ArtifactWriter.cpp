#include "compiler/ArtifactWriter.h"

#include "compiler/ArtifactHeader.h"
#include "compiler/FillTable.h"
#include "compiler/WeightPacker.h"
#include "compiler/WeightTable.h"
#include "runtime/artifact/Format.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tawny {
namespace {

/// Writes one file front to back, except for its header, whose length is known from the start but
/// which says what the segments' checksums are.
class Writer {
public:
  Writer(const ArtifactContents &contents, const WeightTable &weights, const FillTable &fills,
         fb::ArtifactT &header, int descriptor, const WriteProgress &progress)
      : contents(contents), weights(weights), fills(fills), header(header), descriptor(descriptor),
        progress(progress) {}

  llvm::Expected<ArtifactSize> run();

private:
  llvm::Error placeSegments();
  llvm::Error writeCode();
  llvm::Error writeWeights();
  llvm::Error writeHeader();
  llvm::Error writeAt(uint64_t offset, llvm::ArrayRef<std::byte> bytes);
  llvm::Error append(llvm::ArrayRef<std::byte> bytes);
  llvm::Error writePending();

  const ArtifactContents &contents;
  const WeightTable &weights;
  const FillTable &fills; ///< Of a synthetic model.
  fb::ArtifactT &header;
  int descriptor;
  const WriteProgress &progress;
  ArtifactSize size;
  std::vector<std::byte> pending; ///< Weights on their way to the file, less than a piece.
  uint64_t pendingOffset = 0;     ///< Where in the file they go.
};

/// Weights are written in pieces that end at multiples of this. Linux caches a whole one in large
/// pages then, and who maps the file reads them faster (docs/codegen.md).
constexpr uint64_t pieceBytes = uint64_t{4} << 20;

llvm::ArrayRef<std::byte> bytesOf(llvm::StringRef text) {
  return {reinterpret_cast<const std::byte *>(text.data()), text.size()};
}

llvm::Error Writer::writeAt(uint64_t offset, llvm::ArrayRef<std::byte> bytes) {
  while (!bytes.empty()) {
    ssize_t written = pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return llvm::createStringError("cannot write the artifact: %s",
                                     written < 0 ? std::strerror(errno) : "the disk is full");
    bytes = bytes.drop_front(written);
    offset += written;
  }
  return llvm::Error::success();
}

llvm::Error Writer::append(llvm::ArrayRef<std::byte> bytes) {
  while (!bytes.empty()) {
    uint64_t room = pieceBytes - (pendingOffset + pending.size()) % pieceBytes;
    llvm::ArrayRef<std::byte> next = bytes.take_front(room);
    pending.insert(pending.end(), next.begin(), next.end());
    bytes = bytes.drop_front(next.size());
    if (next.size() < room)
      break;
    if (llvm::Error error = writePending())
      return error;
  }
  return llvm::Error::success();
}

llvm::Error Writer::writePending() {
  llvm::Error error = writeAt(pendingOffset, pending);
  pendingOffset += pending.size();
  pending.clear();
  return error;
}

llvm::Error Writer::placeSegments() {
  size.header = encodeHeader(header).size();
  if (size.header > format::maxHeaderBytes)
    return llvm::createStringError("the artifact's header takes %llu bytes, at most 2 GiB can be "
                                   "written; lower --max-batch",
                                   static_cast<unsigned long long>(size.header));
  uint64_t end = format::preambleBytes + size.header;
  for (auto &segment : header.segments) {
    if (segment->kind == fb::SegmentKind::Generated)
      continue;
    segment->offset = llvm::alignTo(end, format::segmentAlignment);
    end = segment->offset + segment->bytes;
    (segment->kind == fb::SegmentKind::Code ? size.code : size.weights) += segment->bytes;
  }
  size.file = end;
  return llvm::Error::success();
}

llvm::Error Writer::writeCode() {
  for (auto [index, text] : llvm::enumerate(codeSegments(contents))) {
    fb::SegmentT &segment = *header.segments[index];
    llvm::ArrayRef<std::byte> code = bytesOf(text);
    segment.checksum = XXH3_64bits(code.data(), code.size());
    if (llvm::Error error = writeAt(segment.offset, code))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error Writer::writeWeights() {
  if (contents.generateAtLoad)
    return llvm::Error::success();
  llvm::ArrayRef<StoredWeight> rest = weights.weights;
  const size_t firstSegment = header.segments.size() - weights.segmentBytes.size();
  uint64_t done = 0;
  for (size_t index = 0; index < weights.segmentBytes.size(); ++index) {
    fb::SegmentT &segment = *header.segments[firstSegment + index];
    auto own = rest.take_while([&](const StoredWeight &weight) { return weight.segment == index; });
    rest = rest.drop_front(own.size());
    XXH3_state_t checksum;
    XXH3_64bits_reset(&checksum);
    pendingOffset = segment.offset;
    auto sink = [&](llvm::ArrayRef<std::byte> bytes) {
      XXH3_64bits_update(&checksum, bytes.data(), bytes.size());
      llvm::Error error = append(bytes);
      done += bytes.size();
      if (progress)
        progress(done, size.weights);
      return error;
    };
    size_t first = own.begin() - weights.weights.data();
    llvm::Error error =
        contents.model.isSynthetic
            ? generateWeights(own, llvm::ArrayRef(fills.indices).slice(first, own.size()),
                              fills.fills, sink)
            : packWeights(own, *contents.model.file, sink);
    if (error)
      return error;
    if (llvm::Error last = writePending())
      return last;
    segment.checksum = XXH3_64bits_digest(&checksum);
  }
  return llvm::Error::success();
}

llvm::Error Writer::writeHeader() {
  std::string encoded = encodeHeader(header);
  assert(encoded.size() == size.header && "the header's length depends on its values");
  format::Preamble preamble{};
  std::memcpy(preamble.magic, format::magic.data(), sizeof(preamble.magic));
  preamble.version = format::version;
  preamble.headerBytes = static_cast<uint32_t>(encoded.size());
  preamble.headerChecksum = XXH3_64bits(encoded.data(), encoded.size());
  preamble.fileBytes = size.file;
  if (llvm::Error error =
          writeAt(0, {reinterpret_cast<const std::byte *>(&preamble), sizeof(preamble)}))
    return error;
  return writeAt(sizeof(preamble), bytesOf(encoded));
}

llvm::Expected<ArtifactSize> Writer::run() {
  if (llvm::Error error = placeSegments())
    return error;
  if (llvm::Error error = writeCode())
    return error;
  if (llvm::Error error = writeWeights())
    return error;
  if (llvm::Error error = writeHeader())
    return error;
  return size;
}

/// The regular file to replace, symbolic links resolved, or the new one to make.
llvm::Expected<std::string> resolveOutput(llvm::StringRef path, llvm::StringRef modelPath) {
  llvm::sys::fs::file_status status;
  if (llvm::sys::fs::status(path, status))
    return path.str();
  if (status.type() != llvm::sys::fs::file_type::regular_file)
    return llvm::createStringError(
        "expected a new or regular file to write to, found something else");
  llvm::sys::fs::file_status model;
  if (!llvm::sys::fs::status(modelPath, model) && llvm::sys::fs::equivalent(status, model))
    return llvm::createStringError(
        "expected an output apart from the model, found the model file itself");
  llvm::SmallString<256> resolved;
  if (std::error_code code = llvm::sys::fs::real_path(path, resolved))
    return llvm::errorCodeToError(code);
  return resolved.str().str();
}

} // namespace

llvm::Expected<ArtifactSize> writeArtifact(const ArtifactContents &contents, llvm::StringRef path,
                                           const WriteProgress &progress) {
  llvm::Expected<WeightTable> weights =
      buildWeightTable(contents.targets, contents.model.file->bytes().size());
  if (!weights)
    return weights.takeError();
  FillTable fills;
  if (contents.model.isSynthetic)
    fills = buildFillTable(weights->weights);
  llvm::Expected<fb::ArtifactT> header =
      buildHeader(contents, *weights, contents.generateAtLoad ? &fills : nullptr);
  if (!header)
    return header.takeError();
  llvm::Expected<std::string> output = resolveOutput(path, contents.model.file->path);
  if (!output)
    return llvm::createFileError(path, output.takeError());
  // Also removed by LLVM's handlers of SIGINT, SIGTERM and the like.
  llvm::Expected<llvm::sys::fs::TempFile> file =
      llvm::sys::fs::TempFile::create(*output + ".%%%%%%%%.tmp");
  if (!file)
    return llvm::createFileError(path, file.takeError());
  llvm::Expected<ArtifactSize> size =
      Writer(contents, *weights, fills, *header, file->FD, progress).run();
  if (!size)
    return llvm::joinErrors(llvm::createFileError(path, size.takeError()), file->discard());
  if (llvm::Error error = file->keep(*output))
    return llvm::createFileError(path, std::move(error));
  return size;
}

} // namespace tawny
