// One file for each class of defect that has been published of GGUF parsers, with what the reader
// says of it. Where a class has several CVE numbers, the first is given.
#include "models/gguf/Hyperparameters.h"
#include "models/gguf/Vocabulary.h"
#include "tests/models/gguf/Malformed.h"
#include <cmath>
#include <limits>

using namespace tawny::gguf;
using namespace tawny::gguf::test;

namespace {

constexpr uint64_t half = 1ull << 63;

std::string withCount(std::optional<uint64_t> Builder::*which, uint64_t count) {
  Builder builder = tinyLlama();
  builder.*which = count;
  return builder.build();
}

std::string withValue(ValueType type, const std::string &payload) {
  return tinyLlama().set("general.name", type, payload).build();
}

/// A tensor `t` of 32 bytes whose description says something else. Its parts, from the 33rd byte of
/// the file on: rank (4 bytes), dimension (8), type (4), offset (8).
std::string withTensor(size_t at, const std::string &bytes) {
  std::string file = Builder().tensor("t", {8}).build();
  file.replace(33 + at, bytes.size(), bytes);
  return file;
}

std::string withDimensions(const std::vector<uint64_t> &dims, uint32_t type = TypeF32) {
  std::string file = Builder().tensor("t", std::vector<uint64_t>(dims.size(), 1)).build();
  std::string bytes = u32Bytes(uint32_t(dims.size()));
  for (uint64_t dim : dims)
    bytes += u64Bytes(dim);
  bytes += u32Bytes(type);
  return file.replace(33, bytes.size(), bytes);
}

const MalformedCase cases[] = {
    // Sizes that are multiplied or added without a check: CVE-2024-21836 (tensors), CVE-2024-23605
    // (metadata), CVE-2026-33298 (elements), CVE-2025-53630 (padded sizes and their sum).
    {"TensorCountTimesItsSizeWraps",
     [] { return withCount(&Builder::tensorCount, 0x0aaaaaaaaaaaaaab); },
     "offset 8: expected a tensor count of at most 75, as each takes at least 32 of the 2408 "
     "bytes that follow, found 768614336404564651; the file is truncated or damaged, fetch it "
     "again"},
    {"MetadataCountTimesItsSizeWraps",
     [] { return withCount(&Builder::metadataCount, 0x0aaaaaaaaaaaaaab); },
     "offset 16: expected a metadata count of at most 184, as each takes at least 13 of the "
     "2400 bytes that follow, found 768614336404564651; the file is truncated or damaged, "
     "fetch it again"},
    {"ProductOfDimensionsWrapsToZero", [] { return withDimensions({1ull << 32, 1ull << 32}); },
     "tensor 't' (offset 24): expected a number of elements below 2^64, found dimensions "
     "[4294967296, 4294967296]"},
    {"ProductOfDimensionsWrapsToFew",
     [] { return withDimensions({(1ull << 32) + 1, 1ull << 32, 1}); },
     "tensor 't' (offset 24): expected a number of elements below 2^64, found dimensions "
     "[4294967297, 4294967296]"},
    {"BytesOfElementsWrap", [] { return withDimensions({(1ull << 62) + 8}); },
     "tensor 't' (offset 24): expected less than 2^64 bytes of data, found F32 elements with "
     "dimensions [4611686018427387912]"},
    {"PaddingOverflowsAfterTheCheck", [] { return withDimensions({(1ull << 62) - 1}); },
     "tensor 't' (offset 24): expected 18446744073709551612 bytes of data at offset 64 + 0, "
     "found the end of the file at 68; it is truncated or damaged, fetch it again"},
    {"SumOfSizesWrapsToZero",
     [] {
       std::string file = Builder().tensor("t", {1}).tensor("u", {1}).build();
       for (size_t description : {0, 33})
         file.replace(33 + description + 4, 8, u64Bytes(1ull << 61));
       return file;
     },
     "tensor 't' (offset 24): expected 9223372036854775808 bytes of data at offset 96 + 0, "
     "found the end of the file at 132; it is truncated or damaged, fetch it again"},
    {"AlignmentPaddingPassesTheEnd",
     [] {
       std::string file = Builder().align(8).tensor("t", {8}).build();
       return file.replace(24 + 8 + 17 + 4, 4, u32Bytes(1u << 31));
     },
     "tensor 't' (offset 57): expected 32 bytes of data at offset 2147483648 + 0, found the "
     "end of the file at 128; it is truncated or damaged, fetch it again"},
    {"AlignmentZeroDivides", [] { return Builder().u32("general.alignment", 0).build(); },
     "key 'general.alignment' (offset 53): expected a u32 that is a power of two and at least "
     "8, found u32 0"},
    // Lengths of strings: CVE-2024-23496.
    {"StringLengthPlusOneWraps",
     [] { return withValue(ValueType::String, u64Bytes(uint64_t(-1)) + "text"); },
     "offset 858: expected 18446744073709551615 bytes of the value of key 'general.name', "
     "found 1606 before the end of the file; it is truncated or damaged, fetch it again"},
    {"StringLengthBeyond31Bits",
     [] { return withValue(ValueType::String, u64Bytes(1ull << 31) + "text"); },
     "offset 858: expected 2147483648 bytes of the value of key 'general.name', found 1606 "
     "before the end of the file; it is truncated or damaged, fetch it again"},
    {"KeyLengthPlusOneWraps",
     [] {
       Builder builder;
       builder.metadataCount = 1;
       return builder.build() + u64Bytes(uint64_t(-1)) + "general.name";
     },
     "offset 32: expected 18446744073709551615 bytes of the key of metadata entry 1 of 1, "
     "found 12 before the end of the file; it is truncated or damaged, fetch it again"},
    {"TensorNameLengthPlusOneWraps",
     [] {
       Builder builder;
       builder.tensorCount = 1;
       return builder.build() + u64Bytes(uint64_t(-1)) + std::string(64, 'n');
     },
     "offset 32: expected 18446744073709551615 bytes of the name of tensor 1 of 1, found 64 "
     "before the end of the file; it is truncated or damaged, fetch it again"},
    // Types of elements and counts of arrays: CVE-2024-21825.
    {"ArrayOfArrays",
     [] { return withValue(ValueType::Array, arrayBytes(ValueType::Array, 1, u64Bytes(0))); },
     "key 'general.name' (offset 850): expected elements that are no arrays, found an array "
     "of arrays, which is not supported"},
    {"ElementTypeBeyondTheTable",
     [] { return withValue(ValueType::Array, arrayBytes(ValueType(13), 1, u64Bytes(0))); },
     "key 'general.name' (offset 850): expected element types from 0 to 12, found 13"},
    {"ElementTypeNegative",
     [] { return withValue(ValueType::Array, arrayBytes(ValueType(1u << 31), 1, u64Bytes(0))); },
     "key 'general.name' (offset 850): expected element types from 0 to 12, found 2147483648"},
    {"BytesOfArrayWrap",
     [] {
       return withValue(ValueType::Array, arrayBytes(ValueType::Float64, 1ull << 61, u64Bytes(0)));
     },
     "offset 854: expected an element count of key 'general.name' of at most 201, as each "
     "takes at least 8 of the 1610 bytes that follow, found 2305843009213693952; the file is "
     "truncated or damaged, fetch it again"},
    {"StringsOfArrayExhaustMemory",
     [] {
       return withValue(ValueType::Array, arrayBytes(ValueType::String, 1ull << 32, u64Bytes(0)));
     },
     "offset 854: expected an element count of key 'general.name' of at most 201, as each "
     "takes at least 8 of the 1610 bytes that follow, found 4294967296; the file is truncated "
     "or damaged, fetch it again"},
    // Numbers that are negative where they are read with a sign.
    {"ValueTypeNegative", [] { return withValue(ValueType(1u << 31), u64Bytes(0)); },
     "key 'general.name' (offset 846): expected value types from 0 to 12, found 2147483648"},
    {"TensorTypeNegative", [] { return withTensor(4 + 8, u32Bytes(1u << 31)); },
     "tensor 't' (offset 24): expected a known element type, found type 2147483648; the file "
     "is damaged or newer than this compiler"},
    {"TensorTypeBeyondTheTable", [] { return withTensor(4 + 8, u32Bytes(1000)); },
     "tensor 't' (offset 24): expected a known element type, found type 1000; the file is "
     "damaged or newer than this compiler"},
    {"DimensionNegative", [] { return withTensor(4, u64Bytes(half)); },
     "tensor 't' (offset 24): expected less than 2^64 bytes of data, found F32 elements with "
     "dimensions [9223372036854775808]"},
    {"DimensionZeroDivides", [] { return withTensor(4, u64Bytes(0)); },
     "tensor 't' (offset 24): expected dimensions of at least 1, found 0 in dimension 0"},
    // More dimensions than there is room for: CVE-2024-21802.
    {"RankBeyondTheArray", [] { return withTensor(0, u32Bytes(5)); },
     "tensor 't' (offset 24): expected 1 to 4 dimensions, found 5"},
    {"RankNegative", [] { return withTensor(0, u32Bytes(1u << 31)); },
     "tensor 't' (offset 24): expected 1 to 4 dimensions, found 2147483648"},
    // Data that the file does not have: CVE-2026-7482.
    {"OffsetPlusSizeBeyondTheFile", [] { return withTensor(4 + 8 + 4, u64Bytes(1 << 16)); },
     "tensor 't' (offset 24): expected 32 bytes of data at offset 64 + 65536, found the end "
     "of the file at 96; it is truncated or damaged, fetch it again"},
    {"OffsetPlusSizeWraps", [] { return withTensor(4 + 8 + 4, u64Bytes(uint64_t(-32))); },
     "tensor 't' (offset 24): expected 32 bytes of data at offset 64 + 18446744073709551584, "
     "found the end of the file at 96; it is truncated or damaged, fetch it again"},
    {"SizeBeyondTheFile", [] { return withTensor(4, u64Bytes(1 << 16)); },
     "tensor 't' (offset 24): expected 262144 bytes of data at offset 64 + 0, found the end "
     "of the file at 96; it is truncated or damaged, fetch it again"},
    // Arrays of the tokenizer that are shorter than the vocabulary, ids beyond it.
    {"ScoresShorterThanTheVocabulary",
     [] { return tinyLlama().floats("tokenizer.ggml.scores", {0}).build(); },
     "key 'tokenizer.ggml.scores' (offset 584): expected an array of 6 f32, one for each "
     "token, found array of 1 f32"},
    {"TypesShorterThanTheVocabulary",
     [] { return tinyLlama().ints("tokenizer.ggml.token_type", {1}).build(); },
     "key 'tokenizer.ggml.token_type' (offset 657): expected an array of 6 i32, one for each "
     "token, found array of 1 i32"},
    {"EmbeddingShorterThanTheVocabulary",
     [] { return tinyLlama().tensor("token_embd.weight", {8, 5}, TypeF16).build(); },
     "tensor 'token_embd.weight' (offset 826): expected dimensions [8, 6], found [8, 5]"},
    {"SpecialTokenBeyondTheVocabulary",
     [] { return tinyLlama().u32("tokenizer.ggml.eos_token_id", 1u << 31).build(); },
     "key 'tokenizer.ggml.eos_token_id' (offset 775): expected an integer from 0 to 5, found "
     "u32 2147483648"},
    // Numbers that are none, and zeros that divide.
    {"NaNAsHyperparameter",
     [] {
       return tinyLlama().f32("llama.attention.layer_norm_rms_epsilon", std::nanf("")).build();
     },
     "key 'llama.attention.layer_norm_rms_epsilon' (offset 387): expected a number from 1e-12 "
     "to 0.1, found f32 NaN"},
    {"NaNInDoublePrecision",
     [] {
       return tinyLlama()
           .set("llama.rope.freq_base", ValueType::Float64, f64Bytes(std::nan("")))
           .build();
     },
     "key 'llama.rope.freq_base' (offset 858): expected a number from 1 to 1e+12, found f64 "
     "NaN"},
    {"InfinityAsHyperparameter",
     [] {
       float infinity = std::numeric_limits<float>::infinity();
       return tinyLlama().f32("llama.rope.freq_base", infinity).build();
     },
     "key 'llama.rope.freq_base' (offset 858): expected a number from 1 to 1e+12, found f32 "
     "inf"},
    {"ZeroHeadsDivide", [] { return tinyLlama().u32("llama.attention.head_count", 0).build(); },
     "key 'llama.attention.head_count' (offset 288): expected an integer from 1 to 16384, "
     "found u32 0"},
    {"NaNAsScore",
     [] {
       return tinyLlama().floats("tokenizer.ggml.scores", {0, 0, 0, 0, std::nanf(""), 0}).build();
     },
     "key 'tokenizer.ggml.scores' (offset 612): expected a finite score for token 4, "
     "'\\xe2\\x96\\x81', found f32 NaN"},
    // The same key twice, which frees the first value twice where it is replaced.
    {"KeyTwice",
     [] {
       return tinyLlama()
           .string("general.name", "a")
           .again("general.name", ValueType::String, stringBytes("b"))
           .build();
     },
     "key 'general.name' (offset 859): expected unique keys, found this one also at offset 826"},
};

class PublishedDefect : public testing::TestWithParam<MalformedCase> {};

TEST_P(PublishedDefect, IsRefused) {
  auto read = [](const File &file) -> llvm::Error {
    if (llvm::Error error = readLlamaParameters(file).takeError())
      return error;
    return readVocabulary(file).takeError();
  };
  EXPECT_EQ(errorOf(GetParam().build(), read), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(GGUF, PublishedDefect, testing::ValuesIn(cases), caseName);

} // namespace
