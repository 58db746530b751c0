// Token ids as they come from the command line: a list, or a file with one, plain or in JSON.
#pragma once

#include "runtime/support/Error.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tawny {

/// What is accepted. Ids lie in 0..vocabularySize-1.
struct TokenIdLimits {
  int64_t vocabularySize = int64_t(1) << 31;
  size_t maxCount = size_t(1) << 24;
  size_t maxFileBytes = size_t(1) << 28;
};

/// A JSON text that is one flat list of integers: "[1, 2, 3]". `source` names it in errors.
ErrorOr<std::vector<int32_t>> parseTokenJson(std::string_view text, const std::string &source,
                                             const TokenIdLimits &limits = {});

/// A list of decimal integers with a comma, white space or both between them: "1,2 3". An empty
/// list or item is an error.
ErrorOr<std::vector<int32_t>> parseTokenList(std::string_view text, const std::string &source,
                                             const TokenIdLimits &limits = {});

/// The value of --tokens: a list if it holds nothing but digits, commas, minus signs and blanks
/// (so "./12" names a file, and "12" does not), else the path of a file, or "-" for standard input.
/// There, too, may be a list, or one in JSON.
ErrorOr<std::vector<int32_t>> readTokenArgument(const std::string &argument,
                                                const TokenIdLimits &limits = {});

} // namespace tawny
