#include "compiler/ArtifactHeader.h"

#include "compiler/TargetEncoder.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

namespace tawny {
namespace {

std::unique_ptr<fb::ModelT> encodeModel(const ImportedModel &imported) {
  const ModelInfo &info = imported.info;
  auto model = std::make_unique<fb::ModelT>();
  model->name = info.name;
  model->architecture = info.architecture;
  model->source = imported.file->name;
  model->parameters = info.parameters;
  model->layers = info.layers;
  model->hidden_size = info.hiddenSize;
  model->intermediate_size = info.intermediateSize;
  model->heads = info.heads;
  model->kv_heads = info.kvHeads;
  model->head_dim = info.headDim;
  model->vocab_size = info.vocabSize;
  model->context_length = info.contextLength;
  return model;
}

/// As the artifact writes a token's id: -1 for none.
int32_t idOf(std::optional<uint32_t> token) { return token ? static_cast<int32_t>(*token) : -1; }

void encodeMerges(const gguf::Vocabulary &source, fb::TokenizerT &tokenizer) {
  tokenizer.pre_tokenizer = source.preTokenizer;
  tokenizer.nfc = source.nfc;
  tokenizer.whole_tokens = source.wholeTokens;
  for (std::optional<uint32_t> token : source.byteTokens)
    tokenizer.byte_tokens.push_back(idOf(token));
  // The runtime looks a merge up by its two tokens.
  std::vector<uint32_t> ranks(source.merges.size());
  std::iota(ranks.begin(), ranks.end(), 0);
  llvm::sort(ranks, [&](uint32_t a, uint32_t b) {
    const gguf::Merge &first = source.merges[a], &second = source.merges[b];
    return std::pair(first.left, first.right) < std::pair(second.left, second.right);
  });
  tokenizer.merge_starts.assign(source.tokens.size() + 1, 0);
  for (uint32_t rank : ranks) {
    const gguf::Merge &merge = source.merges[rank];
    ++tokenizer.merge_starts[merge.left + 1];
    tokenizer.merge_right.push_back(merge.right);
    tokenizer.merge_result.push_back(merge.result);
    tokenizer.merge_rank.push_back(rank);
  }
  std::partial_sum(tokenizer.merge_starts.begin(), tokenizer.merge_starts.end(),
                   tokenizer.merge_starts.begin());
}

llvm::Expected<std::unique_ptr<fb::TokenizerT>> encodeTokenizer(const gguf::Vocabulary &source) {
  auto tokenizer = std::make_unique<fb::TokenizerT>();
  bool isBytePair = source.kind == gguf::VocabularyKind::BytePair;
  tokenizer->kind = isBytePair ? fb::TokenizerKind::BytePair : fb::TokenizerKind::SentencePiece;
  tokenizer->token_offsets.push_back(0);
  uint64_t textBytes = 0;
  for (const gguf::Token &token : source.tokens) {
    textBytes += token.text.size();
    if (textBytes > UINT32_MAX)
      return llvm::createStringError("the texts of the vocabulary's tokens exceed 4 GiB");
    tokenizer->token_text.insert(tokenizer->token_text.end(), token.text.begin(), token.text.end());
    tokenizer->token_offsets.push_back(static_cast<uint32_t>(textBytes));
    if (!isBytePair)
      tokenizer->scores.push_back(token.score);
    if (token.stripsRight) {
      constexpr uint8_t stripsRight = 2;
      tokenizer->strips.resize(source.tokens.size());
      tokenizer->strips[tokenizer->types.size()] = stripsRight;
    }
    tokenizer->types.push_back(static_cast<uint8_t>(token.kind));
  }
  tokenizer->bos = idOf(source.bosId);
  tokenizer->eos = idOf(source.eosId);
  tokenizer->unk = idOf(source.unknownId);
  tokenizer->pad = idOf(source.paddingId);
  tokenizer->add_bos = source.addBos;
  tokenizer->add_eos = source.addEos;
  tokenizer->add_space_prefix = source.addSpacePrefix;
  if (isBytePair)
    encodeMerges(source, *tokenizer);
  return tokenizer;
}

std::unique_ptr<fb::WeightT> encodeWeight(const StoredWeight &stored, size_t codeSegments) {
  auto weight = std::make_unique<fb::WeightT>();
  weight->name = stored.name;
  weight->format = stored.format.name;
  weight->layout = stored.layout.name;
  weight->rows = stored.rows;
  weight->columns = stored.columns;
  weight->segment = static_cast<uint32_t>(codeSegments + stored.segment);
  weight->offset = stored.offset;
  weight->bytes = stored.bytes;
  return weight;
}

void encodeFills(const FillTable &table, fb::ArtifactT &header) {
  for (auto [weight, index] : llvm::zip_equal(header.weights, table.indices))
    weight->fill = static_cast<int32_t>(index);
  for (const FillTable::Fill &fill : table.fills) {
    auto encoded = std::make_unique<fb::FillT>();
    encoded->fixed = fill.fixed;
    encoded->random = fill.random;
    header.fills.push_back(std::move(encoded));
  }
}

std::unique_ptr<fb::SegmentT> makeSegment(fb::SegmentKind kind, uint64_t bytes) {
  auto segment = std::make_unique<fb::SegmentT>();
  segment->kind = kind;
  segment->bytes = bytes;
  return segment;
}

} // namespace

llvm::SmallVector<llvm::StringRef> codeSegments(const ArtifactContents &contents) {
  llvm::SmallVector<llvm::StringRef> segments;
  for (const TargetProgram &target : contents.targets) {
    segments.push_back(target.code.bytes);
    if (!target.code.fallback.empty())
      segments.push_back(target.code.fallback);
  }
  return segments;
}

llvm::Expected<fb::ArtifactT> buildHeader(const ArtifactContents &contents,
                                          const WeightTable &weights, const FillTable *fills) {
  fb::ArtifactT header;
  header.compiler_version = TAWNY_VERSION;
  header.model = encodeModel(contents.model);
  auto tokenizer = encodeTokenizer(contents.model.vocabulary);
  if (!tokenizer)
    return tokenizer.takeError();
  header.tokenizer = std::move(*tokenizer);
  header.chat_template = contents.model.vocabulary.chatTemplate.value_or("").str();
  header.max_context = contents.maxContext;
  header.max_batch = contents.maxBatch;
  header.kv_tokens = contents.kvTokens;
  for (llvm::StringRef code : codeSegments(contents))
    header.segments.push_back(makeSegment(fb::SegmentKind::Code, code.size()));
  const size_t codeSegmentCount = header.segments.size();
  uint32_t segment = 0;
  for (auto [index, target] : llvm::enumerate(contents.targets)) {
    auto encoded = encodeTarget(target, segment++, weights.indices[index]);
    if (!encoded)
      return encoded.takeError();
    if (!target.code.fallback.empty())
      (*encoded)->fallback_segment = static_cast<int32_t>(segment++);
    header.targets.push_back(std::move(*encoded));
  }
  auto kind = fills ? fb::SegmentKind::Generated : fb::SegmentKind::Weights;
  for (uint64_t bytes : weights.segmentBytes)
    header.segments.push_back(makeSegment(kind, bytes));
  for (const StoredWeight &weight : weights.weights)
    header.weights.push_back(encodeWeight(weight, codeSegmentCount));
  if (fills)
    encodeFills(*fills, header);
  return header;
}

std::string encodeHeader(const fb::ArtifactT &header) {
  flatbuffers::FlatBufferBuilder builder(1 << 20);
  builder.ForceDefaults(true);
  fb::FinishArtifactBuffer(builder, fb::CreateArtifact(builder, &header));
  return {reinterpret_cast<const char *>(builder.GetBufferPointer()), builder.GetSize()};
}

} // namespace tawny
