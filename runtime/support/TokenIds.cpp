#include "runtime/support/TokenIds.h"

#include "runtime/support/InputFile.h"
#include "runtime/support/JsonScanner.h"

#include <algorithm>
#include <utility>

namespace tawny {

namespace {

/// What separates ids. White space does so only where nothing but ids may follow.
enum class Separator : uint8_t { Comma, CommaOrSpace };

/// Reads one id or more.
ErrorOr<std::vector<int32_t>> readIds(JsonScanner &scanner, Separator separator,
                                      const std::string &source, const TokenIdLimits &limits) {
  constexpr int64_t idEnd = int64_t(1) << 31;
  std::vector<int32_t> ids;
  do {
    if (ids.size() == limits.maxCount)
      return makeError("%s: more than %zu token ids; split the input", source.c_str(),
                       limits.maxCount);
    auto id = scanner.readInteger("a token id", 0, std::min(limits.vocabularySize, idEnd) - 1);
    if (!id)
      return id.takeError();
    ids.push_back(static_cast<int32_t>(*id));
  } while (scanner.consume(',') || (separator == Separator::CommaOrSpace && !scanner.atEnd()));
  return ids;
}

} // namespace

ErrorOr<std::vector<int32_t>> parseTokenJson(std::string_view text, const std::string &source,
                                             const TokenIdLimits &limits) {
  JsonScanner scanner(text, source);
  if (auto open = scanner.expect('[', "at the start of a list of token ids"); !open)
    return open.takeError();
  std::vector<int32_t> ids;
  if (!scanner.consume(']')) {
    auto some = readIds(scanner, Separator::Comma, source, limits);
    if (!some)
      return some.takeError();
    ids = std::move(*some);
    if (auto close = scanner.expect(']', "or ',' after a token id"); !close)
      return close.takeError();
  }
  if (auto end = scanner.expectEnd(); !end)
    return end.takeError();
  return ids;
}

ErrorOr<std::vector<int32_t>> parseTokenList(std::string_view text, const std::string &source,
                                             const TokenIdLimits &limits) {
  JsonScanner scanner(text, source);
  return readIds(scanner, Separator::CommaOrSpace, source, limits);
}

ErrorOr<std::vector<int32_t>> readTokenArgument(const std::string &argument,
                                                const TokenIdLimits &limits) {
  bool isList =
      argument != "-" && argument.find_first_not_of("0123456789,- \t\r\n") == std::string::npos;
  if (isList)
    return parseTokenList(argument, "--tokens", limits);
  auto text = readInput(argument, limits.maxFileBytes);
  if (!text)
    return text.takeError();
  size_t first = text->find_first_not_of(" \t\r\n");
  size_t firstDigit = text->find_first_of("-0123456789");
  auto parse = first != std::string::npos && first == firstDigit ? parseTokenList : parseTokenJson;
  return parse(*text, argument == "-" ? "standard input" : "'" + argument + "'", limits);
}

} // namespace tawny
