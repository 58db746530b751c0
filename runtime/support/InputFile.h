// Reading a whole file or standard input, with a limit.
#pragma once

#include "runtime/support/Error.h"

#include <cstddef>
#include <string>

namespace tawny {

/// All bytes of the file `path`, or of standard input if `path` is "-", unchanged. Pipes and
/// devices are read to their end. More than `maxBytes` is an error, found without reading further.
ErrorOr<std::string> readInput(const std::string &path, size_t maxBytes);

} // namespace tawny
