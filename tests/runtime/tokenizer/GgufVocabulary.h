// The vocabulary of a GGUF file, read just well enough for tests of the tokenizer.
#pragma once

#include "tests/runtime/tokenizer/TestVocabulary.h"

namespace tawny::testing_support {

/// Reads the SentencePiece vocabulary from the metadata of the GGUF file at `path`. Understands
/// version 2 and 3 files (format: docs/gguf.md of ggml). The defaults for flags that are absent are
/// those of Llama: BOS and a space in front.
ErrorOr<OwnedVocabulary> readGgufVocabulary(const std::string &path);

} // namespace tawny::testing_support
