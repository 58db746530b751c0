#include "models/synthetic/Presets.h"

#include "dialects/formats/Formats.h"
#include "models/gguf/Types.h"
#include "models/synthetic/RandomBlocks.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <vector>

namespace tawny::synthetic {
namespace {

/// Shapes are those of the models' published configurations; `tiny` is for tests.
constexpr Preset presets[] = {
    // name        layers hidden heads KV dim intermediate vocabulary context theta
    {"tiny", 2, 256, 4, 2, 64, 512, 320, 512, 1e4f},
    {"tinyllama-1.1b", 22, 2048, 32, 4, 64, 5632, 32000, 2048, 1e4f},
    {"llama-2-7b", 32, 4096, 32, 32, 128, 11008, 32000, 4096, 1e4f},
    {"llama-2-13b", 40, 5120, 40, 40, 128, 13824, 32000, 4096, 1e4f},
    {"llama-3-8b", 32, 4096, 32, 8, 128, 14336, 128256, 8192, 5e5f},
};

/// Mixtures of two formats under the names that files carry.
struct Mixture {
  llvm::StringRef name, type, moreType;
};
constexpr Mixture mixtures[] = {{"Q4_K_M", "Q4_K", "Q6_K"}, {"Q5_K_M", "Q5_K", "Q6_K"}};

/// One recipe for each format of the table, then the mixtures of those.
std::vector<Recipe> recipes() {
  std::vector<Recipe> list;
  auto typeNamed = [&](llvm::StringRef name) -> std::optional<uint32_t> {
    for (const Recipe &recipe : list)
      if (recipe.name == name)
        return recipe.type;
    return std::nullopt;
  };
  for (uint32_t type = 0; type < gguf::numTypeIds; ++type)
    if (std::optional<Format> format = formatByGgmlType(type))
      if (randomBlock(*format))
        list.push_back({gguf::typeInfo(type)->name.str(), type, type});
  for (const Mixture &mixture : mixtures) {
    std::optional<uint32_t> type = typeNamed(mixture.type), more = typeNamed(mixture.moreType);
    if (type && more)
      list.push_back({mixture.name.str(), *type, *more});
  }
  return list;
}

template <typename Range> std::string namesOf(const Range &entries) {
  std::string names;
  for (const auto &entry : entries)
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  return names;
}

} // namespace

std::string Model::name() const { return "synthetic:" + preset->name.str() + ":" + recipe.name; }

llvm::Expected<Model> parseModel(llvm::StringRef text) {
  auto [presetName, recipeName] = text.split(':');
  const Preset *preset =
      llvm::find_if(presets, [&](const Preset &entry) { return entry.name == presetName; });
  if (preset == std::end(presets))
    return llvm::createStringError("expected PRESET:RECIPE with a preset out of " +
                                   namesOf(presets) + ", found '" + presetName.str() + "'");
  std::vector<Recipe> known = recipes();
  auto recipe = llvm::find_if(known, [&](const Recipe &entry) { return entry.name == recipeName; });
  if (recipe == known.end())
    return llvm::createStringError("expected PRESET:RECIPE with a recipe out of " + namesOf(known) +
                                   ", found '" + recipeName.str() + "'");
  return Model{preset, *recipe};
}

} // namespace tawny::synthetic
