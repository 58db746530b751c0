// What the readers of the kinds of vocabularies share: arrays with an element for each token.
#pragma once

#include "models/gguf/Vocabulary.h"

namespace tawny::gguf {

inline constexpr llvm::StringRef kindsKey = "tokenizer.ggml.token_type";

/// "token 4, 'text'": the token that an element of one of the arrays belongs to.
std::string describe(uint64_t id, const Token &token);

/// Finds an array that must have one element, of type `type` or `otherType`, for each token.
llvm::Expected<const MetadataEntry *> requireTokenArray(const File &file, llvm::StringRef key,
                                                        ValueType type, ValueType otherType,
                                                        uint64_t count);

/// Each reads into a vocabulary that has its tokens and their kinds what only its kind of
/// vocabularies has.
llvm::Error readSentencePiece(const File &file, Vocabulary &vocabulary);
llvm::Error readBytePair(const File &file, Vocabulary &vocabulary);

} // namespace tawny::gguf
