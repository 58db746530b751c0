#include "dialects/formats/Formats.h"
#include "models/Architectures.h"
#include "models/gguf/Diagnostics.h"
#include "models/gguf/Hyperparameters.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

#include <cmath>

using namespace mlir;

namespace tawny {
namespace {

/// Writes one llama model. The parameters and every tensor's shape have been checked.
///
///     x = embed(step)
///     for each block:
///       h = rms_norm(x)
///       q, k, v = linear(h) * 3;  q, k = rope(q), rope(k);  kv = kv_append(kv, k, v)
///       x = x + linear(attention(q, kv))
///       h = rms_norm(x)
///       x = x + down(silu(gate(h)) * up(h))
///     logits = head(rms_norm(logit_rows(x)))
class LlamaBuilder {
public:
  LlamaBuilder(const gguf::File &file, const gguf::LlamaParameters &parameters, ModuleOp module)
      : file(file), p(parameters), module(module), weights(OpBuilder::atBlockEnd(module.getBody())),
        builder(module.getContext()), location(builder.getUnknownLoc()),
        rope(llm::RopeAttr::get(module.getContext(), p.keyDim, p.ropeDim, p.ropeTheta,
                                llm::RotaryPairs::Adjacent, p.ropeDivisors, p.ropeMagnitude)) {}

  void build();

private:
  /// Declares the weight called `name`, unless an earlier use did, and loads it.
  Value load(const Twine &name);
  Value linear(Value input, const Twine &name, bool hasBias);
  Value norm(Value input, const Twine &name);
  Value add(Value a, Value b) { return arith::AddFOp::create(builder, location, a, b); }
  Value attention(Value x, uint32_t block, const std::string &prefix);
  Value feedForward(Value x, const std::string &prefix);

  /// Names what is built from here on, for diagnostics and `--mlir-print-debuginfo`.
  void at(const Twine &name) { location = NameLoc::get(builder.getStringAttr(name)); }

  const gguf::File &file;
  const gguf::LlamaParameters &p;
  ModuleOp module;
  OpBuilder weights; ///< Inserts before the function, in the order of first use.
  OpBuilder builder;
  Location location;
  llm::RopeAttr rope;
  llvm::StringMap<RankedTensorType> declared;
  Value step, kv;
};

Value LlamaBuilder::load(const Twine &nameParts) {
  std::string name = nameParts.str();
  RankedTensorType &type = declared[name];
  if (!type) {
    const gguf::Tensor &tensor = *file.findTensor(name);
    // GGUF counts dimensions from the innermost, tensor types from the outermost.
    SmallVector<int64_t> shape(llvm::reverse(tensor.dims()));
    const FormatInfo &format = formatInfo(*formatByGgmlType(tensor.type));
    type = RankedTensorType::get(shape, llm::formatType(builder.getContext(), format.name));
    llm::WeightOp::create(weights, NameLoc::get(builder.getStringAttr(name)), name, type,
                          static_cast<uint64_t>(tensor.offset), /*layout=*/StringAttr());
  }
  return llm::LoadWeightOp::create(builder, location, type, name);
}

Value LlamaBuilder::linear(Value input, const Twine &name, bool hasBias) {
  at(name);
  Value weight = load(name + ".weight");
  Value bias = hasBias ? load(name + ".bias") : Value();
  return llm::LinearOp::create(builder, location, input, weight, bias).getResult(0);
}

Value LlamaBuilder::norm(Value input, const Twine &name) {
  at(name);
  return llm::RmsNormOp::create(builder, location, input.getType(), input, load(name + ".weight"),
                                builder.getF64FloatAttr(p.normEpsilon));
}

Value LlamaBuilder::attention(Value x, uint32_t block, const std::string &prefix) {
  Value input = norm(x, prefix + "attn_norm");
  Value q = linear(input, prefix + "attn_q", p.hasQueryBias);
  Value k = linear(input, prefix + "attn_k", p.hasKeyBias);
  Value v = linear(input, prefix + "attn_v", p.hasValueBias);
  at(prefix + "attn_rope");
  q = llm::RopeOp::create(builder, location, q.getType(), q, step, rope);
  k = llm::RopeOp::create(builder, location, k.getType(), k, step, rope);
  IntegerAttr layer = builder.getI64IntegerAttr(block);
  at(prefix + "kv_append");
  kv = llm::KvAppendOp::create(builder, location, kv.getType(), kv, k, v, step, layer);
  at(prefix + "attn");
  IntegerAttr window;
  if (p.slidingWindow != 0)
    window = builder.getI64IntegerAttr(p.slidingWindow);
  Value heads =
      llm::AttentionOp::create(builder, location, q.getType(), q, kv, step, layer,
                               builder.getF64FloatAttr(1.0 / std::sqrt(p.keyDim)), window);
  Value output = linear(heads, prefix + "attn_output", p.hasOutputBias);
  at(prefix + "attn_residual");
  return add(x, output);
}

Value LlamaBuilder::feedForward(Value x, const std::string &prefix) {
  Value input = norm(x, prefix + "ffn_norm");
  Value gate = linear(input, prefix + "ffn_gate", false);
  Value up = linear(input, prefix + "ffn_up", false);
  at(prefix + "ffn_act");
  Value silu = llm::SiluOp::create(builder, location, gate.getType(), gate);
  Value product = arith::MulFOp::create(builder, location, silu, up);
  Value down = linear(product, prefix + "ffn_down", false);
  at(prefix + "ffn_residual");
  return add(x, down);
}

void LlamaBuilder::build() {
  MLIRContext *context = module.getContext();
  Type kvType = llm::KvType::get(context, p.numBlocks, p.numKVHeads, p.keyDim, /*bits=*/16);
  Type logitsType = llm::rowsType(p.vocabSize, builder.getF32Type());
  auto type = builder.getFunctionType({llm::StepType::get(context), kvType}, {logitsType, kvType});
  builder.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(builder, location, "model", type);
  weights.setInsertionPoint(function);
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  step = body->getArgument(0);
  kv = body->getArgument(1);

  at("token_embd");
  Value x =
      llm::EmbedOp::create(builder, location, llm::rowsType(p.hiddenSize, builder.getF32Type()),
                           step, load("token_embd.weight"));
  for (uint32_t block = 0; block < p.numBlocks; ++block) {
    std::string prefix = ("blk." + Twine(block) + ".").str();
    x = attention(x, block, prefix);
    x = feedForward(x, prefix);
  }
  // Norms work row by row, so that of the rows without logits need not be computed.
  at("logit_rows");
  x = llm::LogitRowsOp::create(builder, location, x.getType(), x, step);
  x = norm(x, "output_norm");
  Value logits = linear(x, p.tiedHead ? "token_embd" : "output", false);
  func::ReturnOp::create(builder, location, ValueRange{logits, kv});
}

ModelInfo describe(const gguf::File &file, const gguf::LlamaParameters &p, ModelInfo info) {
  for (const gguf::Tensor &tensor : file.tensors) {
    uint64_t elements = 1;
    for (uint64_t size : tensor.dims())
      elements *= size;
    info.parameters += elements;
  }
  info.layers = p.numBlocks;
  info.hiddenSize = p.hiddenSize;
  info.intermediateSize = p.intermediateSize;
  info.heads = p.numHeads;
  info.kvHeads = p.numKVHeads;
  info.headDim = p.keyDim;
  info.vocabSize = p.vocabSize;
  info.contextLength = p.contextLength;
  return info;
}

} // namespace

llvm::Error importLlama(const gguf::File &file, ModuleOp module, ModelInfo &info) {
  llvm::Expected<gguf::LlamaParameters> parameters = gguf::readLlamaParameters(file);
  if (!parameters)
    return parameters.takeError();
  auto isSupported = [](uint32_t type) { return formatByGgmlType(type).has_value(); };
  if (llvm::Error error = gguf::requireSupportedTypes(file, isSupported))
    return error;
  if (parameters->keyDim != parameters->valueDim)
    return gguf::errorInFile("key 'llama.attention.value_length': expected the key length, " +
                             Twine(parameters->keyDim) + ", found " + Twine(parameters->valueDim) +
                             "; heads of two sizes are not supported yet");
  info = describe(file, *parameters, std::move(info));
  LlamaBuilder(file, *parameters, module).build();
  return llvm::Error::success();
}

} // namespace tawny
