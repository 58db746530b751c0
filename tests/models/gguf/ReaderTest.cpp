// What the reader finds in sound files, and that no cut or flipped byte leads it outside the file.
#include "models/gguf/Reader.h"
#include "tests/models/gguf/Builder.h"
#include "tests/models/gguf/Touch.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace tawny::gguf;
using namespace tawny::gguf::test;

namespace {

/// A file and the bytes it views, in an allocation of exactly their size.
struct Parsed {
  explicit Parsed(const std::string &text) : bytes(text.begin(), text.end()) {
    llvm::Expected<File> result = parseFile(bytes);
    if (result)
      file = std::move(*result);
    else
      error = llvm::toString(result.takeError());
  }
  std::vector<uint8_t> bytes;
  File file;
  std::string error;
};

TEST(GGUFReader, ReadsHeaderAndTensors) {
  std::string text = oneOfEachType().build();
  Parsed parsed(text);
  ASSERT_EQ(parsed.error, "");
  const File &file = parsed.file;
  EXPECT_EQ(file.version, 3u);
  EXPECT_EQ(file.alignment, 32u);
  EXPECT_EQ(file.dataOffset % 32, 0u);

  struct Expected {
    llvm::StringRef name;
    std::vector<uint64_t> dims;
    uint32_t type;
    uint64_t relative, byteSize;
  };
  const Expected expected[] = {
      {"f32", {3, 1, 2, 1}, TypeF32, 0, 24},  {"f16", {5, 3}, TypeF16, 32, 30},
      {"q4_0", {64, 2}, TypeQ4_0, 64, 72},    {"q8_0", {32}, TypeQ8_0, 160, 34},
      {"q4_k", {256, 2}, TypeQ4_K, 224, 288}, {"q6_k", {256}, TypeQ6_K, 512, 210},
  };
  ASSERT_EQ(file.tensors.size(), std::size(expected));
  for (auto [tensor, want] : llvm::zip(file.tensors, expected)) {
    EXPECT_EQ(tensor.name, want.name);
    EXPECT_EQ(tensor.dims().vec(), want.dims);
    EXPECT_EQ(tensor.type, want.type);
    EXPECT_EQ(tensor.offset, file.dataOffset + want.relative);
    EXPECT_EQ(tensor.byteSize, want.byteSize);
    EXPECT_EQ(file.findTensor(want.name), &tensor);
  }
  EXPECT_EQ(file.findTensor("q5_k"), nullptr);
  EXPECT_EQ(file.tensors.back().offset + file.tensors.back().byteSize, text.size());
}

TEST(GGUFReader, ReadsEveryValueType) {
  Parsed parsed(seeds()[3].bytes);
  ASSERT_EQ(parsed.error, "");
  const File &file = parsed.file;
  const std::pair<llvm::StringRef, llvm::StringRef> expected[] = {
      {"u8", "u8 7"},
      {"i8", "i8 -7"},
      {"u16", "u16 513"},
      {"i16", "i16 -1"},
      {"u32", "u32 1"},
      {"i32", "i32 -2"},
      {"f32", "f32 0.5"},
      {"bool", "bool true"},
      {"string", "string 'text'"},
      {"u64", "u64 3"},
      {"i64", "i64 -4"},
      {"f64", "f64 0.25"},
      {"strings", "array of 3 string"},
      {"bools", "array of 2 bool"},
      {"none", "array of 0 u64"},
  };
  ASSERT_EQ(file.metadata.size(), std::size(expected));
  for (auto [entry, want] : llvm::zip(file.metadata, expected)) {
    EXPECT_EQ(entry.key, want.first);
    EXPECT_EQ(entry.value.describe(), want.second);
    EXPECT_EQ(file.find(want.first), &entry);
  }
  EXPECT_EQ(file.find("u"), nullptr);
  EXPECT_EQ(file.metadata[0].offset, 24u);
  EXPECT_EQ(file.metadata[0].value.offset(), 24u + 8 + 2 + 4);

  EXPECT_EQ(file.find("u16")->value.getUnsigned(), 513u);
  EXPECT_EQ(file.find("i64")->value.getUnsigned(), std::nullopt);
  EXPECT_EQ(file.find("f64")->value.getFloat(), 0.25);
  EXPECT_EQ(file.find("u32")->value.getFloat(), std::nullopt);
  EXPECT_EQ(file.find("bool")->value.getBool(), true);
  EXPECT_EQ(file.find("u8")->value.getBool(), std::nullopt);

  std::optional<StringArray> strings = file.find("strings")->value.getStrings();
  ASSERT_TRUE(strings);
  EXPECT_EQ(strings->size(), 3u);
  EXPECT_EQ(std::vector<std::string>(strings->begin(), strings->end()),
            (std::vector<std::string>{"", "a", "bc"}));
  const Value &bools = file.find("bools")->value;
  EXPECT_EQ(bools.getStrings(), std::nullopt);
  EXPECT_EQ(bools.element(1).getBool(), true);
  EXPECT_EQ(bools.element(1).offset(), bools.offset() + 4 + 8 + 1);
}

TEST(GGUFReader, ViewsPointIntoTheFile) {
  Parsed parsed(tinyLlama().build());
  ASSERT_EQ(parsed.error, "");
  auto inside = [&](llvm::StringRef text) {
    return text.bytes_begin() >= parsed.bytes.data() &&
           text.bytes_end() <= parsed.bytes.data() + parsed.bytes.size();
  };
  for (const MetadataEntry &entry : parsed.file.metadata)
    EXPECT_TRUE(inside(entry.key));
  std::optional<StringArray> tokens = parsed.file.find("tokenizer.ggml.tokens")->value.getStrings();
  ASSERT_TRUE(tokens);
  for (llvm::StringRef token : *tokens)
    EXPECT_TRUE(inside(token));
}

TEST(GGUFReader, ReadsVersion2AndEmptyFiles) {
  Builder builder;
  builder.version = 2;
  Parsed parsed(builder.build());
  EXPECT_EQ(parsed.error, "");
  EXPECT_EQ(parsed.file.version, 2u);
  EXPECT_TRUE(parsed.file.metadata.empty());
  EXPECT_TRUE(parsed.file.tensors.empty());
}

TEST(GGUFReader, TakesGapsAndAnyOrderOfData) {
  Builder builder;
  builder.tensor("a", {8}).tensor("b", {8}).tensor("c", {40});
  builder.at("a").offset = 64;
  builder.at("b").offset = 0;
  builder.at("c").offset = 96;
  Parsed parsed(builder.build() + std::string(64, '\0'));
  EXPECT_EQ(parsed.error, "");
}

TEST(GGUFReader, HonoursTheAlignment) {
  Parsed parsed(Builder().align(1024).tensor("a", {1}).tensor("b", {1}).build());
  ASSERT_EQ(parsed.error, "");
  EXPECT_EQ(parsed.file.alignment, 1024u);
  EXPECT_EQ(parsed.file.dataOffset, 1024u);
  EXPECT_EQ(parsed.file.tensors[1].offset, 2048u);
}

TEST(GGUFReader, NamesUnsupportedTypes) {
  Parsed parsed(Builder().tensor("a", {256}, TypeQ4_K).tensor("b", {256}, TypeQ5_K).build());
  ASSERT_EQ(parsed.error, "");
  auto supports = [](uint32_t type) { return type == TypeF32 || type == TypeQ4_K; };
  EXPECT_EQ(llvm::toString(requireSupportedTypes(parsed.file, supports)),
            "tensor 'b' (offset 57): expected one of the supported element types F32, Q4_K, found "
            "Q5_K (type 13); quantise the model to a supported type");
  auto supportsAll = [](uint32_t) { return true; };
  EXPECT_EQ(llvm::toString(requireSupportedTypes(parsed.file, supportsAll)), "");
}

TEST(GGUFReader, KnowsTheTypesOfTheSpecification) {
  unsigned known = 0, withdrawn = 0;
  for (uint32_t id = 0; id < 64; ++id) {
    const TypeInfo *info = typeInfo(id);
    known += info != nullptr;
    withdrawn += !withdrawnTypeName(id).empty();
    if (!info)
      continue;
    EXPECT_FALSE(info->name.empty());
    // Every format in use spends between 1 and 64 bits, plus scales, on an element.
    double bits = 8.0 * info->blockBytes / info->blockElements;
    EXPECT_GT(bits, 1.0) << info->name.str();
    EXPECT_LE(bits, 64.0) << info->name.str();
  }
  EXPECT_EQ(known, 34u);
  EXPECT_EQ(withdrawn, 8u);
  EXPECT_EQ(typeInfo(TypeQ5_K)->name, "Q5_K");
  EXPECT_EQ(typeInfo(30)->name, "BF16");
  EXPECT_EQ(withdrawnTypeName(5), "Q4_3");
}

TEST(GGUFReader, QuotesWhatCouldForgeAMessage) {
  EXPECT_EQ(quote("a'b\\c\n\x80"), R"('a\'b\\c\x0a\x80')");
  EXPECT_EQ(quote(std::string(200, 'x')), "'" + std::string(80, 'x') + "' (cut, 200 bytes)");
}

TEST(GGUFReader, RefusesEveryTruncation) {
  for (const Seed &seed : seeds()) {
    for (size_t size = 0; size < seed.bytes.size(); ++size) {
      Parsed parsed(seed.bytes.substr(0, size));
      EXPECT_NE(parsed.error, "") << seed.name << " cut to " << size << " bytes";
    }
    EXPECT_EQ(Parsed(seed.bytes).error, "") << seed.name;
  }
}

TEST(GGUFReader, StaysInsideDamagedFiles) {
  constexpr unsigned randomSeed = 20240229;
  SCOPED_TRACE(testing::Message() << "seed " << randomSeed);
  std::mt19937 random(randomSeed);
  for (const Seed &seed : seeds()) {
    for (size_t i = 0; i < seed.bytes.size(); ++i) {
      std::vector<uint8_t> bytes(seed.bytes.begin(), seed.bytes.end());
      for (uint8_t value : {uint8_t(0), uint8_t(0xff), uint8_t(bytes[i] + 1), uint8_t(random())}) {
        bytes[i] = value;
        touchEverything(bytes);
      }
    }
  }
}

TEST(GGUFReader, CommittedCorpusIsCurrent) {
  for (const Seed &seed : seeds()) {
    std::string path = std::string(TAWNY_SOURCE_DIR "/tests/models/gguf/corpus/") + seed.name;
    auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
    ASSERT_TRUE(file) << path;
    EXPECT_LT(seed.bytes.size(), 4096u) << seed.name;
    EXPECT_TRUE((*file)->getBuffer() == seed.bytes)
        << path << " differs from what the builder makes; run gguf-write-corpus";
  }
}

} // namespace
