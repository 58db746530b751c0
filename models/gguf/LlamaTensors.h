// Which tensors a llama file must hold.
#pragma once

#include "models/gguf/Hyperparameters.h"

namespace tawny::gguf {

/// The tensor of Llama 3's RoPE scaling.
inline constexpr llvm::StringLiteral ropeDivisorsTensor = "rope_freqs.weight";

/// Checks the tensors of `file` against the numbers in `parameters` and sets `tiedHead` and the
/// bias flags from what is there.
llvm::Error checkLlamaTensors(const File &file, LlamaParameters &parameters);

} // namespace tawny::gguf
