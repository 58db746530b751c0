#include "tests/models/gguf/Builder.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include <cassert>

namespace tawny::gguf::test {
namespace {

template <typename T> std::string littleEndian(T value) {
  std::string bytes(sizeof(T), '\0');
  llvm::support::endian::write<T>(bytes.data(), value, llvm::endianness::little);
  return bytes;
}

uint64_t dataBytes(const TensorSpec &tensor) {
  const TypeInfo *info = typeInfo(tensor.type);
  if (!info)
    return 0;
  uint64_t elements = 1;
  for (uint64_t size : tensor.dims)
    elements *= size;
  return elements / info->blockElements * info->blockBytes;
}

uint64_t alignUp(uint64_t offset, uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

} // namespace

std::string u32Bytes(uint32_t value) { return littleEndian(value); }
std::string u64Bytes(uint64_t value) { return littleEndian(value); }
std::string f32Bytes(float value) { return littleEndian(value); }
std::string f64Bytes(double value) { return littleEndian(value); }

std::string stringBytes(llvm::StringRef text) { return u64Bytes(text.size()) + text.str(); }

std::string arrayBytes(ValueType elementType, uint64_t count, llvm::StringRef elements) {
  return u32Bytes(uint32_t(elementType)) + u64Bytes(count) + elements.str();
}

Builder &Builder::again(llvm::StringRef key, ValueType type, llvm::StringRef payload) {
  entries.push_back({key.str(), uint32_t(type), payload.str()});
  return *this;
}

Builder &Builder::set(llvm::StringRef key, ValueType type, llvm::StringRef payload) {
  auto entry = llvm::find_if(entries, [&](const Entry &entry) { return entry.key == key; });
  if (entry == entries.end())
    return again(key, type, payload);
  entry->type = uint32_t(type);
  entry->payload = payload.str();
  return *this;
}

Builder &Builder::u32(llvm::StringRef key, uint32_t value) {
  return set(key, ValueType::UInt32, u32Bytes(value));
}

Builder &Builder::f32(llvm::StringRef key, float value) {
  return set(key, ValueType::Float32, f32Bytes(value));
}

Builder &Builder::flag(llvm::StringRef key, uint8_t value) {
  return set(key, ValueType::Bool, std::string(1, char(value)));
}

Builder &Builder::string(llvm::StringRef key, llvm::StringRef value) {
  return set(key, ValueType::String, stringBytes(value));
}

Builder &Builder::strings(llvm::StringRef key, const std::vector<std::string> &values) {
  std::string elements;
  for (const std::string &value : values)
    elements += stringBytes(value);
  return set(key, ValueType::Array, arrayBytes(ValueType::String, values.size(), elements));
}

Builder &Builder::floats(llvm::StringRef key, const std::vector<float> &values) {
  std::string elements;
  for (float value : values)
    elements += f32Bytes(value);
  return set(key, ValueType::Array, arrayBytes(ValueType::Float32, values.size(), elements));
}

Builder &Builder::ints(llvm::StringRef key, const std::vector<int32_t> &values) {
  std::string elements;
  for (int32_t value : values)
    elements += u32Bytes(uint32_t(value));
  return set(key, ValueType::Array, arrayBytes(ValueType::Int32, values.size(), elements));
}

Builder &Builder::erase(llvm::StringRef key) {
  llvm::erase_if(entries, [&](const Entry &entry) { return entry.key == key; });
  return *this;
}

Builder &Builder::add(TensorSpec tensor) {
  tensors.push_back(std::move(tensor));
  return *this;
}

Builder &Builder::tensor(llvm::StringRef name, std::vector<uint64_t> dims, uint32_t type) {
  TensorSpec spec = {name.str(), std::move(dims), type, std::nullopt, std::nullopt};
  auto found = llvm::find_if(tensors, [&](const TensorSpec &other) { return other.name == name; });
  if (found == tensors.end())
    return add(std::move(spec));
  *found = std::move(spec);
  return *this;
}

Builder &Builder::vector(llvm::StringRef name, const std::vector<float> &values) {
  tensor(name, {values.size()});
  for (float value : values)
    at(name).data += f32Bytes(value);
  return *this;
}

Builder &Builder::eraseTensor(llvm::StringRef name) {
  llvm::erase_if(tensors, [&](const TensorSpec &tensor) { return tensor.name == name; });
  return *this;
}

TensorSpec &Builder::at(llvm::StringRef name) {
  auto found =
      llvm::find_if(tensors, [&](const TensorSpec &tensor) { return tensor.name == name; });
  assert(found != tensors.end() && "no such tensor");
  return *found;
}

Builder &Builder::align(uint32_t bytes) {
  alignment = bytes;
  return u32("general.alignment", bytes);
}

std::string Builder::build() const {
  std::string file = magic + u32Bytes(version) + u64Bytes(tensorCount.value_or(tensors.size())) +
                     u64Bytes(metadataCount.value_or(entries.size()));
  for (const Entry &entry : entries)
    file += stringBytes(entry.key) + u32Bytes(entry.type) + entry.payload;
  uint64_t end = 0;
  std::string data;
  for (const TensorSpec &tensor : tensors) {
    file += stringBytes(tensor.name) + u32Bytes(tensor.rank.value_or(tensor.dims.size()));
    for (uint64_t size : tensor.dims)
      file += u64Bytes(size);
    uint64_t offset = alignUp(end, alignment);
    file += u32Bytes(tensor.type) + u64Bytes(tensor.offset.value_or(offset));
    data.resize(offset);
    data += tensor.data;
    end = offset + dataBytes(tensor);
    data.resize(end);
  }
  if (!tensors.empty())
    file.resize(alignUp(file.size(), alignment));
  return file + data;
}

Builder tinyLlama(uint32_t numBlocks) {
  Builder builder;
  builder.string("general.architecture", "llama")
      .align(8)
      .u32("llama.block_count", numBlocks)
      .u32("llama.context_length", 64)
      .u32("llama.embedding_length", 8)
      .u32("llama.feed_forward_length", 8)
      .u32("llama.attention.head_count", 2)
      .u32("llama.attention.head_count_kv", 1)
      .f32("llama.attention.layer_norm_rms_epsilon", 0x1p-17f)
      .string("tokenizer.ggml.model", "llama")
      .strings("tokenizer.ggml.tokens", {"<unk>", "<s>", "</s>", "<0x0A>", "\xe2\x96\x81", "a"})
      .floats("tokenizer.ggml.scores", {0, 0, 0, 0, -1, -2})
      .ints("tokenizer.ggml.token_type", {2, 3, 3, 6, 1, 1})
      .u32("tokenizer.ggml.bos_token_id", 1)
      .u32("tokenizer.ggml.eos_token_id", 2)
      .u32("tokenizer.ggml.unknown_token_id", 0)
      .tensor("token_embd.weight", {8, 6}, TypeF16);
  for (uint32_t block = 0; block < numBlocks; ++block) {
    std::string prefix = "blk." + std::to_string(block) + ".";
    builder.tensor(prefix + "attn_norm.weight", {8})
        .tensor(prefix + "attn_q.weight", {8, 8}, TypeF16)
        .tensor(prefix + "attn_k.weight", {8, 4}, TypeF16)
        .tensor(prefix + "attn_v.weight", {8, 4}, TypeF16)
        .tensor(prefix + "attn_output.weight", {8, 8}, TypeF16)
        .tensor(prefix + "ffn_norm.weight", {8})
        .tensor(prefix + "ffn_gate.weight", {8, 8}, TypeF16)
        .tensor(prefix + "ffn_up.weight", {8, 8}, TypeF16)
        .tensor(prefix + "ffn_down.weight", {8, 8}, TypeF16);
  }
  return builder.tensor("output_norm.weight", {8});
}

Builder oneOfEachType() {
  Builder builder;
  builder.string("general.architecture", "none")
      .tensor("f32", {3, 1, 2, 1})
      .tensor("f16", {5, 3}, TypeF16)
      .tensor("q4_0", {64, 2}, TypeQ4_0)
      .tensor("q8_0", {32}, TypeQ8_0)
      .tensor("q4_k", {256, 2}, TypeQ4_K)
      .tensor("q6_k", {256}, TypeQ6_K);
  return builder;
}

std::vector<std::string> byteTexts() {
  std::vector<std::string> texts;
  unsigned next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    bool printsInAscii = byte > 0x20 && byte < 0x7f;
    bool printsInLatin1 = byte > 0xa0 && byte != 0xad;
    if (printsInAscii) {
      texts.emplace_back(1, char(byte));
      continue;
    }
    unsigned character = printsInLatin1 ? byte : next++;
    texts.push_back({char(0xc0 | character >> 6), char(0x80 | (character & 0x3f))});
  }
  return texts;
}

Builder tinyBytePair() {
  std::vector<std::string> texts = byteTexts();
  for (const char *text : {"\u0120a", "ab", "\u0120ab", "<|end|>", "<tool>"})
    texts.push_back(text);
  std::vector<int32_t> kinds(259, 1);
  kinds.insert(kinds.end(), {3, 4});
  Builder builder;
  builder.string("general.architecture", "gpt2")
      .string("tokenizer.ggml.model", "gpt2")
      .string("tokenizer.ggml.pre", "qwen2")
      .strings("tokenizer.ggml.tokens", texts)
      .ints("tokenizer.ggml.token_type", kinds)
      .strings("tokenizer.ggml.merges", {"a b", "\u0120 a", "\u0120 ab"})
      .u32("tokenizer.ggml.eos_token_id", 259);
  return builder;
}

std::vector<Seed> seeds() {
  Builder values;
  values.set("u8", ValueType::UInt8, "\x07")
      .set("i8", ValueType::Int8, "\xf9")
      .set("u16", ValueType::UInt16, "\x01\x02")
      .set("i16", ValueType::Int16, "\xff\xff")
      .u32("u32", 1)
      .set("i32", ValueType::Int32, u32Bytes(uint32_t(-2)))
      .f32("f32", 0.5f)
      .flag("bool", 1)
      .string("string", "text")
      .set("u64", ValueType::UInt64, u64Bytes(3))
      .set("i64", ValueType::Int64, u64Bytes(uint64_t(-4)))
      .set("f64", ValueType::Float64, f64Bytes(0.25))
      .strings("strings", {"", "a", "bc"})
      .set("bools", ValueType::Array, arrayBytes(ValueType::Bool, 2, llvm::StringRef("\0\1", 2)))
      .set("none", ValueType::Array, arrayBytes(ValueType::UInt64, 0, ""));
  Builder untied = tinyLlama(1);
  untied.string("tokenizer.chat_template", "{{ messages }}")
      .string("llama.rope.scaling.type", "none")
      .tensor("output.weight", {8, 6}, TypeF16)
      .tensor("blk.0.attn_q.bias", {8});
  Builder vocabularyOnly;
  vocabularyOnly.version = 2;
  vocabularyOnly.string("tokenizer.ggml.model", "llama")
      .strings("tokenizer.ggml.tokens", {"a", "b"})
      .floats("tokenizer.ggml.scores", {0, -1})
      .ints("tokenizer.ggml.token_type", {1, 4})
      .flag("tokenizer.ggml.add_bos_token", 0);
  Builder longContext = tinyLlama();
  longContext.string("llama.rope.scaling.type", "yarn")
      .f32("llama.rope.scaling.factor", 4)
      .u32("llama.rope.scaling.original_context_length", 16)
      .u32("llama.attention.sliding_window", 32)
      .vector("rope_freqs.weight", {1, 8});
  return {{"tiny-llama.gguf", tinyLlama().build()},    {"untied-bias.gguf", untied.build()},
          {"types.gguf", oneOfEachType().build()},     {"values.gguf", values.build()},
          {"vocabulary.gguf", vocabularyOnly.build()}, {"empty.gguf", Builder().build()},
          {"byte-pair.gguf", tinyBytePair().build()},  {"long-context.gguf", longContext.build()}};
}

} // namespace tawny::gguf::test
