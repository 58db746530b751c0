// Feeds damaged artifacts to everything that reads one before it is executed. The preamble is
// repaired first, or no input would get past the checksum.
#include "runtime/api/StoredVocabulary.h"
#include "runtime/device/CpuCode.h"
#include "runtime/executor/MemoryPlan.h"
#include "runtime/tokenizer/Tokenizer.h"
#include "tests/runtime/toy/ToyArtifact.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace tawny;

/// Encodes and decodes with a tokenizer that the checks have let through.
static void useTokenizer(const fb::Tokenizer &stored) {
  ErrorOr<std::unique_ptr<Tokenizer>> tokenizer = makeTokenizer(vocabularyOf(stored));
  if (!tokenizer)
    return;
  ErrorOr<std::vector<int32_t>> ids =
      (*tokenizer)->encode(" abc ab\xff\u4f60 </s>'s 12", {.parseSpecial = true});
  if (ids)
    (void)!(*tokenizer)->decode(*ids, {.renderSpecial = true});
}

/// Reads what an executor would read; a sanitizer complains where the checks let something through.
static void use(const Artifact &artifact) {
  const fb::Artifact &header = artifact.header();
  unsigned sum = 0;
  if (header.tokenizer())
    useTokenizer(*header.tokenizer());
  for (uint32_t i = 0; header.weights() && i < header.weights()->size(); ++i)
    for (std::byte byte : artifact.weight(i))
      sum += static_cast<unsigned>(byte);
  for (uint32_t i = 0; header.targets() && i < header.targets()->size(); ++i) {
    const fb::Target &target = *header.targets()->Get(i);
    ExecutionBounds bounds = {
        {target.kv()->pages(), target.kv()->page_tokens(), 1, header.max_context()}, 1};
    for (const MemoryLine &line : planMemory(artifact, target, bounds))
      sum += static_cast<unsigned>(line.bytes);
  }
  for (uint32_t i = 0; header.segments() && i < header.segments()->size(); ++i) {
    std::byte made[256];
    if (artifact.isGenerated(i))
      artifact.readGenerated(
          i, 0, std::span(made).first(std::min<uint64_t>(sizeof(made), artifact.segmentBytes(i))));
  }
  // The code is no shared object, or a damaged one; that must not matter either.
  for (uint32_t i = 0; header.segments() && i < header.segments()->size(); ++i)
    sum += checkSharedObject(artifact.segment(i)) ? 1 : 0;
  volatile unsigned sink = sum;
  (void)sink;
  // Damaged weights are found by their checksums, never by a crash.
  ErrorOr<void> verified = artifact.verifyWeights({});
  (void)!verified;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  test::AlignedBytes bytes(size);
  if (size)
    std::memcpy(bytes.span().data(), data, size);
  test::repairPreamble(bytes.span());
  ErrorOr<std::unique_ptr<Artifact>> artifact = Artifact::fromMemory(bytes.span(), "fuzz");
  if (artifact)
    use(**artifact);
  return 0;
}
