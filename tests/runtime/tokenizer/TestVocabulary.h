// Vocabularies for tests.
#pragma once

#include "runtime/tokenizer/Tokenizer.h"

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tawny::testing_support {

/// What MergeView views.
struct OwnedMerges {
  std::string preTokenizer;
  bool nfc = false, wholeTokens = false;
  std::vector<int32_t> byteTokens;
  std::map<std::pair<uint32_t, uint32_t>, std::pair<uint32_t, uint32_t>> table; ///< result, rank
  std::vector<uint32_t> starts, right, result, rank;

  MergeView view() const {
    return {preTokenizer, byteTokens, starts, right, result, rank, nfc, wholeTokens};
  }

  /// Writes the arrays for a vocabulary of `tokens` tokens.
  void finish(size_t tokens) {
    starts.assign(tokens + 1, 0);
    right.clear();
    result.clear();
    rank.clear();
    for (const auto &[pair, merge] : table) {
      for (size_t token = pair.first; token < tokens; ++token)
        ++starts[token + 1];
      right.push_back(pair.second);
      result.push_back(merge.first);
      rank.push_back(merge.second);
    }
  }
};

/// A vocabulary that owns its memory and grows token by token.
struct OwnedVocabulary {
  std::string texts;
  std::vector<uint32_t> offsets = {0};
  std::vector<float> scores;
  std::vector<uint8_t> types;
  int32_t bosId = -1, eosId = -1, unkId = -1, padId = -1;
  bool addSpacePrefix = false;
  std::vector<uint8_t> strips; ///< none strips while it is empty
  std::optional<OwnedMerges> merges;

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
    std::optional<MergeView> mergeView;
    if (merges)
      mergeView = merges->view();
    return {texts, offsets, scores, types, strips,        mergeView,
            bosId, eosId,   unkId,  padId, addSpacePrefix};
  }

  std::unique_ptr<Tokenizer> make() const {
    auto tokenizer = makeTokenizer(view());
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

/// A vocabulary for byte-level BPE: token i is byte i up to 255, 256 on are what `merges` make in
/// their order. Each merge is the text of its two tokens with a '+' between them.
inline OwnedVocabulary makeBytePairVocabulary(std::string_view preTokenizer,
                                              std::initializer_list<std::string_view> merges) {
  OwnedVocabulary vocabulary;
  OwnedMerges &owned = vocabulary.merges.emplace();
  owned.preTokenizer = preTokenizer;
  std::map<std::string, int32_t, std::less<>> ids;
  auto idOf = [&](const std::string &text) {
    auto [entry, isNew] = ids.try_emplace(text, 0);
    if (isNew)
      entry->second = vocabulary.add(text);
    return entry->second;
  };
  for (int byte = 0; byte < 256; ++byte)
    owned.byteTokens.push_back(idOf(std::string(1, static_cast<char>(byte))));
  uint32_t rank = 0;
  for (std::string_view merge : merges) {
    size_t plus = merge.find('+');
    std::string left(merge.substr(0, plus)), right(merge.substr(plus + 1));
    std::pair<uint32_t, uint32_t> pair(idOf(left), idOf(right));
    owned.table[pair] = {idOf(left + right), rank++};
  }
  owned.finish(vocabulary.types.size());
  return vocabulary;
}

} // namespace tawny::testing_support
