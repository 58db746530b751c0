// Well-formedness of UTF-8, as far as the runtime needs it: where the next character ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tawny {

/// What the first bytes of a text are.
enum class Utf8Kind : uint8_t {
  Character,  ///< one well-formed character
  Incomplete, ///< the text ends inside a character that is well-formed so far
  IllFormed,  ///< bytes that no continuation makes well-formed
};

/// The first unit of a text. Of ill-formed text it is the longest prefix that starts some
/// well-formed character, or one byte (the "maximal subpart" of the Unicode Standard, section 3.9),
/// which is what one U+FFFD stands for.
struct Utf8Unit {
  Utf8Kind kind;
  uint8_t length; ///< bytes, 1 to 4
};

/// The first unit of `text`, which must not be empty.
Utf8Unit firstUtf8Unit(std::string_view text);

/// Whether all of `text` is well-formed.
bool isUtf8(std::string_view text);

/// Appends the encoding of `codePoint`, which must be a Unicode scalar value.
void appendUtf8(uint32_t codePoint, std::string &out);

} // namespace tawny
