// Models of real size that nobody has to download: shapes of published ones, with random weights.
#pragma once

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace tawny::synthetic {

/// The shape of a llama model, as its publishers state it.
struct Preset {
  llvm::StringRef name;
  uint32_t layers;
  uint32_t hiddenSize;
  uint32_t heads;
  uint32_t kvHeads;
  uint32_t headDim;
  uint32_t intermediateSize;
  uint32_t vocabSize;
  uint32_t contextLength;
  float ropeTheta;
};

/// In which GGUF type each matrix is stored. Some files keep a few matrices in more bits.
struct Recipe {
  std::string name;
  uint32_t type;     ///< Of most matrices.
  uint32_t moreType; ///< Of the head, and of attn_v and ffn_down in half of the layers.
};

/// What `--synthetic=PRESET:RECIPE` asks for.
struct Model {
  const Preset *preset = nullptr;
  Recipe recipe;

  /// What stands for the file's name: synthetic:llama-2-7b:Q4_K_M.
  std::string name() const;
};

/// Reads PRESET:RECIPE. The error lists the presets or recipes that there are; a recipe is there
/// where this compiler has its formats.
llvm::Expected<Model> parseModel(llvm::StringRef text);

} // namespace tawny::synthetic
