// JSON trees for the tools, from nlohmann/json without exceptions. The runtime itself has no use
// for trees: what it reads has a known shape (JsonScanner.h).
#pragma once

#include "runtime/support/Error.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace tawny {

using Json = nlohmann::ordered_json;

/// Parses all of `text`. Deeper nesting than `maxDepth` and text that is not UTF-8 are errors;
/// `source` names the text in them. Values must be tested (is_number_integer, find, …) before they
/// are read, because a wrong access ends the program.
inline ErrorOr<Json> parseJson(std::string_view text, const std::string &source,
                               int maxDepth = 64) {
  bool tooDeep = false;
  auto limitDepth = [&](int depth, Json::parse_event_t, Json &) {
    tooDeep |= depth > maxDepth;
    return !tooDeep;
  };
  Json value = Json::parse(text, limitDepth, /*allow_exceptions=*/false);
  if (tooDeep)
    return makeError("%s: JSON nested more than %d levels deep", source.c_str(), maxDepth);
  if (value.is_discarded())
    return makeError("%s: not valid JSON", source.c_str());
  return value;
}

/// One line of JSON. Strings that are not UTF-8 are written with U+FFFD for what is ill-formed.
inline std::string dumpJson(const Json &value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

} // namespace tawny
