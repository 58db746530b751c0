#include "models/gguf/Hyperparameters.h"
#include "models/gguf/Diagnostics.h"
#include "models/gguf/Keys.h"
#include "models/gguf/LlamaTensors.h"
#include "models/gguf/RopeScaling.h"
#include "llvm/ADT/STLExtras.h"

namespace tawny::gguf {
namespace {

/// Prefix of every key of the architecture.
constexpr llvm::StringRef prefix = "llama.";

/// Bounds far beyond any model known, close enough that products of two stay far from 2^64.
constexpr IntegerRange blockRange = {1, 4096};
constexpr IntegerRange contextRange = {1, 1u << 28};
constexpr IntegerRange sizeRange = {1, 1u << 20};
constexpr IntegerRange headRange = {1, 1u << 14};
constexpr IntegerRange headDimRange = {1, 1u << 14};
constexpr IntegerRange windowRange = {0, contextRange.most};
constexpr IntegerRange vocabRange = {1, 1u << 24};
/// An epsilon is added to a mean of squares; 1e-5 and 1e-6 are usual.
constexpr FloatRange epsilonRange = {1e-12, 1e-1};
/// 1e4 is usual; models for long contexts go to 1e8.
constexpr FloatRange thetaRange = {1, 1e12};

/// Keys under `llama.` that say nothing the importer needs: how the file came to be, or settings
/// that the keys which are checked switch off.
constexpr llvm::StringRef ignoredKeys[] = {
    "llama.tensor_data_layout",
    "llama.expert_used_count",
    "llama.rope.scaling.finetuned",
};

/// Keys that are read. Any other key under `llama.` could change what the model computes.
constexpr llvm::StringRef knownKeys[] = {
    "llama.block_count",
    "llama.context_length",
    "llama.embedding_length",
    "llama.feed_forward_length",
    "llama.vocab_size",
    "llama.expert_count",
    "llama.attention.head_count",
    "llama.attention.head_count_kv",
    "llama.attention.key_length",
    "llama.attention.value_length",
    "llama.attention.layer_norm_rms_epsilon",
    "llama.attention.sliding_window",
    "llama.rope.dimension_count",
    "llama.rope.freq_base",
    "llama.rope.scaling.type",
    "llama.rope.scaling.factor",
    "llama.rope.scaling.original_context_length",
    "llama.rope.scaling.attn_factor",
    "llama.rope.scaling.yarn_attn_factor",
    "llama.rope.scaling.yarn_ext_factor",
    "llama.rope.scaling.yarn_beta_fast",
    "llama.rope.scaling.yarn_beta_slow",
    "llama.rope.scale_linear",
};

llvm::Error checkArchitecture(const File &file) {
  llvm::Expected<llvm::StringRef> name = requireString(file, "general.architecture");
  if (!name)
    return name.takeError();
  if (*name == "llama")
    return llvm::Error::success();
  return wrongValue(*file.find("general.architecture"),
                    "a supported architecture, which is only 'llama'");
}

/// A number that must be what it is in a model without the feature, if it is there at all.
llvm::Error refuseFeature(const File &file, llvm::StringRef key, uint32_t off,
                          llvm::StringRef feature) {
  const MetadataEntry *entry = file.find(key);
  if (!entry || entry->value.getUnsigned() == off)
    return llvm::Error::success();
  return wrongValue(*entry,
                    "the integer " + llvm::Twine(off) + ", as " + feature + " not supported yet");
}

llvm::Error checkFeatures(const File &file) {
  if (llvm::Error error = refuseFeature(file, "llama.expert_count", 0, "experts are"))
    return error;
  if (llvm::Error error = refuseFeature(file, "general.quantization_version", 2,
                                        "block formats of another version are"))
    return error;
  const MetadataEntry *split = file.find("split.count");
  if (split && split->value.getUnsigned().value_or(2) > 1)
    return wrongValue(*split, "a model in one file (merge the parts first)");

  auto unknown = llvm::find_if(file.metadata, [](const MetadataEntry &entry) {
    return entry.key.starts_with(prefix) && !llvm::is_contained(knownKeys, entry.key) &&
           !llvm::is_contained(ignoredKeys, entry.key);
  });
  if (unknown == file.metadata.end())
    return llvm::Error::success();
  return errorInKey(unknown->key, unknown->value.offset(),
                    "expected only keys whose effect on the model is known, found this one with " +
                        unknown->value.describe() + "; it is not supported yet");
}

llvm::Error readInteger(const File &file, llvm::StringRef key, IntegerRange range,
                        std::optional<uint32_t> fallback, uint32_t &result) {
  llvm::Expected<std::optional<uint32_t>> found = findInteger(file, key, range);
  if (!found)
    return found.takeError();
  if (!*found && !fallback)
    return requireInteger(file, key, range).takeError();
  result = *found ? **found : *fallback;
  return llvm::Error::success();
}

llvm::Error readSizes(const File &file, LlamaParameters &p) {
  struct Field {
    llvm::StringRef key;
    IntegerRange range;
    uint32_t LlamaParameters::*member;
  };
  const Field fields[] = {
      {"llama.block_count", blockRange, &LlamaParameters::numBlocks},
      {"llama.context_length", contextRange, &LlamaParameters::contextLength},
      {"llama.embedding_length", sizeRange, &LlamaParameters::hiddenSize},
      {"llama.feed_forward_length", sizeRange, &LlamaParameters::intermediateSize},
      {"llama.attention.head_count", headRange, &LlamaParameters::numHeads},
  };
  for (const Field &field : fields)
    if (llvm::Error error =
            readInteger(file, field.key, field.range, std::nullopt, p.*field.member))
      return error;
  return llvm::Error::success();
}

llvm::Error readHeads(const File &file, LlamaParameters &p) {
  constexpr llvm::StringRef kvKey = "llama.attention.head_count_kv";
  if (llvm::Error error = readInteger(file, kvKey, headRange, p.numHeads, p.numKVHeads))
    return error;
  if (p.numHeads % p.numKVHeads != 0)
    return wrongValue(*file.find(kvKey), "a divisor of the " + llvm::Twine(p.numHeads) +
                                             " heads of 'llama.attention.head_count'");

  // Without a length of its own a head is an equal share of the hidden vector.
  std::optional<uint32_t> share;
  if (p.hiddenSize % p.numHeads == 0)
    share = p.hiddenSize / p.numHeads;
  if (!share && !file.find("llama.attention.key_length"))
    return wrongValue(*file.find("llama.attention.head_count"),
                      "a divisor of 'llama.embedding_length', " + llvm::Twine(p.hiddenSize) +
                          ", as there is no 'llama.attention.key_length'");
  if (llvm::Error error =
          readInteger(file, "llama.attention.key_length", headDimRange, share, p.keyDim))
    return error;
  if (llvm::Error error =
          readInteger(file, "llama.attention.value_length", headDimRange, share, p.valueDim))
    return error;

  constexpr llvm::StringRef ropeKey = "llama.rope.dimension_count";
  if (llvm::Error error = readInteger(file, ropeKey, {1, p.keyDim}, p.keyDim, p.ropeDim))
    return error;
  if (p.ropeDim % 2 == 0)
    return llvm::Error::success();
  if (const MetadataEntry *entry = file.find(ropeKey))
    return wrongValue(*entry, "an even number, as elements are rotated in pairs");
  return missingKey(ropeKey, "an even number, as heads have " + llvm::Twine(p.keyDim) +
                                 " elements and are rotated in pairs");
}

llvm::Error readNumbers(const File &file, LlamaParameters &p) {
  llvm::Expected<double> epsilon =
      requireFloat(file, "llama.attention.layer_norm_rms_epsilon", epsilonRange);
  if (!epsilon)
    return epsilon.takeError();
  p.normEpsilon = *epsilon;
  llvm::Expected<std::optional<double>> theta = findFloat(file, "llama.rope.freq_base", thetaRange);
  if (!theta)
    return theta.takeError();
  p.ropeTheta = theta->value_or(10000);
  return readInteger(file, "llama.attention.sliding_window", windowRange, 0, p.slidingWindow);
}

/// The size of the vocabulary stands in up to three places, which must agree: a key, the list of
/// tokens, and the rows of the embedding (which checkLlamaTensors() compares).
llvm::Error readVocabSize(const File &file, LlamaParameters &p) {
  const MetadataEntry *tokens = file.find("tokenizer.ggml.tokens");
  std::optional<uint32_t> count;
  if (tokens) {
    uint64_t size = tokens->value.arraySize();
    if (size < vocabRange.least || size > vocabRange.most)
      return wrongValue(*tokens, "an array of " + llvm::Twine(vocabRange.least) + " to " +
                                     llvm::Twine(vocabRange.most) + " strings");
    count = uint32_t(size);
  }
  if (llvm::Error error = readInteger(file, "llama.vocab_size", vocabRange, count, p.vocabSize))
    return error;
  if (count && *count != p.vocabSize)
    return wrongValue(*file.find("llama.vocab_size"),
                      "the number of tokens in 'tokenizer.ggml.tokens', " + llvm::Twine(*count));
  return llvm::Error::success();
}

} // namespace

llvm::Expected<LlamaParameters> readLlamaParameters(const File &file) {
  LlamaParameters parameters;
  if (llvm::Error error = checkArchitecture(file))
    return std::move(error);
  if (llvm::Error error = checkFeatures(file))
    return std::move(error);
  if (llvm::Error error = readSizes(file, parameters))
    return std::move(error);
  if (llvm::Error error = readHeads(file, parameters))
    return std::move(error);
  if (llvm::Error error = readNumbers(file, parameters))
    return std::move(error);
  if (llvm::Error error = readRopeScaling(file, parameters))
    return std::move(error);
  if (llvm::Error error = readVocabSize(file, parameters))
    return std::move(error);
  if (llvm::Error error = checkLlamaTensors(file, parameters))
    return std::move(error);
  return parameters;
}

} // namespace tawny::gguf
