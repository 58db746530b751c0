// Small files of /proc and /sys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tawny {

/// The text of a file, or nothing. Such files have no size, so they are read to the end.
std::optional<std::string> readSystemText(const std::string &path);

/// The integer that a file starts with, or nothing.
std::optional<int64_t> readSystemInteger(const std::string &path);

} // namespace tawny
