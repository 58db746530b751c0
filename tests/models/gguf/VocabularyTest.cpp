// What is read from sound vocabularies.
#include "tests/models/gguf/ReadVocabulary.h"

using namespace tawny::gguf;
using namespace tawny::gguf::test;

namespace {

TEST(GGUFVocabulary, ReadsTokensAndDefaults) {
  ReadVocabulary read(tinyLlama());
  const Vocabulary &v = read.vocabulary;
  ASSERT_EQ(v.tokens.size(), 6u);
  EXPECT_EQ(v.tokens[0].text, "<unk>");
  EXPECT_EQ(v.tokens[0].kind, TokenKind::Unknown);
  EXPECT_EQ(v.tokens[1].kind, TokenKind::Control);
  EXPECT_EQ(v.tokens[4].text, "\xe2\x96\x81");
  EXPECT_EQ(v.tokens[4].kind, TokenKind::Normal);
  EXPECT_EQ(v.tokens[5].score, -2.0f);
  EXPECT_EQ(v.bosId, 1u);
  EXPECT_EQ(v.eosId, 2u);
  EXPECT_EQ(v.unknownId, 0u);
  EXPECT_EQ(v.paddingId, std::nullopt);
  EXPECT_TRUE(v.addBos);
  EXPECT_FALSE(v.addEos);
  EXPECT_TRUE(v.addSpacePrefix);
  EXPECT_EQ(v.chatTemplate, std::nullopt);
  for (unsigned byte = 0; byte < 256; ++byte)
    EXPECT_EQ(v.byteTokens[byte], byte == '\n' ? std::optional<uint32_t>(3) : std::nullopt);
}

TEST(GGUFVocabulary, ReadsWhatReplacesTheDefaults) {
  std::string kinds;
  for (uint32_t kind : {2, 3, 3, 6, 4, 5})
    kinds += u32Bytes(kind);
  ReadVocabulary read(tinyLlama()
                          .flag("tokenizer.ggml.add_bos_token", 0)
                          .flag("tokenizer.ggml.add_eos_token", 1)
                          .flag("tokenizer.ggml.add_space_prefix", 0)
                          .flag("tokenizer.ggml.remove_extra_whitespaces", 0)
                          .u32("tokenizer.ggml.padding_token_id", 5)
                          .string("tokenizer.chat_template", "{{ messages }}")
                          .set("tokenizer.ggml.token_type", ValueType::Array,
                               arrayBytes(ValueType::UInt32, 6, kinds)));
  const Vocabulary &v = read.vocabulary;
  EXPECT_FALSE(v.addBos);
  EXPECT_TRUE(v.addEos);
  EXPECT_FALSE(v.addSpacePrefix);
  EXPECT_EQ(v.paddingId, 5u);
  EXPECT_EQ(v.chatTemplate, "{{ messages }}");
  ASSERT_EQ(v.tokens.size(), 6u);
  EXPECT_EQ(v.tokens[4].kind, TokenKind::UserDefined);
  EXPECT_EQ(v.tokens[5].kind, TokenKind::Unused);
}

TEST(GGUFVocabulary, NeedsNoTensorsAndNoIdsThatAreNotAdded) {
  Builder builder;
  builder.string("tokenizer.ggml.model", "llama")
      .strings("tokenizer.ggml.tokens", {"a"})
      .floats("tokenizer.ggml.scores", {0})
      .ints("tokenizer.ggml.token_type", {1})
      .flag("tokenizer.ggml.add_bos_token", 0);
  ReadVocabulary read(builder);
  EXPECT_EQ(read.vocabulary.tokens.size(), 1u);
  EXPECT_EQ(read.vocabulary.bosId, std::nullopt);
}

TEST(GGUFVocabulary, KnowsWhatPhi3TokensStrip) {
  auto strips = [](const char *architecture) {
    ReadVocabulary read(tinyLlama()
                            .string("general.architecture", architecture)
                            .strings("tokenizer.ggml.tokens",
                                     {"<unk>", "<s>", "</s>", "<|user|>", "<|endoftext|>", "a"})
                            .ints("tokenizer.ggml.token_type", {3, 3, 4, 3, 3, 1}));
    std::string flags;
    for (const Token &token : read.vocabulary.tokens)
      flags += token.stripsRight ? '1' : '0';
    return flags;
  };
  EXPECT_EQ(strips("phi3"), "001100");
  EXPECT_EQ(strips("llama"), "000000");
}

TEST(GGUFVocabulary, RecognisesByteTokens) {
  EXPECT_EQ(parseByteToken("<0x00>"), 0);
  EXPECT_EQ(parseByteToken("<0xFF>"), 255);
  EXPECT_EQ(parseByteToken("<0xa1>"), 0xa1);
  for (llvm::StringRef text : {"", "<0x>", "<0x0>", "<0x000>", "<0X0A>", "<0xG0>", "<0x-1>",
                               "<0x+1>", "<0x 1>", "0x0A00", "<0x0A)"})
    EXPECT_EQ(parseByteToken(text), std::nullopt) << text.str();
}

} // namespace
