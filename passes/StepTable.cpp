#include "passes/StepTable.h"

#include "passes/MemoryPlan.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;

namespace tawny {
namespace {

constexpr uint64_t elementBytes = 4;
constexpr uint64_t counts = 16;            ///< Elements of the array of counts.
constexpr uint64_t attentionBlockInts = 4; ///< Elements of one attention block.

/// Hands out arrays one after another and stops counting at UINT64_MAX.
class ArrayAllocator {
public:
  int64_t add(uint64_t first, uint64_t second = 1) {
    uint64_t offset = end;
    uint64_t bytes =
        llvm::SaturatingMultiply(llvm::SaturatingMultiply(first, second), elementBytes);
    end = llvm::SaturatingAdd(end, llvm::SaturatingAdd(bytes, bufferAlignment - 1));
    end -= end % bufferAlignment;
    return static_cast<int64_t>(std::min<uint64_t>(offset, INT64_MAX));
  }
  uint64_t bytes() const { return end; }

private:
  uint64_t end = 0;
};

} // namespace

llvm::Expected<rt::StepLayoutAttr> layOutStepTable(llm::ProgramAttr program, int64_t maxContext,
                                                   int64_t pageTokens) {
  // A block has at least one row, and only the last of a sequence's has less than it may.
  uint64_t tokens = program.getTokens(), sequences = program.getSequences();
  uint64_t blocks = std::min(
      tokens,
      llvm::SaturatingAdd(sequences, llvm::divideCeil(tokens, uint64_t(program.getBlockRows()))));
  uint64_t pages = llvm::divideCeil(uint64_t(maxContext), uint64_t(pageTokens));
  ArrayAllocator arrays;
  int64_t countsOffset = arrays.add(counts);
  int64_t tokensOffset = arrays.add(tokens);
  int64_t positions = arrays.add(tokens);
  int64_t kvSlots = arrays.add(tokens);
  int64_t attentionBlocks = arrays.add(blocks, attentionBlockInts);
  int64_t blockTables = arrays.add(sequences, pages);
  int64_t logitRows = arrays.add(program.getLogitRows());
  if (arrays.bytes() > uint64_t(maxSpaceBytes))
    return llvm::createStringError(
        llvm::formatv("expected a step table of at most {0} bytes, found one of {1} sequences of "
                      "{2} pages and {3} tokens: lower max-batch or max-context",
                      maxSpaceBytes, sequences, pages, tokens));
  return rt::StepLayoutAttr::get(program.getContext(), countsOffset, tokensOffset, positions,
                                 kvSlots, attentionBlocks, blockTables, logitRows, blocks, pages,
                                 arrays.bytes());
}

llvm::Expected<rt::KvGeometryAttr> layOutKvPool(llm::KvType kv, int64_t kvTokens,
                                                int64_t pageTokens) {
  uint64_t pages = llvm::divideCeil(uint64_t(kvTokens), uint64_t(pageTokens));
  uint64_t bytes = 2 * uint64_t(kv.getBits()) / 8; // keys and values
  for (uint64_t factor : {uint64_t(kv.getLayers()), uint64_t(kv.getHeads()),
                          uint64_t(kv.getHeadDim()), uint64_t(pageTokens), pages})
    bytes = llvm::SaturatingMultiply(bytes, factor);
  if (bytes > uint64_t(maxSpaceBytes))
    return llvm::createStringError(
        llvm::formatv("expected a KV pool of at most {0} bytes, found {1} pages of {2} tokens of "
                      "{3} layers: lower kv-tokens",
                      maxSpaceBytes, pages, pageTokens, kv.getLayers()));
  return rt::KvGeometryAttr::get(kv.getContext(), kv.getLayers(), kv.getHeads(), kv.getHeadDim(),
                                 pageTokens, pages, kv.getBits() / 8);
}

ByteRange stepRange(rt::Source source, rt::Extent rows, llm::ProgramAttr program,
                    rt::StepLayoutAttr layout) {
  constexpr int64_t bytes = elementBytes;
  switch (source) {
  case rt::Source::RowCount:
    return {layout.getCounts() + (rows == rt::Extent::LogitRows ? 2 : 0) * bytes, bytes};
  case rt::Source::BlockCount:
    return {layout.getCounts() + 3 * bytes, bytes};
  case rt::Source::Tokens:
    return {layout.getTokens(), program.getTokens() * bytes};
  case rt::Source::Positions:
    return {layout.getPositions(), program.getTokens() * bytes};
  case rt::Source::KvSlots:
    return {layout.getKvSlots(), program.getTokens() * bytes};
  case rt::Source::AttentionBlocks:
    return {layout.getAttentionBlocks(),
            layout.getMaxAttentionBlocks() * int64_t(attentionBlockInts) * bytes};
  case rt::Source::BlockTables:
    return {layout.getBlockTables(), program.getSequences() * layout.getMaxPages() * bytes};
  case rt::Source::LogitRows:
    return {layout.getLogitRows(), program.getLogitRows() * bytes};
  case rt::Source::Operand:
  case rt::Source::Result:
  case rt::Source::KeyPages:
  case rt::Source::ValuePages:
    break;
  }
  llvm_unreachable("tensors and pages do not lie in the step table");
}

ByteRange pageRange(rt::Source source, int64_t layer, rt::KvGeometryAttr kv) {
  int64_t bytes = kv.getPages() * kv.pageBytes();
  return {layer * kv.layerBytes() + (source == rt::Source::ValuePages ? bytes : 0), bytes};
}

} // namespace tawny
