#include "runtime/executor/StepTable.h"

#include <algorithm>

namespace tawny {
namespace {

/// Appends to the arrays of one table.
class TableWriter {
public:
  TableWriter(std::span<std::byte> table, const fb::StepLayout &layout, const KvPool &pool)
      : layout(layout), pool(pool), base(table.data()), tokens(array(layout.tokens())),
        positions(array(layout.positions())), kvSlots(array(layout.kv_slots())),
        blocks(array(layout.attention_blocks())), tables(array(layout.block_tables())),
        logitRows(array(layout.logit_rows())) {}

  void counts(const Extents &extents) {
    int32_t *counts = array(layout.counts());
    constexpr size_t countEntries = 16;
    std::fill_n(counts, countEntries, 0);
    counts[0] = static_cast<int32_t>(extents.tokens);
    counts[1] = static_cast<int32_t>(extents.sequences);
    counts[2] = static_cast<int32_t>(extents.logitRows);
    counts[3] = static_cast<int32_t>(extents.attentionBlocks);
  }

  void slice(const SequenceInput &input, const Slice &slice, uint32_t lengthBefore) {
    std::span<const int32_t> pages = pool.blockTable(input.sequence);
    uint32_t pageTokens = pool.bounds().pageTokens;
    uint32_t firstPosition = lengthBefore + slice.firstToken;
    for (uint32_t i = 0; i < slice.tokens; ++i) {
      uint32_t position = firstPosition + i;
      *tokens++ = input.tokens[slice.firstToken + i];
      *positions++ = static_cast<int32_t>(position);
      // The header's checks keep pages * page_tokens within 31 bits.
      *kvSlots++ = pages[position / pageTokens] * static_cast<int32_t>(pageTokens) +
                   static_cast<int32_t>(position % pageTokens);
      if (input.wants(slice.firstToken + i))
        *logitRows++ = static_cast<int32_t>(row + i);
    }
    attentionBlocks(slice.tokens, firstPosition);
    int32_t *end = std::ranges::copy(pages, tables).out;
    std::fill(end, tables + layout.max_pages(), 0);
    tables += layout.max_pages();
    row += slice.tokens;
    ++sequence;
  }

private:
  int32_t *array(uint64_t offset) { return reinterpret_cast<int32_t *>(base + offset); }

  void attentionBlocks(uint32_t rows, uint32_t firstPosition) {
    for (uint32_t first = 0; first < rows; first += layout.attention_block_rows()) {
      *blocks++ = static_cast<int32_t>(sequence);
      *blocks++ = static_cast<int32_t>(row + first);
      *blocks++ = static_cast<int32_t>(std::min(rows - first, layout.attention_block_rows()));
      *blocks++ = static_cast<int32_t>(firstPosition + first);
    }
  }

  const fb::StepLayout &layout;
  const KvPool &pool;
  std::byte *base;
  int32_t *tokens, *positions, *kvSlots, *blocks, *tables, *logitRows;
  uint32_t row = 0; ///< of the part
  uint32_t sequence = 0;
};

} // namespace

void writeStepTable(std::span<std::byte> table, const fb::StepLayout &layout, const KvPool &pool,
                    const StepPart &part) {
  TableWriter writer(table, layout, pool);
  writer.counts(part.extents);
  for (const Slice &slice : part.slices)
    writer.slice(part.batch[slice.input], slice, part.lengthsBefore[slice.input]);
}

} // namespace tawny
