// A vocabulary as an artifact stores it.
#pragma once

#include "runtime/artifact_generated.h"
#include "runtime/tokenizer/Vocabulary.h"

namespace tawny {

/// The elements of a vector that a writer may leave out.
template <typename Item> std::span<const Item> spanOf(const flatbuffers::Vector<Item> *v) {
  return v ? std::span<const Item>(v->data(), v->size()) : std::span<const Item>();
}

/// What byte-level BPE needs, of a tokenizer of that kind.
inline MergeView mergesOf(const fb::Tokenizer &stored) {
  MergeView merges;
  merges.preTokenizer = stored.pre_tokenizer()->string_view();
  merges.byteTokens = spanOf(stored.byte_tokens());
  merges.starts = spanOf(stored.merge_starts());
  merges.right = spanOf(stored.merge_right());
  merges.result = spanOf(stored.merge_result());
  merges.rank = spanOf(stored.merge_rank());
  merges.nfc = stored.nfc();
  merges.wholeTokens = stored.whole_tokens();
  return merges;
}

/// The vocabulary stays in the header, which must have passed verifyHeader() and live on.
inline VocabularyView vocabularyOf(const fb::Tokenizer &stored) {
  VocabularyView view;
  view.texts = {reinterpret_cast<const char *>(stored.token_text()->data()),
                stored.token_text()->size()};
  view.offsets = spanOf(stored.token_offsets());
  view.scores = spanOf(stored.scores());
  view.types = spanOf(stored.types());
  view.stripFlags = spanOf(stored.strips());
  if (stored.kind() == fb::TokenizerKind::BytePair)
    view.merges = mergesOf(stored);
  view.bosId = stored.bos();
  view.eosId = stored.eos();
  view.unkId = stored.unk();
  view.padId = stored.pad();
  view.addSpacePrefix = stored.add_space_prefix();
  return view;
}

} // namespace tawny
