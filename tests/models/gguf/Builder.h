// Builds small GGUF files in memory, valid ones and, field by field, invalid ones.
#pragma once

#include "models/gguf/Reader.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace tawny::gguf::test {

/// The bytes of `value`, little-endian.
std::string u32Bytes(uint32_t value);
std::string u64Bytes(uint64_t value);
std::string f32Bytes(float value);
std::string f64Bytes(double value);
/// A length and as many bytes, as the format stores strings.
std::string stringBytes(llvm::StringRef text);
/// Element type, count and elements, as the format stores arrays.
std::string arrayBytes(ValueType elementType, uint64_t count, llvm::StringRef elements);

struct TensorSpec {
  std::string name;
  std::vector<uint64_t> dims;
  uint32_t type = TypeF32;
  /// Written instead of the true ones where set.
  std::optional<uint64_t> offset;
  std::optional<uint32_t> rank;
  /// The first bytes of its data; the rest is zeros.
  std::string data = {};
};

/// Collects what a file should say; build() lays it out. Setting a key again replaces its value in
/// place, so a test takes a valid file and spoils one thing.
class Builder {
public:
  Builder &set(llvm::StringRef key, ValueType type, llvm::StringRef payload);
  Builder &u32(llvm::StringRef key, uint32_t value);
  Builder &f32(llvm::StringRef key, float value);
  Builder &flag(llvm::StringRef key, uint8_t value);
  Builder &string(llvm::StringRef key, llvm::StringRef value);
  Builder &strings(llvm::StringRef key, const std::vector<std::string> &values);
  Builder &floats(llvm::StringRef key, const std::vector<float> &values);
  Builder &ints(llvm::StringRef key, const std::vector<int32_t> &values);
  Builder &erase(llvm::StringRef key);
  /// Adds an entry even where the key is there already.
  Builder &again(llvm::StringRef key, ValueType type, llvm::StringRef payload);

  /// Adds or replaces a tensor; its data are zeros, laid out one after another.
  Builder &tensor(llvm::StringRef name, std::vector<uint64_t> dims, uint32_t type = TypeF32);
  /// A vector of F32 with these elements.
  Builder &vector(llvm::StringRef name, const std::vector<float> &values);
  Builder &eraseTensor(llvm::StringRef name);
  Builder &add(TensorSpec tensor);
  /// The tensor `name`, to spoil it.
  TensorSpec &at(llvm::StringRef name);

  /// Writes the alignment as a key and lays the tensors out by it.
  Builder &align(uint32_t bytes);

  std::string build() const;

  /// Calls `fill` with every tensor, to give it data.
  void fillTensors(llvm::function_ref<void(TensorSpec &)> fill) {
    for (TensorSpec &tensor : tensors)
      fill(tensor);
  }

  std::string magic = "GGUF";
  uint32_t version = 3;
  /// Written instead of the true ones where set.
  std::optional<uint64_t> tensorCount;
  std::optional<uint64_t> metadataCount;

private:
  struct Entry {
    std::string key;
    uint32_t type;
    std::string payload;
  };
  std::vector<Entry> entries;
  std::vector<TensorSpec> tensors;
  uint32_t alignment = 32;
};

/// A llama model of less than 4 KB that is valid in every respect: hidden size 8, 2 heads of 4, one
/// key-value head, 8 intermediate elements, 6 tokens (`<unk>`, `<s>`, `</s>`, `<0x0A>`, and two
/// pieces), tied head, matrices in F16.
Builder tinyLlama(uint32_t numBlocks = 1);

/// The texts of the tokens of all 256 bytes, in GPT-2's alphabet.
std::vector<std::string> byteTexts();

/// A byte-level BPE vocabulary without tensors: the 256 bytes, `Ġa` (257th), `ab`, `Ġab`, the
/// control token `<|end|>` and the user-defined token `<tool>`, with the three merges that make
/// 256 to 258.
Builder tinyBytePair();

/// A file with one tensor for each supported element type.
Builder oneOfEachType();

struct Seed {
  const char *name;
  std::string bytes;
};

/// The files of the fuzzer's corpus.
std::vector<Seed> seeds();

} // namespace tawny::gguf::test
