// A pull scanner for JSON whose shape is known: the caller asks for what must come next. It builds
// no tree and does not recurse, so no input can exhaust memory or the stack.
#pragma once

#include "runtime/support/Error.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace tawny {

/// Reads tokens of `text` from left to right. Errors name `source` (a file or a flag) and the byte
/// offset. `text` must outlive the scanner.
class JsonScanner {
public:
  JsonScanner(std::string_view text, std::string source) : text(text), source(std::move(source)) {}

  /// Skips white space; then takes `symbol` if it comes next.
  bool consume(char symbol);

  /// The same, but anything else is an error; `role` says what the symbol is for.
  ErrorOr<void> expect(char symbol, const char *role);

  /// An integer from `minimum` to `maximum`, both of which must lie well inside 64 bits. Fractions
  /// and exponents are errors, even 1.0; `role` names the value in errors.
  ErrorOr<int64_t> readInteger(const char *role, int64_t minimum, int64_t maximum);

  /// A string, its escapes decoded. Control characters, ill-formed UTF-8 and lone surrogates are
  /// errors, and so is a string of more than `maxBytes`.
  ErrorOr<std::string> readString(const char *role, size_t maxBytes);

  /// Skips white space; whether nothing else follows.
  bool atEnd();

  /// Nothing but white space may follow.
  ErrorOr<void> expectEnd();

  /// An error at the current offset: "SOURCE: expected EXPECTED at offset N, found …".
  Error expected(const std::string &what) const;

  size_t offset() const { return position; }

private:
  void skipSpace();
  ErrorOr<void> readEscape(std::string &out);
  ErrorOr<uint32_t> readHex4();
  std::string describeNext() const;

  std::string_view text;
  std::string source;
  size_t position = 0;
};

} // namespace tawny
