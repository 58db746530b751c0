#include "models/gguf/LlamaTensors.h"
#include "models/gguf/Diagnostics.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"

namespace tawny::gguf {
namespace {

/// Ticks the tensors off one by one; what is left in the end should not be there.
class TensorCheck {
public:
  TensorCheck(const File &file, LlamaParameters &parameters) : file(file), p(parameters) {}

  llvm::Error run() {
    if (llvm::Error error = checkOutsideBlocks())
      return error;
    for (uint32_t block = 0; block < p.numBlocks; ++block)
      if (llvm::Error error = checkBlock(block))
        return error;
    return checkNothingElse();
  }

private:
  /// A matrix may have any type; a vector is added or multiplied in f32 and must be stored so.
  llvm::Error require(const llvm::Twine &name, llvm::ArrayRef<uint64_t> dims);
  llvm::Error checkBias(llvm::StringRef prefix, llvm::StringRef layer, uint64_t size,
                        bool expected);
  llvm::Error checkOutsideBlocks();
  llvm::Error checkBlock(uint32_t block);
  llvm::Error checkNothingElse();

  const File &file;
  LlamaParameters &p;
  llvm::DenseSet<const Tensor *> used;
};

llvm::Error TensorCheck::require(const llvm::Twine &nameParts, llvm::ArrayRef<uint64_t> dims) {
  std::string name = nameParts.str();
  const Tensor *tensor = file.findTensor(name);
  if (!tensor)
    return errorInFile("tensor " + quote(name) + " is missing, expected dimensions " +
                       formatDims(dims) + "; the file is incomplete, convert the model again");
  if (tensor->dims() != dims)
    return errorInTensor(name, tensor->infoOffset,
                         "expected dimensions " + formatDims(dims) + ", found " +
                             formatDims(tensor->dims()));
  if (dims.size() == 1 && tensor->type != TypeF32)
    return errorInTensor(name, tensor->infoOffset,
                         "expected a vector of type F32, found " + typeInfo(tensor->type)->name);
  used.insert(tensor);
  return llvm::Error::success();
}

llvm::Error TensorCheck::checkBias(llvm::StringRef prefix, llvm::StringRef layer, uint64_t size,
                                   bool expected) {
  std::string name = (prefix + layer + ".bias").str();
  const Tensor *tensor = file.findTensor(name);
  if (tensor && !expected)
    return errorInTensor(name, tensor->infoOffset,
                         "expected biases in all blocks or in none, found this one but none in "
                         "block 0");
  if (!tensor && expected)
    return errorInFile("tensor " + quote(name) +
                       " is missing, expected biases in all blocks or in "
                       "none, found one in block 0");
  if (!expected)
    return llvm::Error::success();
  return require(name, {size});
}

llvm::Error TensorCheck::checkOutsideBlocks() {
  if (const Tensor *divisors = file.findTensor(ropeDivisorsTensor))
    used.insert(divisors); // readRopeScaling() has checked and read it.
  if (llvm::Error error = require("token_embd.weight", {p.hiddenSize, p.vocabSize}))
    return error;
  if (llvm::Error error = require("output_norm.weight", {p.hiddenSize}))
    return error;
  p.tiedHead = !file.findTensor("output.weight");
  if (p.tiedHead)
    return llvm::Error::success();
  return require("output.weight", {p.hiddenSize, p.vocabSize});
}

llvm::Error TensorCheck::checkBlock(uint32_t block) {
  std::string prefix = ("blk." + llvm::Twine(block) + ".").str();
  const uint64_t hidden = p.hiddenSize, intermediate = p.intermediateSize;
  const uint64_t query = uint64_t(p.numHeads) * p.keyDim;
  const uint64_t key = uint64_t(p.numKVHeads) * p.keyDim;
  const uint64_t value = uint64_t(p.numKVHeads) * p.valueDim;
  const uint64_t heads = uint64_t(p.numHeads) * p.valueDim;

  struct Weight {
    llvm::StringRef layer;
    llvm::SmallVector<uint64_t, 2> dims;
  };
  const Weight weights[] = {
      {"attn_norm", {hidden}},
      {"attn_q", {hidden, query}},
      {"attn_k", {hidden, key}},
      {"attn_v", {hidden, value}},
      {"attn_output", {heads, hidden}},
      {"ffn_norm", {hidden}},
      {"ffn_gate", {hidden, intermediate}},
      {"ffn_up", {hidden, intermediate}},
      {"ffn_down", {intermediate, hidden}},
  };
  for (const Weight &weight : weights)
    if (llvm::Error error = require(prefix + weight.layer + ".weight", weight.dims))
      return error;

  struct Bias {
    llvm::StringRef layer;
    uint64_t size;
    bool LlamaParameters::*isPresent;
  };
  const Bias biases[] = {{"attn_q", query, &LlamaParameters::hasQueryBias},
                         {"attn_k", key, &LlamaParameters::hasKeyBias},
                         {"attn_v", value, &LlamaParameters::hasValueBias},
                         {"attn_output", hidden, &LlamaParameters::hasOutputBias}};
  for (const Bias &bias : biases) {
    if (block == 0)
      p.*bias.isPresent = file.findTensor((prefix + bias.layer + ".bias").str()) != nullptr;
    if (llvm::Error error = checkBias(prefix, bias.layer, bias.size, p.*bias.isPresent))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error TensorCheck::checkNothingElse() {
  auto extra =
      llvm::find_if(file.tensors, [&](const Tensor &tensor) { return !used.contains(&tensor); });
  if (extra == file.tensors.end())
    return llvm::Error::success();
  return errorInTensor(extra->name, extra->infoOffset,
                       "expected only the tensors of a llama model with 'llama.block_count' " +
                           llvm::Twine(p.numBlocks) +
                           ", found this one, whose part in the model is unknown");
}

} // namespace

llvm::Error checkLlamaTensors(const File &file, LlamaParameters &parameters) {
  return TensorCheck(file, parameters).run();
}

} // namespace tawny::gguf
