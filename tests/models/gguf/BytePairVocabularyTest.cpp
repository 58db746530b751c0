// What is read from sound byte-level BPE vocabularies.
#include "tests/models/gguf/ReadVocabulary.h"
#include "llvm/ADT/STLExtras.h"

using namespace tawny::gguf;
using namespace tawny::gguf::test;

namespace {

TEST(GGUFBytePair, ReadsTheBytesOfTokens) {
  ReadVocabulary read(tinyBytePair());
  const Vocabulary &v = read.vocabulary;
  EXPECT_EQ(v.kind, VocabularyKind::BytePair);
  ASSERT_EQ(v.tokens.size(), 261u);
  for (unsigned byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(v.tokens[byte].text, std::string(1, char(byte)));
    EXPECT_EQ(v.byteTokens[byte], byte);
  }
  EXPECT_EQ(v.tokens[258].text, " ab");
  EXPECT_EQ(v.tokens[259].text, "<|end|>");
  EXPECT_EQ(v.tokens[259].kind, TokenKind::Control);
  EXPECT_EQ(v.eosId, 259u);
  EXPECT_FALSE(v.addBos);
  EXPECT_FALSE(v.addEos);
  EXPECT_FALSE(v.addSpacePrefix);
}

TEST(GGUFBytePair, ReadsMergesByRank) {
  ReadVocabulary read(tinyBytePair());
  ASSERT_EQ(read.vocabulary.merges.size(), 3u);
  const uint32_t expected[][3] = {{'a', 'b', 257}, {' ', 'a', 256}, {' ', 257, 258}};
  for (auto [rank, merge] : llvm::enumerate(read.vocabulary.merges)) {
    EXPECT_EQ(merge.left, expected[rank][0]);
    EXPECT_EQ(merge.right, expected[rank][1]);
    EXPECT_EQ(merge.result, expected[rank][2]);
  }
}

TEST(GGUFBytePair, KeepsTextsThatNoMergeMakes) {
  std::vector<std::string> texts = byteTexts();
  texts.insert(texts.end(), {"\u0120a", "ab", "\u0120ab", "<\uff5cend\uff5c>", "  "});
  ReadVocabulary read(tinyBytePair().strings("tokenizer.ggml.tokens", texts));
  ASSERT_EQ(read.vocabulary.tokens.size(), 261u);
  EXPECT_EQ(read.vocabulary.tokens[259].text, "<\uff5cend\uff5c>");
  EXPECT_EQ(read.vocabulary.tokens[260].text, "  ");
}

TEST(GGUFBytePair, NeedsNoTokenForBytesThatUtf8DoesNotUse) {
  std::vector<std::string> texts = byteTexts();
  std::vector<int32_t> kinds(256, 1);
  for (unsigned byte : {0xc0, 0xc1, 0xf1, 0xf5, 0xff})
    kinds[byte] = 4;
  ReadVocabulary read(tinyBytePair()
                          .strings("tokenizer.ggml.tokens", texts)
                          .ints("tokenizer.ggml.token_type", kinds)
                          .strings("tokenizer.ggml.merges", {})
                          .erase("tokenizer.ggml.eos_token_id"));
  EXPECT_EQ(read.vocabulary.byteTokens[0xff], std::nullopt);
  EXPECT_EQ(read.vocabulary.byteTokens[0xf0], 0xf0u);
  EXPECT_EQ(read.vocabulary.tokens[0xff].text, "\u00ff");
}

TEST(GGUFBytePair, KnowsWhatFollowsFromThePreTokenizer) {
  auto with = [](const char *name) {
    return ReadVocabulary(tinyBytePair()
                              .string("tokenizer.ggml.pre", name)
                              .u32("tokenizer.ggml.bos_token_id", 259))
        .vocabulary;
  };
  Vocabulary qwen = with("qwen2");
  EXPECT_EQ(qwen.preTokenizer, "qwen2");
  EXPECT_TRUE(qwen.nfc);
  EXPECT_FALSE(qwen.wholeTokens);
  EXPECT_FALSE(qwen.addBos);
  for (const char *name : {"llama-bpe", "llama3", "llama-v3"}) {
    Vocabulary llama = with(name);
    EXPECT_EQ(llama.preTokenizer, "llama-bpe");
    EXPECT_FALSE(llama.nfc);
    EXPECT_TRUE(llama.wholeTokens);
    EXPECT_TRUE(llama.addBos);
  }
  for (const char *name :
       {"default", "gpt-2", "deepseek-llm", "deepseek-coder", "falcon", "starcoder", "refact"})
    EXPECT_EQ(with(name).preTokenizer, name);
  ReadVocabulary unnamed(tinyBytePair().erase("tokenizer.ggml.pre"));
  EXPECT_EQ(unnamed.vocabulary.preTokenizer, "default");
  // The default of adding BOS needs a BOS.
  EXPECT_FALSE(
      ReadVocabulary(tinyBytePair().string("tokenizer.ggml.pre", "llama-bpe")).vocabulary.addBos);
}

} // namespace
