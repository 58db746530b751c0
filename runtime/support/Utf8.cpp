#include "runtime/support/Utf8.h"

#include <cassert>

namespace tawny {

Utf8Unit firstUtf8Unit(std::string_view text) {
  assert(!text.empty() && "no first unit");
  auto byteAt = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t lead = byteAt(0);
  if (lead < 0x80)
    return {Utf8Kind::Character, 1};
  if (lead < 0xC2 || lead > 0xF4)
    return {Utf8Kind::IllFormed, 1};

  // The Unicode Standard, table 3-7: only the second byte's range depends on the lead byte; it
  // excludes overlong forms, surrogates and what lies beyond U+10FFFF.
  uint8_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (uint8_t i = 1; i < length; ++i) {
    if (i == text.size())
      return {Utf8Kind::Incomplete, i};
    if (byteAt(i) < low || byteAt(i) > high)
      return {Utf8Kind::IllFormed, i};
    low = 0x80;
    high = 0xBF;
  }
  return {Utf8Kind::Character, length};
}

bool isUtf8(std::string_view text) {
  while (!text.empty()) {
    Utf8Unit unit = firstUtf8Unit(text);
    if (unit.kind != Utf8Kind::Character)
      return false;
    text.remove_prefix(unit.length);
  }
  return true;
}

void appendUtf8(uint32_t codePoint, std::string &out) {
  assert(codePoint <= 0x10FFFF && (codePoint < 0xD800 || codePoint > 0xDFFF));
  auto continuation = [&](unsigned shift) {
    out += static_cast<char>(0x80 | (codePoint >> shift & 0x3F));
  };
  if (codePoint < 0x80) {
    out += static_cast<char>(codePoint);
  } else if (codePoint < 0x800) {
    out += static_cast<char>(0xC0 | codePoint >> 6);
    continuation(0);
  } else if (codePoint < 0x10000) {
    out += static_cast<char>(0xE0 | codePoint >> 12);
    continuation(6);
    continuation(0);
  } else {
    out += static_cast<char>(0xF0 | codePoint >> 18);
    continuation(12);
    continuation(6);
    continuation(0);
  }
}

} // namespace tawny
