// Faults in the descriptions of the tensors and in their placement.
#include "tests/models/gguf/Malformed.h"

using namespace tawny::gguf;
using namespace tawny::gguf::test;

namespace {

/// A file with one tensor called `t`.
std::string one(std::vector<uint64_t> dims, uint32_t type = TypeF32) {
  return Builder().tensor("t", std::move(dims), type).build();
}

/// A file with a tensor `a` of 64 bytes and a tensor `b` of 32 bytes at `offset`.
std::string second(uint64_t offset) {
  Builder builder;
  builder.tensor("a", {16}).tensor("b", {8});
  builder.at("b").offset = offset;
  return builder.build();
}

/// A file that ends `cut` bytes early.
std::string shortened(size_t cut) {
  std::string file = Builder().tensor("a", {16}).tensor("b", {8}).build();
  file.resize(file.size() - cut);
  return file;
}

const MalformedCase cases[] = {
    {"EmptyName", [] { return Builder().tensor("", {8}).build(); },
     "offset 24: expected a name of 1 to 64 bytes for tensor 1 of 1, found 0 bytes"},
    {"NameTooLong", [] { return Builder().tensor(std::string(65, 'n'), {8}).build(); },
     "offset 24: expected a name of 1 to 64 bytes for tensor 1 of 1, found 65 bytes"},
    {"NameLengthWraps",
     [] {
       Builder builder;
       builder.tensorCount = 1;
       return builder.build() + u64Bytes(uint64_t(-16)) + std::string(64, 'n');
     },
     "offset 32: expected 18446744073709551600 bytes of the name of tensor 1 of 1, found 64 before "
     "the end of the file; it is truncated or damaged, fetch it again"},
    {"DuplicateName",
     [] {
       Builder builder;
       builder.tensor("t", {8}).add({"t", {8}, TypeF32, {}, {}});
       return builder.build();
     },
     "tensor 't' (offset 57): expected unique names, found another tensor of this name at offset "
     "24"},
    {"NoDimensions", [] { return one({}); },
     "tensor 't' (offset 24): expected 1 to 4 dimensions, found 0"},
    {"FiveDimensions", [] { return one({1, 1, 1, 1, 1}); },
     "tensor 't' (offset 24): expected 1 to 4 dimensions, found 5"},
    {"RankMinusOne",
     [] {
       Builder builder;
       builder.add({"t", {8}, TypeF32, {}, uint32_t(-1)});
       return builder.build();
     },
     "tensor 't' (offset 24): expected 1 to 4 dimensions, found 4294967295"},
    {"ZeroDimension", [] { return one({8, 0}); },
     "tensor 't' (offset 24): expected dimensions of at least 1, found 0 in dimension 1"},
    {"ElementCountWraps", [] { return one({1ull << 32, 1ull << 31, 2}); },
     "tensor 't' (offset 24): expected a number of elements below 2^64, found dimensions "
     "[4294967296, 2147483648, 2]"},
    {"UnknownType", [] { return one({32}, 42); },
     "tensor 't' (offset 24): expected a known element type, found type 42; the file is damaged or "
     "newer than this compiler"},
    {"TypeMinusOne", [] { return one({32}, uint32_t(-1)); },
     "tensor 't' (offset 24): expected a known element type, found type 4294967295; the file is "
     "damaged or newer than this compiler"},
    {"WithdrawnType", [] { return one({32}, 4); },
     "tensor 't' (offset 24): expected an element type in use, found type 4 (Q4_2), which the "
     "format has withdrawn; quantise the model again"},
    {"WithdrawnPackedType", [] { return one({32}, 33); },
     "tensor 't' (offset 24): expected an element type in use, found type 33 (Q4_0_8_8), which the "
     "format has withdrawn; quantise the model again"},
    {"RowOfHalfABlock", [] { return one({48, 2}, TypeQ8_0); },
     "tensor 't' (offset 24): expected rows of whole Q8_0 blocks of 32 elements, found rows of 48"},
    {"RowShorterThanABlock", [] { return one({128, 256}, TypeQ4_K); },
     "tensor 't' (offset 24): expected rows of whole Q4_K blocks of 256 elements, found rows of "
     "128"},
    {"ByteCountWraps",
     [] {
       Builder builder;
       builder.add({"t", {1ull << 62}, TypeF32, {}, {}});
       builder.tensor("t", {8});
       std::string file = builder.build();
       // The builder cannot lay out 2^64 bytes; the size stands 20 bytes before the description
       // ends.
       file.replace(24 + 8 + 1 + 4, 8, u64Bytes(1ull << 62));
       return file;
     },
     "tensor 't' (offset 24): expected less than 2^64 bytes of data, found F32 elements with "
     "dimensions [4611686018427387904]"},
    {"OffsetMisaligned", [] { return second(72); },
     "tensor 'b' (offset 57): expected a data offset that is a multiple of the alignment, 32, "
     "found 72"},
    {"OffsetWraps", [] { return second(uint64_t(-32)); },
     "tensor 'b' (offset 57): expected 32 bytes of data at offset 96 + 18446744073709551584, found "
     "the end of the file at 192; it is truncated or damaged, fetch it again"},
    {"OffsetPastTheEnd", [] { return second(1 << 20); },
     "tensor 'b' (offset 57): expected 32 bytes of data at offset 96 + 1048576, found the end of "
     "the file at 192; it is truncated or damaged, fetch it again"},
    {"DataOneByteShort", [] { return shortened(1); },
     "tensor 'b' (offset 57): expected 32 bytes of data at offset 96 + 64, found the end of the "
     "file at 191; it is truncated or damaged, fetch it again"},
    {"DataMissing", [] { return shortened(64 + 32); },
     "tensor 'a' (offset 24): expected 64 bytes of data at offset 96 + 0, found the end of the "
     "file at 96; it is truncated or damaged, fetch it again"},
    {"CountTooLargeForTheRest", [] { return shortened(64 + 32 + 26 + 1); },
     "offset 8: expected a tensor count of at most 1, as each takes at least 32 of the 53 bytes "
     "that follow, found 2; the file is truncated or damaged, fetch it again"},
    {"DescriptionCutShort",
     [] { return Builder().tensor(std::string(40, 'n'), {8}).build().substr(0, 24 + 72 - 5); },
     "offset 88: expected 8 bytes of the data offset of tensor "
     "'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn', found 3 before the end of the file; it is "
     "truncated or damaged, fetch it again"},
    {"Overlap", [] { return second(32); },
     "tensor 'b' (offset 57): expected data of its own, found that its 32 bytes at offset 128 "
     "overlap the 64 bytes of tensor 'a' at offset 96"},
    {"SameOffset", [] { return second(0); },
     "tensor 'b' (offset 57): expected data of its own, found that its 32 bytes at offset 96 "
     "overlap the 64 bytes of tensor 'a' at offset 96"},
};

class MalformedTensors : public testing::TestWithParam<MalformedCase> {};

TEST_P(MalformedTensors, IsRefused) {
  EXPECT_EQ(errorOf(GetParam().build(),
                    [](const File &) -> llvm::Error { return llvm::Error::success(); }),
            GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(GGUF, MalformedTensors, testing::ValuesIn(cases), caseName);

} // namespace
