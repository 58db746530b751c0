// From the text of a token to its id, without a copy of the texts.
#pragma once

#include "runtime/tokenizer/Vocabulary.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tawny {

/// A hash table over some of a vocabulary's tokens: 8 bytes a slot, at most half of them taken.
/// Of tokens with equal texts it knows the first that was inserted.
class TokenIndex {
public:
  /// An index for at most `capacity` tokens of `vocabulary`.
  TokenIndex(const VocabularyView &vocabulary, size_t capacity);

  void insert(int32_t id);

  /// The id of the token with this text, or -1.
  int32_t find(std::string_view text) const;

  /// The length of the longest text that was inserted.
  size_t maxBytes() const { return longest; }

private:
  struct Slot {
    uint32_t hash;
    int32_t id = -1;
  };

  /// The slot that holds `text`, or the empty one where it belongs.
  size_t locate(std::string_view text, uint32_t hash) const;

  VocabularyView vocabulary;
  std::vector<Slot> slots; ///< a power of two of them
  size_t longest = 0;
};

/// Recognises the texts of some tokens in a text, longest first.
class TokenMatcher {
public:
  /// Knows the tokens of `vocabulary` for which `isWanted` holds and whose text is not empty.
  /// Spaces in their texts are known as `space` if that is not empty.
  TokenMatcher(const VocabularyView &vocabulary, const std::function<bool(int32_t id)> &isWanted,
               std::string_view space = {});

  /// The token whose text is the longest prefix of `text`, and that text's length; -1 and 0 if no
  /// token's text is one.
  struct Match {
    int32_t id = -1;
    size_t length = 0;
  };
  Match matchPrefix(std::string_view text) const;

  bool empty() const { return entries.empty(); }

private:
  struct Entry {
    std::string text;
    int32_t id;
  };

  std::vector<Entry> entries; ///< ascending by text; texts are distinct
  bool canStart[256] = {};    ///< whether a text starts with this byte
};

} // namespace tawny
