#include "runtime/tokenizer/Characters.h"

#include <utf8proc.h>

namespace tawny {

static utf8proc_category_t categoryOf(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

Character characterAt(std::string_view text, size_t at) {
  auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80)
    return {lead, 1};
  utf8proc_int32_t codePoint;
  utf8proc_ssize_t length =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t *>(text.data()) + at,
                       static_cast<utf8proc_ssize_t>(text.size() - at), &codePoint);
  if (length <= 0)
    return {0xFFFD, 1};
  return {static_cast<char32_t>(codePoint), static_cast<uint8_t>(length)};
}

bool isLetter(char32_t c) {
  if (c < 0x80)
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
  utf8proc_category_t category = categoryOf(c);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool isNumber(char32_t c) {
  if (c < 0x80)
    return isDigit(c);
  utf8proc_category_t category = categoryOf(c);
  return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

bool isPunctuation(char32_t c) {
  utf8proc_category_t category = categoryOf(c);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool isBlank(char32_t c) {
  if (c < 0x80)
    return c == ' ' || (c >= '\t' && c <= '\r');
  if (c == 0x85)
    return true;
  utf8proc_category_t category = categoryOf(c);
  return category >= UTF8PROC_CATEGORY_ZS && category <= UTF8PROC_CATEGORY_ZP;
}

bool isLineEnd(char32_t c) { return c == '\r' || c == '\n'; }

bool isDigit(char32_t c) { return c >= '0' && c <= '9'; }

bool isInRanges(char32_t c, std::u32string_view set) {
  while (!set.empty() && c >= set[0]) {
    bool isRange = set.size() >= 3 && set[1] == '-';
    if (c <= (isRange ? set[2] : set[0]))
      return true;
    set.remove_prefix(isRange ? 3 : 1);
  }
  return false;
}

char32_t foldCase(char32_t c) {
  utf8proc_int32_t upper = utf8proc_toupper(static_cast<utf8proc_int32_t>(c));
  return static_cast<char32_t>(utf8proc_tolower(upper));
}

} // namespace tawny
