// Which tensors a llama file must hold.
#pragma once

#include "models/gguf/Hyperparameters.h"

namespace tawny::gguf {

/// Checks the tensors of `file` against the numbers in `parameters` and sets `tiedHead` and the
/// bias flags from what is there.
llvm::Error checkLlamaTensors(const File &file, LlamaParameters &parameters);

} // namespace tawny::gguf
