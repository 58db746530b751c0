#include "runtime/support/JsonScanner.h"

#include "runtime/support/Utf8.h"

namespace tawny {

void JsonScanner::skipSpace() {
  while (position < text.size() && (text[position] == ' ' || text[position] == '\t' ||
                                    text[position] == '\n' || text[position] == '\r'))
    ++position;
}

std::string JsonScanner::describeNext() const {
  if (position >= text.size())
    return "the end of the text";
  auto byte = static_cast<unsigned char>(text[position]);
  if (byte > 0x20 && byte < 0x7F)
    return std::string("'") + text[position] + "'";
  char hex[16];
  std::snprintf(hex, sizeof(hex), "byte 0x%02X", byte);
  return hex;
}

Error JsonScanner::expected(const std::string &what) const {
  return makeError("%s: expected %s at offset %zu, found %s", source.c_str(), what.c_str(),
                   position, describeNext().c_str());
}

bool JsonScanner::consume(char symbol) {
  skipSpace();
  if (position >= text.size() || text[position] != symbol)
    return false;
  ++position;
  return true;
}

ErrorOr<void> JsonScanner::expect(char symbol, const char *role) {
  if (consume(symbol))
    return {};
  return expected(std::string("'") + symbol + "' " + role);
}

ErrorOr<int64_t> JsonScanner::readInteger(const char *role, int64_t minimum, int64_t maximum) {
  skipSpace();
  size_t start = position;
  bool negative = position < text.size() && text[position] == '-';
  size_t digits = position + (negative ? 1 : 0);
  size_t end = digits;
  int64_t value = 0;
  bool huge = false;
  for (; end < text.size() && text[end] >= '0' && text[end] <= '9'; ++end) {
    huge |= __builtin_mul_overflow(value, int64_t(10), &value);
    huge |= __builtin_add_overflow(value, int64_t(text[end] - '0'), &value);
  }
  if (end == digits)
    return expected(role);
  if (text[digits] == '0' && end - digits > 1)
    return makeError("%s: %s at offset %zu has a leading zero, which JSON does not allow",
                     source.c_str(), role, start);
  if (end < text.size() && (text[end] == '.' || text[end] == 'e' || text[end] == 'E'))
    return makeError("%s: %s at offset %zu must be an integer without fraction or exponent",
                     source.c_str(), role, start);
  if (negative && !huge)
    value = -value;
  if (huge || value < minimum || value > maximum)
    return makeError("%s: %s at offset %zu is %.*s, which is not in %lld..%lld", source.c_str(),
                     role, start, static_cast<int>(end - start > 40 ? 40 : end - start),
                     text.data() + start, static_cast<long long>(minimum),
                     static_cast<long long>(maximum));
  position = end;
  return value;
}

ErrorOr<uint32_t> JsonScanner::readHex4() {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    char digit = position < text.size() ? text[position] : '\0';
    uint32_t nibble;
    if (digit >= '0' && digit <= '9')
      nibble = static_cast<uint32_t>(digit - '0');
    else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
      nibble = static_cast<uint32_t>((digit | 0x20) - 'a' + 10);
    else
      return expected("four hexadecimal digits after \\u");
    value = value << 4 | nibble;
    ++position;
  }
  return value;
}

ErrorOr<void> JsonScanner::readEscape(std::string &out) {
  static constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
  char letter = position < text.size() ? text[position] : '\0';
  if (size_t i = letters.find(letter); letter != '\0' && i != std::string_view::npos) {
    out += meanings[i];
    ++position;
    return {};
  }
  if (letter != 'u')
    return expected("one of \"\\/bfnrtu after a backslash");
  size_t start = position++;
  auto unit = readHex4();
  if (!unit)
    return unit.takeError();
  uint32_t codePoint = *unit;
  if (codePoint >= 0xD800 && codePoint < 0xDC00 && text.substr(position, 2) == "\\u") {
    position += 2;
    auto low = readHex4();
    if (!low)
      return low.takeError();
    if (*low >= 0xDC00 && *low < 0xE000)
      codePoint = 0x10000 + ((codePoint - 0xD800) << 10) + (*low - 0xDC00);
  }
  if (codePoint >= 0xD800 && codePoint < 0xE000)
    return makeError("%s: the escape at offset %zu is half of a surrogate pair", source.c_str(),
                     start);
  appendUtf8(codePoint, out);
  return {};
}

ErrorOr<std::string> JsonScanner::readString(const char *role, size_t maxBytes) {
  if (!consume('"'))
    return expected(std::string(role) + ", a string,");
  size_t start = position;
  std::string value;
  while (position < text.size() && text[position] != '"') {
    if (static_cast<unsigned char>(text[position]) < 0x20)
      return expected("an escape instead of a control character in " + std::string(role));
    if (text[position] == '\\') {
      ++position;
      if (auto escape = readEscape(value); !escape)
        return escape.takeError();
    } else {
      Utf8Unit unit = firstUtf8Unit(text.substr(position));
      if (unit.kind != Utf8Kind::Character)
        return expected("well-formed UTF-8 in " + std::string(role));
      value.append(text, position, unit.length);
      position += unit.length;
    }
    if (value.size() > maxBytes)
      return makeError("%s: %s at offset %zu is longer than %zu bytes", source.c_str(), role, start,
                       maxBytes);
  }
  if (position >= text.size())
    return expected("'\"' at the end of " + std::string(role));
  ++position;
  return value;
}

bool JsonScanner::atEnd() {
  skipSpace();
  return position == text.size();
}

ErrorOr<void> JsonScanner::expectEnd() {
  if (!atEnd())
    return expected("nothing more");
  return {};
}

} // namespace tawny
