// Reads the parameters of models that are built in memory.
#pragma once

#include "models/gguf/Hyperparameters.h"
#include "tests/models/gguf/Builder.h"
#include <gtest/gtest.h>

namespace tawny::gguf::test {

/// The parameters of a file that must be a valid model.
inline LlamaParameters parametersOf(const Builder &builder) {
  std::string text = builder.build();
  std::vector<uint8_t> bytes(text.begin(), text.end());
  llvm::Expected<File> file = parseFile(bytes);
  if (!file) {
    ADD_FAILURE() << llvm::toString(file.takeError());
    return {};
  }
  llvm::Expected<LlamaParameters> parameters = readLlamaParameters(*file);
  if (!parameters) {
    ADD_FAILURE() << llvm::toString(parameters.takeError());
    return {};
  }
  return *parameters;
}

} // namespace tawny::gguf::test
