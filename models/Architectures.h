// One importer per architecture, found by its name in the file.
#pragma once

#include "models/Import.h"

namespace tawny {

/// Fills `info`, except its name and architecture, and writes the model into the empty `module`.
using ArchitectureImporter = llvm::Error (*)(const gguf::File &file, mlir::ModuleOp module,
                                             ModelInfo &info);

/// Llama (Touvron et al., arXiv:2302.13971) and what shares its graph: RMS norms, rotary positions
/// on adjacent pairs, grouped-query attention, a SiLU-gated feed-forward layer.
llvm::Error importLlama(const gguf::File &file, mlir::ModuleOp module, ModelInfo &info);

} // namespace tawny
