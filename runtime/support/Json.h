// JSON that the tools write, from nlohmann/json without exceptions. What is read has a known shape
// and needs no tree (JsonScanner.h).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tawny {

using Json = nlohmann::ordered_json;

/// One line of JSON, keys in the order in which they were set. Strings that are not UTF-8 are
/// written with U+FFFD for what is ill-formed.
inline std::string dumpJson(const Json &value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

} // namespace tawny
