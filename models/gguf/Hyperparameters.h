// What a GGUF file says about a model of the llama architecture, checked against its tensors.
#pragma once

#include "models/gguf/Reader.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <vector>

namespace tawny::gguf {

/// The shape of a llama model: grouped-query attention with rotary positions (adjacent elements of
/// a head are a pair), RMS norms, a SiLU-gated feed-forward layer. Each number is positive. The
/// tensors, in GGUF order (innermost size first), for each block N in [0, numBlocks):
///
///     token_embd.weight          [hiddenSize, vocabSize]
///     blk.N.attn_norm.weight     [hiddenSize]                       F32
///     blk.N.attn_q.weight        [hiddenSize, numHeads * keyDim]
///     blk.N.attn_k.weight        [hiddenSize, numKVHeads * keyDim]
///     blk.N.attn_v.weight        [hiddenSize, numKVHeads * valueDim]
///     blk.N.attn_output.weight   [numHeads * valueDim, hiddenSize]
///     blk.N.ffn_norm.weight      [hiddenSize]                       F32
///     blk.N.ffn_{gate,up}.weight [hiddenSize, intermediateSize]
///     blk.N.ffn_down.weight      [intermediateSize, hiddenSize]
///     output_norm.weight         [hiddenSize]                       F32
///     output.weight              [hiddenSize, vocabSize]            unless tiedHead
///     rope_freqs.weight          [ropeDim / 2]                      F32, Llama 3's scaling
///
/// and blk.N.attn_{q,k,v,output}.bias (F32, one element per output of the weight) where the model
/// has them, which it does in all blocks or in none.
struct LlamaParameters {
  uint32_t numBlocks = 0;
  /// Tokens that the model was trained on at once.
  uint32_t contextLength = 0;
  uint32_t hiddenSize = 0;
  uint32_t intermediateSize = 0;
  uint32_t numHeads = 0;
  /// Divides numHeads.
  uint32_t numKVHeads = 0;
  /// Elements of a query or key head, and of a value head.
  uint32_t keyDim = 0;
  uint32_t valueDim = 0;
  /// Leading elements of a query or key head that are rotated: even, at most keyDim.
  uint32_t ropeDim = 0;
  uint32_t vocabSize = 0;
  double normEpsilon = 0;
  /// Base of the rotary frequencies: pair i turns by
  /// position * ropeTheta^(-2i / ropeDim) / ropeDivisors[i].
  double ropeTheta = 0;
  /// One for each of ropeDim / 2 pairs, positive and finite; empty where all are 1.
  std::vector<double> ropeDivisors;
  /// Factor of rotated elements; positive and finite.
  double ropeMagnitude = 1;
  /// Positions that a token sees, its own included; 0: all.
  uint32_t slidingWindow = 0;
  /// The output head is token_embd.weight.
  bool tiedHead = false;
  bool hasQueryBias = false;
  bool hasKeyBias = false;
  bool hasValueBias = false;
  bool hasOutputBias = false;
};

/// Reads and checks the metadata of a llama model, then that every tensor it needs is there with
/// exactly the shape it must have, and that there is none besides. Fails for another architecture,
/// for a split file, and for what the importer does not implement (experts, other kinds of RoPE
/// scaling, keys it does not know), rather than compile a model that computes something else.
/// Element types of matrices are not checked: see requireSupportedTypes().
llvm::Expected<LlamaParameters> readLlamaParameters(const File &file);

} // namespace tawny::gguf
