// Faults in the header and the metadata.
#include "tests/models/gguf/Malformed.h"

using namespace tawny::gguf;
using namespace tawny::gguf::test;

namespace {

/// A file whose only entry is key `k` with a value of type `type` and these bytes.
std::string entry(uint32_t type, const std::string &payload) {
  return Builder().set("k", ValueType(type), payload).build();
}

std::string entry(ValueType type, const std::string &payload) {
  return entry(uint32_t(type), payload);
}

/// A file whose one entry starts with the given bytes.
std::string rawKey(const std::string &bytes) {
  Builder builder;
  builder.metadataCount = 1;
  return builder.build() + bytes;
}

std::string withVersion(uint32_t version) {
  Builder builder;
  builder.version = version;
  return builder.build();
}

/// A model whose header says that there are `count` tensors or entries.
std::string withCount(std::optional<uint64_t> Builder::*which, uint64_t count) {
  Builder builder = tinyLlama();
  builder.*which = count;
  return builder.build();
}

const MalformedCase cases[] = {
    {"EmptyFile", [] { return std::string(); },
     "offset 0: expected 4 bytes of the magic 'GGUF', found 0 before the end of the file; it is "
     "truncated or damaged, fetch it again"},
    {"MagicCutShort", [] { return std::string("GGU"); },
     "offset 0: expected 4 bytes of the magic 'GGUF', found 3 before the end of the file; it is "
     "truncated or damaged, fetch it again"},
    {"WrongMagic",
     [] {
       Builder builder;
       builder.magic = "PK\3\4";
       return builder.build();
     },
     "offset 0: expected the magic 'GGUF', found 'PK\\x03\\x04'; this is not a GGUF file"},
    {"VersionZero", [] { return withVersion(0); },
     "offset 4: expected GGUF version 2 or 3, found 0"},
    {"VersionOne", [] { return withVersion(1); },
     "offset 4: expected GGUF version 2 or 3, found 1, whose counts have 32 bits; convert the "
     "model again with a current converter"},
    {"VersionFour", [] { return withVersion(4); },
     "offset 4: expected GGUF version 2 or 3, found 4"},
    {"BigEndian", [] { return withVersion(0x03000000); },
     "offset 4: expected a little-endian file, found version 0x03000000, a big-endian file's; "
     "convert it to little-endian"},
    {"TensorCountMinusOne", [] { return withCount(&Builder::tensorCount, uint64_t(-1)); },
     "offset 8: expected a tensor count of at most 75, as each takes at least 32 of the 2408 bytes "
     "that follow, found 18446744073709551615; the file is truncated or damaged, fetch it again"},
    {"TensorCountHuge", [] { return withCount(&Builder::tensorCount, 1ull << 60); },
     "offset 8: expected a tensor count of at most 75, as each takes at least 32 of the 2408 bytes "
     "that follow, found 1152921504606846976; the file is truncated or damaged, fetch it again"},
    {"MetadataCountMinusOne", [] { return withCount(&Builder::metadataCount, uint64_t(-1)); },
     "offset 16: expected a metadata count of at most 184, as each takes at least 13 of the 2400 "
     "bytes that follow, found 18446744073709551615; the file is truncated or damaged, fetch it "
     "again"},
    {"MetadataCountHuge", [] { return withCount(&Builder::metadataCount, 1ull << 60); },
     "offset 16: expected a metadata count of at most 184, as each takes at least 13 of the 2400 "
     "bytes that follow, found 1152921504606846976; the file is truncated or damaged, fetch it "
     "again"},
    {"MetadataCountOneTooMany",
     [] {
       Builder builder;
       builder.string("general.name", "counts to two");
       builder.metadataCount = 2;
       return builder.build();
     },
     "offset 69: expected 8 bytes of the length of the key of metadata entry 2 of 2, found 0 "
     "before the end of the file; it is truncated or damaged, fetch it again"},
    {"EmptyKey", [] { return rawKey(stringBytes("") + u32Bytes(4) + u32Bytes(1)); },
     "offset 24: expected a key of 1 to 65535 bytes in metadata entry 1 of 1, found 0 bytes"},
    {"KeyTooLong",
     [] { return rawKey(stringBytes(std::string(65536, 'k')) + u32Bytes(4) + u32Bytes(1)); },
     "offset 24: expected a key of 1 to 65535 bytes in metadata entry 1 of 1, found 65536 bytes"},
    {"KeyLengthMinusOne", [] { return rawKey(u64Bytes(uint64_t(-1)) + "general.name"); },
     "offset 32: expected 18446744073709551615 bytes of the key of metadata entry 1 of 1, found 12 "
     "before the end of the file; it is truncated or damaged, fetch it again"},
    {"KeyPastTheEnd", [] { return rawKey(u64Bytes(13) + "general.name"); },
     "offset 32: expected 13 bytes of the key of metadata entry 1 of 1, found 12 before the end of "
     "the file; it is truncated or damaged, fetch it again"},
    {"KeyNotAscii", [] { return rawKey(stringBytes("k\xc3\xa4se\n") + u32Bytes(4) + u32Bytes(1)); },
     "offset 24: expected a key of printable ASCII characters in metadata entry 1 of 1, found "
     "'k\\xc3\\xa4se\\x0a'"},
    {"DuplicateKey",
     [] {
       Builder builder;
       builder.u32("k", 1).again("k", ValueType::String, stringBytes("two"));
       return builder.build();
     },
     "key 'k' (offset 41): expected unique keys, found this one also at offset 24"},
    {"ValueTypeOutOfRange", [] { return entry(13, u32Bytes(0)); },
     "key 'k' (offset 33): expected value types from 0 to 12, found 13"},
    {"ValueTypeMinusOne", [] { return entry(uint32_t(-1), u32Bytes(0)); },
     "key 'k' (offset 33): expected value types from 0 to 12, found 4294967295"},
    {"ScalarCutShort", [] { return entry(ValueType::UInt64, u32Bytes(0)); },
     "offset 37: expected 8 bytes of the value of key 'k', found 4 before the end of the file; it "
     "is truncated or damaged, fetch it again"},
    {"BoolNeitherTrueNorFalse", [] { return entry(ValueType::Bool, "\2"); },
     "key 'k' (offset 37): expected a bool of 0 or 1, found 2"},
    {"StringLengthWraps", [] { return entry(ValueType::String, u64Bytes(uint64_t(-8)) + "text"); },
     "offset 45: expected 18446744073709551608 bytes of the value of key 'k', found 4 before the "
     "end of the file; it is truncated or damaged, fetch it again"},
    {"StringPastTheEnd", [] { return entry(ValueType::String, u64Bytes(5) + "text"); },
     "offset 45: expected 5 bytes of the value of key 'k', found 4 before the end of the file; it "
     "is truncated or damaged, fetch it again"},
    {"NestedArray",
     [] {
       std::string inner = arrayBytes(ValueType::UInt32, 1, u32Bytes(1));
       return entry(ValueType::Array, arrayBytes(ValueType::Array, 1, inner));
     },
     "key 'k' (offset 37): expected elements that are no arrays, found an array of arrays, which "
     "is not supported"},
    {"ElementTypeOutOfRange",
     [] { return entry(ValueType::Array, arrayBytes(ValueType(99), 1, u32Bytes(1))); },
     "key 'k' (offset 37): expected element types from 0 to 12, found 99"},
    {"ArrayCountHuge",
     [] { return entry(ValueType::Array, arrayBytes(ValueType::UInt64, 1ull << 60, u64Bytes(1))); },
     "offset 41: expected an element count of key 'k' of at most 1, as each takes at least 8 of "
     "the 8 bytes that follow, found 1152921504606846976; the file is truncated or damaged, fetch "
     "it again"},
    {"ArrayCountWhoseBytesWrap",
     [] { return entry(ValueType::Array, arrayBytes(ValueType::UInt64, 1ull << 61, u64Bytes(1))); },
     "offset 41: expected an element count of key 'k' of at most 1, as each takes at least 8 of "
     "the 8 bytes that follow, found 2305843009213693952; the file is truncated or damaged, fetch "
     "it again"},
    {"ArrayPastTheEnd",
     [] { return entry(ValueType::Array, arrayBytes(ValueType::UInt16, 2, "\1\2\3")); },
     "offset 41: expected an element count of key 'k' of at most 1, as each takes at least 2 of "
     "the 3 bytes that follow, found 2; the file is truncated or damaged, fetch it again"},
    {"StringArrayCountHuge",
     [] {
       return entry(ValueType::Array, arrayBytes(ValueType::String, 1ull << 60, stringBytes("a")));
     },
     "offset 41: expected an element count of key 'k' of at most 1, as each takes at least 8 of "
     "the 9 bytes that follow, found 1152921504606846976; the file is truncated or damaged, fetch "
     "it again"},
    {"StringOfArrayPastTheEnd",
     [] {
       return entry(ValueType::Array,
                    arrayBytes(ValueType::String, 2, stringBytes("a") + u64Bytes(9) + "12345678"));
     },
     "offset 66: expected 9 bytes of string 1 of key 'k', found 8 before the end of the file; it "
     "is truncated or damaged, fetch it again"},
    {"StringOfArrayWraps",
     [] {
       return entry(ValueType::Array, arrayBytes(ValueType::String, 1, u64Bytes(uint64_t(-1))));
     },
     "offset 57: expected 18446744073709551615 bytes of string 0 of key 'k', found 0 before the "
     "end of the file; it is truncated or damaged, fetch it again"},
    {"BoolOfArrayNeitherTrueNorFalse",
     [] {
       std::string bools("\0\1\xff", 3);
       return entry(ValueType::Array, arrayBytes(ValueType::Bool, 3, bools));
     },
     "key 'k' (offset 51): expected a bool of 0 or 1, found 255"},
    {"AlignmentZero", [] { return Builder().u32("general.alignment", 0).build(); },
     "key 'general.alignment' (offset 53): expected a u32 that is a power of two and at least 8, "
     "found u32 0"},
    {"AlignmentNoPowerOfTwo", [] { return Builder().u32("general.alignment", 24).build(); },
     "key 'general.alignment' (offset 53): expected a u32 that is a power of two and at least 8, "
     "found u32 24"},
    {"AlignmentBelowEight", [] { return Builder().u32("general.alignment", 4).build(); },
     "key 'general.alignment' (offset 53): expected a u32 that is a power of two and at least 8, "
     "found u32 4"},
    {"AlignmentNotU32",
     [] { return Builder().set("general.alignment", ValueType::UInt64, u64Bytes(32)).build(); },
     "key 'general.alignment' (offset 53): expected a u32 that is a power of two and at least 8, "
     "found u64 32"},
    {"AlignmentString", [] { return Builder().string("general.alignment", "32").build(); },
     "key 'general.alignment' (offset 53): expected a u32 that is a power of two and at least 8, "
     "found string '32'"},
};

class MalformedHeader : public testing::TestWithParam<MalformedCase> {};

TEST_P(MalformedHeader, IsRefused) {
  EXPECT_EQ(errorOf(GetParam().build(),
                    [](const File &) -> llvm::Error { return llvm::Error::success(); }),
            GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(GGUF, MalformedHeader, testing::ValuesIn(cases), caseName);

} // namespace
