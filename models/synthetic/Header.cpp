#include "models/synthetic/Header.h"

#include "models/gguf/Types.h"
#include "models/gguf/Value.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

namespace tawny::synthetic {
namespace {

using gguf::ValueType;

/// The specification's alignment of tensor data, where the metadata states none.
constexpr uint64_t alignment = 32;
constexpr uint32_t version = 3;

/// Appends values as GGUF stores them.
class Bytes {
public:
  template <typename T> Bytes &number(T value) {
    char bytes[sizeof(T)];
    llvm::support::endian::write<T>(bytes, value, llvm::endianness::little);
    text.append(bytes, sizeof(T));
    return *this;
  }
  Bytes &string(llvm::StringRef value) {
    number(uint64_t(value.size()));
    text += value;
    return *this;
  }
  Bytes &type(ValueType value) { return number(static_cast<uint32_t>(value)); }

  std::string text;
};

/// Metadata entries and tensor descriptions, in order.
class Builder {
public:
  explicit Builder(const Model &model) : model(model), preset(*model.preset) {}
  Header build();

private:
  Bytes &key(llvm::StringRef name, ValueType type) {
    ++entries;
    return metadata.string(name).type(type);
  }
  void u32(llvm::StringRef name, uint32_t value) { key(name, ValueType::UInt32).number(value); }
  void f32(llvm::StringRef name, float value) { key(name, ValueType::Float32).number(value); }
  void string(llvm::StringRef name, llvm::StringRef value) {
    key(name, ValueType::String).string(value);
  }
  /// An array of the vocabulary's length; its elements follow.
  void perToken(llvm::StringRef name, ValueType type) {
    key(name, ValueType::Array).type(type).number(uint64_t(preset.vocabSize));
  }
  void addShape();
  void addVocabulary();
  void addTensor(const llvm::Twine &name, llvm::ArrayRef<uint64_t> dims, uint32_t type);
  void addBlock(uint32_t layer);

  const Model &model;
  const Preset &preset;
  Bytes metadata, tensors;
  uint64_t entries = 0, tensorCount = 0;
  uint64_t dataBytes = 0;
};

void Builder::addShape() {
  string("general.architecture", "llama");
  string("general.name", preset.name.str() + " (random weights)");
  u32("llama.block_count", preset.layers);
  u32("llama.context_length", preset.contextLength);
  u32("llama.embedding_length", preset.hiddenSize);
  u32("llama.feed_forward_length", preset.intermediateSize);
  u32("llama.attention.head_count", preset.heads);
  u32("llama.attention.head_count_kv", preset.kvHeads);
  u32("llama.attention.key_length", preset.headDim);
  u32("llama.attention.value_length", preset.headDim);
  f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  u32("llama.rope.dimension_count", preset.headDim);
  f32("llama.rope.freq_base", preset.ropeTheta);
  u32("llama.vocab_size", preset.vocabSize);
}

/// Special tokens, one for each byte, then words that no text is likely to hold.
void Builder::addVocabulary() {
  constexpr uint32_t specials = 3, bytes = 256, unknown = 2, control = 3, byte = 6, normal = 1;
  string("tokenizer.ggml.model", "llama");
  u32("tokenizer.ggml.bos_token_id", 1);
  u32("tokenizer.ggml.eos_token_id", 2);
  perToken("tokenizer.ggml.tokens", ValueType::String);
  for (const char *special : {"<unk>", "<s>", "</s>"})
    metadata.string(special);
  for (uint32_t value = 0; value < bytes; ++value) {
    constexpr char digits[] = "0123456789ABCDEF";
    metadata.string(std::string("<0x") + digits[value / 16] + digits[value % 16] + ">");
  }
  for (uint32_t token = specials + bytes; token < preset.vocabSize; ++token)
    metadata.string("\u2581t" + std::to_string(token));
  perToken("tokenizer.ggml.scores", ValueType::Float32);
  for (uint32_t token = 0; token < preset.vocabSize; ++token)
    metadata.number(token < specials + bytes ? 0.0f : -static_cast<float>(token));
  perToken("tokenizer.ggml.token_type", ValueType::Int32);
  for (uint32_t token = 0; token < preset.vocabSize; ++token)
    metadata.number(token == 0                 ? unknown
                    : token < specials         ? control
                    : token < specials + bytes ? byte
                                               : normal);
}

void Builder::addTensor(const llvm::Twine &name, llvm::ArrayRef<uint64_t> dims, uint32_t type) {
  if (dims[0] % gguf::typeInfo(type)->blockElements != 0)
    type = gguf::TypeQ8_0;
  tensors.string(name.str()).number(static_cast<uint32_t>(dims.size()));
  uint64_t elements = 1;
  for (uint64_t size : dims) {
    tensors.number(size);
    elements *= size;
  }
  tensors.number(type).number(dataBytes);
  const gguf::TypeInfo &info = *gguf::typeInfo(type);
  dataBytes = llvm::alignTo(dataBytes + elements / info.blockElements * info.blockBytes, alignment);
  ++tensorCount;
}

void Builder::addBlock(uint32_t layer) {
  std::string prefix = "blk." + std::to_string(layer) + ".";
  const uint64_t hidden = preset.hiddenSize, intermediate = preset.intermediateSize;
  const uint64_t query = uint64_t(preset.heads) * preset.headDim;
  const uint64_t key = uint64_t(preset.kvHeads) * preset.headDim;
  const uint32_t type = model.recipe.type;
  // The first and the last eighth of the layers, and every third between them, take more bits.
  uint32_t eighth = preset.layers / 8;
  bool more = layer < eighth || layer >= 7 * preset.layers / 8 || (layer - eighth) % 3 == 2;
  const uint32_t someType = more ? model.recipe.moreType : type;
  addTensor(prefix + "attn_norm.weight", {hidden}, gguf::TypeF32);
  addTensor(prefix + "attn_q.weight", {hidden, query}, type);
  addTensor(prefix + "attn_k.weight", {hidden, key}, type);
  addTensor(prefix + "attn_v.weight", {hidden, key}, someType);
  addTensor(prefix + "attn_output.weight", {query, hidden}, type);
  addTensor(prefix + "ffn_norm.weight", {hidden}, gguf::TypeF32);
  addTensor(prefix + "ffn_gate.weight", {hidden, intermediate}, type);
  addTensor(prefix + "ffn_up.weight", {hidden, intermediate}, type);
  addTensor(prefix + "ffn_down.weight", {intermediate, hidden}, someType);
}

Header Builder::build() {
  addShape();
  addVocabulary();
  const uint64_t hidden = preset.hiddenSize, vocabulary = preset.vocabSize;
  addTensor("token_embd.weight", {hidden, vocabulary}, model.recipe.type);
  for (uint32_t layer = 0; layer < preset.layers; ++layer)
    addBlock(layer);
  addTensor("output_norm.weight", {hidden}, gguf::TypeF32);
  addTensor("output.weight", {hidden, vocabulary}, model.recipe.moreType);

  Bytes file;
  file.text = "GGUF";
  file.number(version).number(tensorCount).number(entries);
  file.text += metadata.text + tensors.text;
  file.text.resize(llvm::alignTo(file.text.size(), alignment));
  return {file.text, file.text.size() + dataBytes};
}

} // namespace

Header makeHeader(const Model &model) { return Builder(model).build(); }

} // namespace tawny::synthetic
