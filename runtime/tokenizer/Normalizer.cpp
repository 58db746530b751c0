#include "runtime/tokenizer/Normalizer.h"

#include "runtime/tokenizer/Characters.h"

#include <cstdlib>
#include <memory>
#include <utf8proc.h>

namespace tawny {

/// All characters below the first combining mark are composed and combine with nothing before them.
static constexpr char32_t firstMark = 0x300;
static constexpr int maxMarks = 30;

static bool isMark(char32_t c) {
  return c >= firstMark &&
         utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class != 0;
}

/// Appends the normal form of `text`, all of which is UTF-8.
static ErrorOr<void> appendNfc(std::string_view text, std::string &out) {
  utf8proc_uint8_t *composed = nullptr;
  auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t *>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &composed, options);
  std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, &std::free);
  if (length < 0)
    return makeError("%zu bytes of the text cannot be normalised: %s", text.size(),
                     utf8proc_errmsg(length));
  out.append(reinterpret_cast<const char *>(composed), static_cast<size_t>(length));
  return {};
}

ErrorOr<std::string> toNfc(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  size_t begin = 0;       // of what is not in `out` yet
  bool isComposed = true; // whether that is all below the first mark
  int marks = 0;
  auto flush = [&](size_t end) -> ErrorOr<void> {
    std::string_view part = text.substr(begin, end - begin);
    begin = end;
    if (isComposed) {
      out += part;
      return {};
    }
    isComposed = true;
    return appendNfc(part, out);
  };
  for (size_t at = 0; at < text.size();) {
    Character character = characterAt(text, at);
    bool isIllFormed = character.length == 1 && character.codePoint >= 0x80;
    marks = isMark(character.codePoint) ? marks + 1 : 0;
    if (isIllFormed || marks > maxMarks) {
      if (auto flushed = flush(at); !flushed)
        return flushed.takeError();
      marks = 0;
    }
    if (isIllFormed)
      out += text[begin++];
    else if (character.codePoint >= firstMark)
      isComposed = false;
    at += character.length;
  }
  if (auto flushed = flush(text.size()); !flushed)
    return flushed.takeError();
  return out;
}

} // namespace tawny
