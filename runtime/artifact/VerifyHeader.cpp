#include "runtime/artifact/CheckedMath.h"
#include "runtime/artifact/Format.h"
#include "runtime/artifact/Verify.h"

#include <algorithm>
#include <cinttypes>
#include <vector>

namespace tawny {
namespace {

bool verifyModel(Checker &check, const Field &where, const fb::Model &model) {
  return check.text(where("architecture"), model.architecture()) &&
         check.inRange(where("layers"), model.layers(), 0, format::maxLayers) &&
         check.inRange(where("hidden_size"), model.hidden_size(), 0, format::maxHiddenSize) &&
         check.inRange(where("vocab_size"), model.vocab_size(), 0, format::maxVocabulary);
}

bool verifySegment(Checker &check, const Field &where, const fb::Segment &segment,
                   uint64_t headerEnd, uint64_t fileBytes) {
  if (!check.enumeration(where("kind"), segment.kind(), fb::SegmentKind::MAX))
    return false;
  if (segment.kind() == fb::SegmentKind::Generated)
    return check.inRange(where("offset"), segment.offset(), 0, 0) &&
           check.inRange(where("bytes"), segment.bytes(), 1, format::maxBufferBytes);
  return check.multipleOf(where("offset"), segment.offset(), format::segmentAlignment) &&
         check.expect(segment.offset() >= headerEnd, where("offset"),
                      "expected at least %" PRIu64 ", where the header ends, found %" PRIu64,
                      headerEnd, segment.offset()) &&
         check.within(where("bytes"), segment.offset(), segment.bytes(), fileBytes, "the file");
}

/// Segments of the file may stand in any order, but no byte belongs to two.
bool verifyDisjoint(Checker &check, const fb::Artifact &artifact) {
  const auto &segments = *artifact.segments();
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < segments.size(); ++i)
    if (segments.Get(i)->kind() != fb::SegmentKind::Generated)
      order.push_back(i);
  std::ranges::sort(order, {}, [&](uint32_t i) { return segments.Get(i)->offset(); });
  for (size_t i = 1; i < order.size(); ++i) {
    const fb::Segment &before = *segments.Get(order[i - 1]);
    const fb::Segment &segment = *segments.Get(order[i]);
    Field where("segments", order[i]);
    if (!check.expect(segment.offset() >= before.offset() + before.bytes(), where("offset"),
                      "expected at least %" PRIu64 ", where segments[%u] ends, found %" PRIu64,
                      before.offset() + before.bytes(), order[i - 1], segment.offset()))
      return false;
  }
  return true;
}

bool verifySegments(Checker &check, const fb::Artifact &artifact, uint64_t headerEnd,
                    uint64_t fileBytes) {
  Field all("segments");
  if (!artifact.segments())
    return true;
  if (!check.expect(artifact.segments()->size() <= format::maxSegments, all,
                    "expected at most %" PRIu64 ", found %u", format::maxSegments,
                    artifact.segments()->size()))
    return false;
  for (uint32_t i = 0; i < artifact.segments()->size(); ++i) {
    Field where("segments", i);
    if (!verifySegment(check, where, *artifact.segments()->Get(i), headerEnd, fileBytes))
      return false;
  }
  return verifyDisjoint(check, artifact);
}

bool verifyFill(Checker &check, const Field &where, const fb::Fill &fill) {
  return check.present(where("fixed"), fill.fixed()) &&
         check.present(where("random"), fill.random()) &&
         check.expect(fill.fixed()->size() != 0, where("fixed"), "expected bytes, found none") &&
         check.multipleOf(where("fixed"), fill.fixed()->size(), format::dataAlignment) &&
         check.expect(fill.random()->size() == fill.fixed()->size(), where("random"),
                      "expected as many bytes as in fixed, %u, found %u", fill.fixed()->size(),
                      fill.random()->size());
}

bool verifyFills(Checker &check, const fb::Artifact &artifact) {
  for (uint32_t i = 0; artifact.fills() && i < artifact.fills()->size(); ++i) {
    Field where("fills", i);
    if (!verifyFill(check, where, *artifact.fills()->Get(i)))
      return false;
  }
  return true;
}

/// Weights have a fill where their segment is generated and only there.
bool verifyFillIndex(Checker &check, const Field &where, const fb::Artifact &artifact,
                     const fb::Weight &weight, const fb::Segment &segment) {
  if (segment.kind() != fb::SegmentKind::Generated)
    return check.expect(weight.fill() == -1, where("fill"),
                        "expected -1, as the file holds this weight, found %d", weight.fill());
  uint32_t fills = artifact.fills() ? artifact.fills()->size() : 0;
  return check.expect(weight.fill() >= 0 && weight.fill() < static_cast<int64_t>(fills),
                      where("fill"), "expected an index below %u, found %d", fills, weight.fill());
}

bool verifyWeight(Checker &check, const Field &where, const fb::Artifact &artifact,
                  const fb::Weight &weight) {
  uint32_t segments = artifact.segments() ? artifact.segments()->size() : 0;
  if (!(check.text(where("name"), weight.name()) && check.text(where("format"), weight.format()) &&
        check.text(where("layout"), weight.layout()) &&
        check.inRange(where("rows"), weight.rows(), 1, format::maxBufferBytes) &&
        check.inRange(where("columns"), weight.columns(), 1, format::maxBufferBytes) &&
        check.expect(checkedProduct({weight.rows(), weight.columns()}).has_value(), where("rows"),
                     "expected rows * columns to fit 64 bits, found %" PRIu64 " * %" PRIu64,
                     weight.rows(), weight.columns()) &&
        check.expect(weight.segment() < segments, where("segment"),
                     "expected an index below %u, found %u", segments, weight.segment())))
    return false;
  const fb::Segment &segment = *artifact.segments()->Get(weight.segment());
  return check.expect(segment.kind() != fb::SegmentKind::Code, where("segment"),
                      "expected a segment of weights, found one of code") &&
         verifyFillIndex(check, where, artifact, weight, segment) &&
         check.multipleOf(where("offset"), weight.offset(), format::dataAlignment) &&
         check.within(where("bytes"), weight.offset(), weight.bytes(), segment.bytes(),
                      "the segment");
}

bool verifyWeights(Checker &check, const fb::Artifact &artifact) {
  for (uint32_t i = 0; artifact.weights() && i < artifact.weights()->size(); ++i) {
    Field where("weights", i);
    if (!verifyWeight(check, where, artifact, *artifact.weights()->Get(i)))
      return false;
  }
  return true;
}

/// A file either computes, or is there for its vocabulary.
bool verifyPurpose(Checker &check, const fb::Artifact &artifact) {
  Field targets("targets"), tokenizer("tokenizer");
  bool computes = artifact.targets() && artifact.targets()->size() != 0;
  if (!computes)
    return check.present(tokenizer, artifact.tokenizer());
  Field model("model");
  uint32_t vocabulary = artifact.model()->vocab_size();
  uint32_t tokens = artifact.tokenizer() ? artifact.tokenizer()->types()->size() : 0;
  if (!(check.inRange(model("vocab_size"), vocabulary, 1, format::maxVocabulary) &&
        check.expect(tokens <= vocabulary, tokenizer,
                     "expected no more tokens than model.vocab_size, %u, found %u", vocabulary,
                     tokens) &&
        check.inRange(Field("max_context"), artifact.max_context(), 1, format::maxContext) &&
        check.inRange(Field("max_batch"), artifact.max_batch(), 1, format::maxBatch) &&
        check.inRange(Field("kv_tokens"), artifact.kv_tokens(), 1, INT32_MAX)))
    return false;
  for (uint32_t i = 0; i < artifact.targets()->size(); ++i) {
    Field where("targets", i);
    if (!verify::target(check, where, artifact, *artifact.targets()->Get(i)))
      return false;
  }
  return true;
}

bool verifyArtifact(Checker &check, const fb::Artifact &artifact, uint64_t headerEnd,
                    uint64_t fileBytes) {
  Field model("model"), tokenizer("tokenizer");
  return check.text(Field("compiler_version"), artifact.compiler_version()) &&
         check.present(model, artifact.model()) && verifyModel(check, model, *artifact.model()) &&
         verifySegments(check, artifact, headerEnd, fileBytes) && verifyFills(check, artifact) &&
         verifyWeights(check, artifact) &&
         (!artifact.tokenizer() || verify::tokenizer(check, tokenizer, *artifact.tokenizer())) &&
         verifyPurpose(check, artifact);
}

} // namespace

ErrorOr<void> verifyHeader(std::span<const std::byte> header, uint64_t headerEnd,
                           uint64_t fileBytes) {
  if (header.size() < 16 || header.size() > format::maxHeaderBytes)
    return makeError("header: expected 16 to %" PRIu64 " bytes, found %zu", format::maxHeaderBytes,
                     header.size());
  flatbuffers::Verifier::Options options;
  // A binding is a table: models of a hundred layers with a dozen programs pass the default
  // million.
  options.max_tables = 1u << 26;
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t *>(header.data()), header.size(),
                                 options);
  if (!fb::ArtifactBufferHasIdentifier(header.data()))
    return makeError("header: expected a FlatBuffer with the identifier '%s', found another",
                     fb::ArtifactIdentifier());
  if (!fb::VerifyArtifactBuffer(verifier))
    return makeError("header: expected a FlatBuffer of this program's schema, found one whose "
                     "offsets lead astray");
  Checker check;
  if (!verifyArtifact(check, *fb::GetArtifact(header.data()), headerEnd, fileBytes))
    return *check.error();
  return {};
}

} // namespace tawny
