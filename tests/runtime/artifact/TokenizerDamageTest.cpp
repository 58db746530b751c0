// Each field of a byte-level BPE tokenizer, broken once.
#include "tests/runtime/artifact/Damage.h"

namespace tawny::test {
namespace {

constexpr Damage damages[] = {
    {"no pre-tokenizer", [](fb::ArtifactT &a) { a.tokenizer->pre_tokenizer.clear(); },
     "tokenizer.pre_tokenizer: expected a text, found none"},
    {"no types", [](fb::ArtifactT &a) { a.tokenizer->types.clear(); },
     "tokenizer.types: expected a value, found none"},
    {"no bytes", [](fb::ArtifactT &a) { a.tokenizer->byte_tokens.clear(); },
     "tokenizer.byte_tokens: expected a value, found none"},
    {"bytes", [](fb::ArtifactT &a) { a.tokenizer->byte_tokens.pop_back(); },
     "tokenizer.byte_tokens: expected one for each of 256 bytes, found 255"},
    {"byte missing", [](fb::ArtifactT &a) { a.tokenizer->byte_tokens['a'] = -1; },
     "tokenizer.byte_tokens[97]: expected 0 to 257, found -1"},
    {"byte out of range", [](fb::ArtifactT &a) { a.tokenizer->byte_tokens[0xff] = 258; },
     "tokenizer.byte_tokens[255]: expected -1 to 257, found 258"},
    {"byte of another text", [](fb::ArtifactT &a) { a.tokenizer->byte_tokens[0xc0] = 'b'; },
     "tokenizer.byte_tokens[192]: expected a token of that byte alone, found token 98"},
    {"no merges", [](fb::ArtifactT &a) { a.tokenizer->merge_right.clear(); },
     "tokenizer.merge_right: expected a value, found none"},
    {"results", [](fb::ArtifactT &a) { a.tokenizer->merge_result.pop_back(); },
     "tokenizer.merge_result: expected one for each of 2 merges, found 1"},
    {"ranks", [](fb::ArtifactT &a) { a.tokenizer->merge_rank.push_back(0); },
     "tokenizer.merge_rank: expected one for each of 2 merges, found 3"},
    {"no starts", [](fb::ArtifactT &a) { a.tokenizer->merge_starts.clear(); },
     "tokenizer.merge_starts: expected a value, found none"},
    {"starts", [](fb::ArtifactT &a) { a.tokenizer->merge_starts.pop_back(); },
     "tokenizer.merge_starts: expected one more than 258 tokens, found 258"},
    {"first start", [](fb::ArtifactT &a) { a.tokenizer->merge_starts[0] = 1; },
     "tokenizer.merge_starts[0]: expected 0 to 0, found 1"},
    {"last start", [](fb::ArtifactT &a) { a.tokenizer->merge_starts[258] = 1; },
     "tokenizer.merge_starts[258]: expected 2 to 2, found 1"},
    {"descending starts", [](fb::ArtifactT &a) { a.tokenizer->merge_starts[200] = 0; },
     "tokenizer.merge_starts[200]: expected 1 to 2, found 0"},
    {"start beyond", [](fb::ArtifactT &a) { a.tokenizer->merge_starts[5] = UINT32_MAX; },
     "tokenizer.merge_starts[5]: expected 0 to 2, found 4294967295"},
    {"right out of range", [](fb::ArtifactT &a) { a.tokenizer->merge_right[1] = 258; },
     "tokenizer.merge_right[1]: expected 0 to 257, found 258"},
    {"rights descend",
     [](fb::ArtifactT &a) {
       std::fill(a.tokenizer->merge_starts.begin() + 'a' + 1, a.tokenizer->merge_starts.end(), 2);
       a.tokenizer->merge_right[1] = 'b';
     },
     "tokenizer.merge_right[1]: expected 99 to 257, found 98"},
    {"result out of range", [](fb::ArtifactT &a) { a.tokenizer->merge_result[0] = 258; },
     "tokenizer.merge_result[0]: expected 0 to 257, found 258"},
    {"result of another length", [](fb::ArtifactT &a) { a.tokenizer->merge_result[0] = 257; },
     "tokenizer.merge_result[0]: expected a token of 2 bytes, as tokens 97 and 98 have, found "
     "token 257"},
};

TEST(TokenizerDamage, IsNamedInBytePair) {
  EXPECT_EQ(errorOf(Artifact::fromMemory(toyBytePairVocabulary().encode().span(), "toy")), "");
  for (const Damage &damage : damages) {
    AlignedBytes bytes = toyBytePairVocabulary().encode(damage.change);
    EXPECT_EQ(errorOf(Artifact::fromMemory(bytes.span(), "toy")), sentence(damage.finding))
        << damage.name;
  }
}

} // namespace
} // namespace tawny::test
