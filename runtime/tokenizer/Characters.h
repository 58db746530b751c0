// Characters of a text and the sets of them that pre-tokenizers speak of. Unicode's tables are
// utf8proc's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tawny {

/// A character of a text. A byte that is not UTF-8 counts as U+FFFD.
struct Character {
  char32_t codePoint;
  uint8_t length; ///< bytes, 1 to 4
};

/// The character at byte `at` of `text`, which lies before the text's end.
Character characterAt(std::string_view text, size_t at);

/// A set of characters; the names are those of regular expressions.
using CharacterSet = bool (*)(char32_t);

/// \p{L}
bool isLetter(char32_t c);
/// \p{N}
bool isNumber(char32_t c);
/// \p{P}
bool isPunctuation(char32_t c);
/// \s, which is Unicode's White_Space.
bool isBlank(char32_t c);
/// [\r\n]
bool isLineEnd(char32_t c);
/// [0-9]
bool isDigit(char32_t c);

/// Whether `c` is in `set`, written as between the brackets of a regular expression: single
/// characters and ranges "a-z", in ascending order.
bool isInRanges(char32_t c, std::u32string_view set);

/// `c` as it is compared where case does not matter: U+017F, the long s, is an s too.
char32_t foldCase(char32_t c);

} // namespace tawny
