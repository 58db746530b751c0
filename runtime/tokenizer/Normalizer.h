// Unicode's composed normal form.
#pragma once

#include "runtime/support/Error.h"

#include <string>
#include <string_view>

namespace tawny {

/// `text` in NFC (Unicode Standard Annex #15); bytes that are not UTF-8 stay as they are. A base
/// with more than 30 combining marks, which no language writes, is normalised in parts, as in the
/// annex's stream-safe format, so that the time stays linear.
ErrorOr<std::string> toNfc(std::string_view text);

} // namespace tawny
