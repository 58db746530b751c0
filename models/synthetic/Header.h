// The GGUF header of a synthetic model.
#pragma once

#include "models/synthetic/Presets.h"

#include <cstdint>
#include <string>

namespace tawny::synthetic {

/// What a GGUF file of the model would begin with, and how long that file would be, in bytes.
struct Header {
  std::string bytes;
  uint64_t fileBytes = 0;
};

/// Metadata, a vocabulary of bytes and of numbered words, and the description of every tensor, as
/// the GGUF specification lays them out. A row that is no whole number of the recipe's blocks is
/// Q8_0 instead.
Header makeHeader(const Model &model);

} // namespace tawny::synthetic
