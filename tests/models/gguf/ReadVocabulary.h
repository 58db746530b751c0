// A vocabulary read from a file that a test has built.
#pragma once

#include "models/gguf/Vocabulary.h"
#include "tests/models/gguf/Builder.h"
#include <gtest/gtest.h>

namespace tawny::gguf::test {

/// A vocabulary together with the bytes it views.
struct ReadVocabulary {
  explicit ReadVocabulary(const Builder &builder) : text(builder.build()) {
    llvm::Expected<File> file =
        parseFile({reinterpret_cast<const uint8_t *>(text.data()), text.size()});
    if (!file) {
      ADD_FAILURE() << llvm::toString(file.takeError());
      return;
    }
    llvm::Expected<Vocabulary> result = readVocabulary(*file);
    if (!result)
      ADD_FAILURE() << llvm::toString(result.takeError());
    else
      vocabulary = std::move(*result);
  }
  std::string text;
  Vocabulary vocabulary;
};

} // namespace tawny::gguf::test
