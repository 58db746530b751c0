#include "runtime/artifact/Checker.h"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>

namespace tawny {

std::string Field::text() const {
  std::string path = parent ? parent->text() + "." + name : std::string(name);
  if (index >= 0)
    path += "[" + std::to_string(index) + "]";
  return path;
}

bool Checker::expect(bool good, const Field &where, const char *format, ...) {
  if (good)
    return true;
  if (failure)
    return false;
  char sentence[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(sentence, sizeof(sentence), format, arguments);
  va_end(arguments);
  failure = makeError("%s: %s", where.text().c_str(), sentence);
  return false;
}

bool Checker::inRange(const Field &where, uint64_t value, uint64_t low, uint64_t high) {
  return expect(value >= low && value <= high, where,
                "expected %" PRIu64 " to %" PRIu64 ", found %" PRIu64, low, high, value);
}

bool Checker::multipleOf(const Field &where, uint64_t value, uint64_t divisor) {
  return expect(value % divisor == 0, where, "expected a multiple of %" PRIu64 ", found %" PRIu64,
                divisor, value);
}

bool Checker::within(const Field &where, uint64_t offset, uint64_t bytes, uint64_t limit,
                     const char *what) {
  return expect(bytes != 0, where, "expected at least one byte, found none") &&
         expect(offset <= limit && bytes <= limit - offset, where,
                "expected a range inside the %" PRIu64 " bytes of %s, found %" PRIu64
                " bytes at %" PRIu64,
                limit, what, bytes, offset);
}

bool Checker::text(const Field &where, const flatbuffers::String *string) {
  return expect(string && string->size() != 0, where, "expected a text, found none");
}

} // namespace tawny
