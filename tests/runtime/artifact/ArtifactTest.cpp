#include "runtime/artifact/Artifact.h"

#include "runtime/artifact/Format.h"
#include "tests/runtime/artifact/Damage.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

namespace tawny::test {
namespace {

TEST(Artifact, OpensAFile) {
  ToyFile file = toyModel(anyCode());
  AlignedBytes bytes = file.encode();
  std::string path = writeTemporary("open", bytes.span());
  auto artifact = Artifact::open(path);
  ASSERT_TRUE(artifact) << artifact.error().message;
  EXPECT_EQ((*artifact)->header().model()->name()->string_view(), "toy");
  EXPECT_EQ((*artifact)->fileBytes(), bytes.span().size());
  EXPECT_EQ((*artifact)->weightBytes(), 128u);
  EXPECT_EQ((*artifact)->segment(1).size(), 100u);
  // The toy's weight is the second half of its segment, whose values start again at 0.
  ASSERT_EQ((*artifact)->weight(0).size(), 64u);
  float second;
  std::memcpy(&second, (*artifact)->weight(0).data() + sizeof(float), sizeof(second));
  EXPECT_EQ(second, 1.0f);
  EXPECT_GE((*artifact)->descriptor(), 0);
  std::filesystem::remove(path);
}

TEST(Artifact, OutlivesItsPath) {
  ToyFile file = toyModel(anyCode());
  std::string path = writeTemporary("replaced", file.encode().span());
  auto artifact = Artifact::open(path);
  ASSERT_TRUE(artifact) << artifact.error().message;
  std::filesystem::remove(path);
  ToyFile other = toyVocabulary();
  writeTemporary("replaced", other.encode().span());
  EXPECT_TRUE((*artifact)->verifyWeights({}));
  EXPECT_EQ((*artifact)->segment(1)[99], std::byte(0xc3));
  std::filesystem::remove(path);
}

TEST(Artifact, MayHoldAVocabularyAlone) {
  ToyFile file = toyVocabulary();
  AlignedBytes bytes = file.encode();
  auto artifact = Artifact::fromMemory(bytes.span(), "toy");
  ASSERT_TRUE(artifact) << artifact.error().message;
  EXPECT_EQ((*artifact)->header().targets(), nullptr);
  EXPECT_EQ((*artifact)->weightBytes(), 0u);
  EXPECT_TRUE((*artifact)->verifyWeights({}));
}

TEST(Artifact, RefusesWhatIsNoFile) {
  EXPECT_EQ(errorOf(Artifact::open("/nonexistent/a.tawny")),
            "cannot open '/nonexistent/a.tawny': No such file or directory");
  EXPECT_EQ(errorOf(Artifact::open("/dev/null")),
            "cannot read '/dev/null': expected a regular file");
  std::string path = writeTemporary("empty", {});
  EXPECT_EQ(errorOf(Artifact::open(path)),
            "'" + path + "' is empty: expected an artifact made by tawnyc");
  std::filesystem::remove(path);
}

/// Changes one part of the preamble of a good file; expects the finding.
void expectPreamble(size_t offset, uint32_t value, const std::string &finding) {
  ToyFile file = toyModel(anyCode());
  AlignedBytes bytes = file.encode();
  std::memcpy(bytes.span().data() + offset, &value, sizeof(value));
  EXPECT_EQ(errorOf(Artifact::fromMemory(bytes.span(), "toy")), sentence(finding));
}

TEST(Artifact, RefusesADamagedPreamble) {
  expectPreamble(0, 0x46554747, "preamble: expected the magic 'TAWNYAOT' at byte 0, found another");
  expectPreamble(8, 2, "preamble: expected format version 1 at byte 8, found 2");
  expectPreamble(12, 0x7fffffff,
                 "preamble: expected a header of at most 12324 bytes at byte 12, found 2147483647");
  expectPreamble(24, 5, "preamble: expected a file of 5 bytes, as byte 24 says, found 12388");
  expectPreamble(60, 1, "preamble: expected zeros from byte 32 on, found something else");
  ToyFile file = toyModel(anyCode());
  AlignedBytes bytes = file.encode();
  bytes.span()[format::preambleBytes + 100] ^= std::byte(1);
  std::string error = errorOf(Artifact::fromMemory(bytes.span(), "toy"));
  EXPECT_NE(error.find("preamble: expected the header's checksum "), std::string::npos) << error;
}

TEST(Artifact, RefusesAnotherFlatBuffer) {
  ToyFile file = toyModel(anyCode());
  AlignedBytes bytes = file.encode();
  std::memcpy(bytes.span().data() + format::preambleBytes + 4, "ABCD", 4);
  repairPreamble(bytes.span());
  EXPECT_EQ(errorOf(Artifact::fromMemory(bytes.span(), "toy")),
            sentence("header: expected a FlatBuffer with the identifier 'TWNY', found another"));
  uint32_t astray = 0x7ffffff0;
  bytes = file.encode();
  std::memcpy(bytes.span().data() + format::preambleBytes, &astray, sizeof(astray));
  repairPreamble(bytes.span());
  EXPECT_EQ(errorOf(Artifact::fromMemory(bytes.span(), "toy")),
            sentence("header: expected a FlatBuffer of this program's schema, found one whose "
                     "offsets lead astray"));
}

TEST(Artifact, RefusesUnalignedMemory) {
  AlignedBytes bytes(4096);
  EXPECT_EQ(errorOf(Artifact::fromMemory(bytes.span().subspan(1), "toy")),
            "'toy' cannot be used: expected bytes aligned to 64");
}

TEST(Artifact, RefusesEveryTruncation) {
  ToyFile file = toyModel(anyCode());
  AlignedBytes whole = file.encode();
  size_t size = whole.span().size();
  for (size_t part = 0; part < 257; ++part) {
    size_t kept = size * part / 257;
    for (bool repaired : {false, true}) {
      // A copy of exactly this size, so that a sanitizer sees a read past its end.
      AlignedBytes cut(kept);
      std::memcpy(cut.span().data(), whole.span().data(), kept);
      if (repaired)
        repairPreamble(cut.span());
      EXPECT_NE(errorOf(Artifact::fromMemory(cut.span(), "toy")), "") << kept;
    }
  }
}

TEST(Artifact, VerifiesWeightsOnRequest) {
  ToyFile file = toyModel(anyCode());
  AlignedBytes bytes = file.encode();
  bytes.span()[file.header.segments[0]->offset + 5] ^= std::byte(0x10);
  auto artifact = Artifact::fromMemory(bytes.span(), "toy");
  ASSERT_TRUE(artifact) << artifact.error().message;
  uint64_t reported = 0;
  auto verified = (*artifact)->verifyWeights([&](uint64_t done, uint64_t total) {
    reported = done;
    EXPECT_EQ(total, 128u);
    return true;
  });
  ASSERT_FALSE(verified);
  EXPECT_EQ(reported, 128u);
  EXPECT_NE(verified.error().message.find("segments[0].checksum: expected "), std::string::npos);
  auto stopped = (*artifact)->verifyWeights([](uint64_t, uint64_t) { return false; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().message, "stopped at segments[0], 128 of 128 bytes verified");
}

// The fuzzer starts from these; TAWNY_UPDATE_CORPUS=1 writes them anew after a change of the
// schema.
/// Leaves the weights out of the toy model and says how to make them.
void generateWeights(fb::ArtifactT &artifact) {
  artifact.segments[0]->kind = fb::SegmentKind::Generated;
  artifact.segments[0]->offset = artifact.segments[0]->checksum = 0;
  artifact.fills.push_back(std::make_unique<fb::FillT>());
  artifact.fills[0]->fixed.assign(128, 0x30);
  artifact.fills[0]->random.assign(128, 0x0F);
  for (auto &weight : artifact.weights)
    weight->fill = 0;
}

TEST(Artifact, MakesWeightsThatTheFileDoesNotHold) {
  ToyFile file = toyModel(anyCode());
  AlignedBytes bytes = file.encode(generateWeights);
  auto artifact = Artifact::fromMemory(bytes.span(), "toy");
  ASSERT_TRUE(artifact) << artifact.error().message;
  EXPECT_TRUE((*artifact)->hasGeneratedWeights());
  EXPECT_EQ((*artifact)->weightBytes(), 0u);
  EXPECT_TRUE((*artifact)->segment(0).empty());
  EXPECT_TRUE((*artifact)->weight(0).empty());
  std::vector<std::byte> whole((*artifact)->segmentBytes(0)), parts = whole;
  (*artifact)->readGenerated(0, 0, whole);
  for (size_t first = 0; first < parts.size(); first += 64)
    (*artifact)->readGenerated(
        0, first, std::span(parts).subspan(first, std::min<size_t>(64, parts.size() - first)));
  EXPECT_EQ(whole, parts);
  const fb::Weight &weight = *(*artifact)->header().weights()->Get(0);
  std::set<std::byte> values;
  for (uint64_t i = 0; i < weight.bytes(); ++i) {
    std::byte value = whole[weight.offset() + i];
    EXPECT_EQ(value & std::byte(0xF0), std::byte(0x30)) << i;
    values.insert(value);
  }
  EXPECT_GT(values.size(), 8u);
}

TEST(Artifact, IsWhatTheCorpusHolds) {
  std::vector<std::byte> fewBytes(8, std::byte(0xc3));
  ToyFile model = toyModel(fewBytes), vocabulary = toyVocabulary(),
          bytePair = toyBytePairVocabulary();
  struct Entry {
    const char *name;
    ToyFile *file;
    HeaderChange change = {};
  };
  for (const Entry &entry :
       {Entry{"model", &model}, Entry{"vocabulary", &vocabulary}, Entry{"byte-pair", &bytePair},
        Entry{"generated", &model, generateWeights}}) {
    AlignedBytes bytes = entry.file->encode(entry.change);
    std::string expected(reinterpret_cast<const char *>(bytes.span().data()), bytes.span().size());
    std::string path = std::string(TAWNY_SOURCE_DIR "/tests/runtime/artifact/corpus/") + entry.name;
    if (std::getenv("TAWNY_UPDATE_CORPUS"))
      std::ofstream(path, std::ios::binary) << expected;
    std::ifstream stored(path, std::ios::binary);
    std::string found{std::istreambuf_iterator<char>(stored), {}};
    EXPECT_TRUE(found == expected) << path;
  }
}

} // namespace
} // namespace tawny::test
