// Vocabularies for tests.
#pragma once

#include "runtime/tokenizer/SentencePiece.h"

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tawny::testing_support {

/// A vocabulary that owns its memory and grows token by token.
struct OwnedVocabulary {
  std::string texts;
  std::vector<uint32_t> offsets = {0};
  std::vector<float> scores;
  std::vector<uint8_t> types;
  int32_t bosId = -1, eosId = -1, unkId = -1, padId = -1;
  bool addSpacePrefix = false;

  int32_t add(std::string_view text, float score = 0, TokenType type = TokenType::Normal) {
    texts += text;
    offsets.push_back(static_cast<uint32_t>(texts.size()));
    scores.push_back(score);
    types.push_back(static_cast<uint8_t>(type));
    return static_cast<int32_t>(types.size() - 1);
  }

  void addBytes() {
    for (unsigned byte = 0; byte < 256; ++byte) {
      char text[8];
      std::snprintf(text, sizeof(text), "<0x%02X>", byte);
      add(text, 0, TokenType::Byte);
    }
  }

  VocabularyView view() const {
    return {texts, offsets, scores, types, bosId, eosId, unkId, padId, addSpacePrefix};
  }

  std::unique_ptr<Tokenizer> make() const {
    auto tokenizer = SentencePieceTokenizer::create(view());
    if (!tokenizer)
      std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str());
    return tokenizer ? std::move(*tokenizer) : nullptr;
  }
};

/// Unknown, BOS and EOS are 0 to 2, bytes 3 to 258; then come a few pieces of every kind.
inline OwnedVocabulary makeSmallVocabulary() {
  OwnedVocabulary vocabulary;
  vocabulary.unkId = vocabulary.add("<unk>", 0, TokenType::Unknown);
  vocabulary.bosId = vocabulary.add("<s>", 0, TokenType::Control);
  vocabulary.eosId = vocabulary.add("</s>", 0, TokenType::Control);
  vocabulary.addBytes();
  vocabulary.addSpacePrefix = true;
  float score = 0;
  for (std::string_view text : {"\u2581t",   "he",
                                "\u2581a",   "in",
                                "\u2581the", "\u2581\u2581",
                                "aa",        "aaaa",
                                "er",        "\u2581\u2581\u2581\u2581",
                                "ab",        "bc",
                                "</",        "s>",
                                "\u2581",    "a",
                                "b",         "c",
                                "e",         "h",
                                "i",         "n",
                                "r",         "s",
                                "t",         "<",
                                ">",         "/",
                                "\u00e9",    "\u00e9\u00e9",
                                "\n"})
    vocabulary.add(text, score -= 1);
  vocabulary.add("<|user|>", 0, TokenType::Control);
  vocabulary.add("<|user|><|end|>", 0, TokenType::Control);
  vocabulary.add("then", 0, TokenType::UserDefined);
  vocabulary.add("then a", 0, TokenType::UserDefined);
  vocabulary.add("hi", -0.5f, TokenType::Unused);
  return vocabulary;
}

} // namespace tawny::testing_support
