// What the attention kernels of GPUs share: where queries, keys and results lie.
#pragma once

#include "compiler/codegen/simt/Kernel.h"

namespace tawny::simt {

/// Attention over a paged pool of f16 keys and values at [slot][KV head][head element].
struct AttentionPlan {
  Value queries; ///< Block argument of the kernel: f32 rows.
  int64_t kvHeads = 0, headDim = 0;
  int64_t group = 0;       ///< Query heads of a KV head.
  int64_t maxPages = 0;    ///< Of a sequence: a row of the block tables.
  int64_t window = 0;      ///< Positions that a row sees; 0: all up to its own.
  int64_t splits = 0;      ///< Ranges of a context; 0: the kernel attends to all of it at once.
  double scale = 0;        ///< Of scores, log2(e) included: weights are powers of two.
  bool halfResult = false; ///< The result is f16. Never with splits.
  int64_t waveSize = 0;

  static constexpr int64_t pageTokens = 16;

  int64_t queryColumns() const { return kvHeads * group * headDim; }
  int64_t tokenBytes() const { return kvHeads * headDim * 2; } ///< Of keys, in a slot.
  int64_t pageBytes() const { return pageTokens * tokenBytes(); }
};

/// A tile of attention: one block of tokens of a sequence, one KV head, one range. All are uniform.
struct AttentionTile {
  Value head, split;
  Value sequence, firstRow, rows, firstPosition;
};

/// Whether a row whose own position is `last` sees `position`.
Value isSeen(Simt &b, const AttentionPlan &plan, Value position, Value last);

/// The first position that a row sees whose own is `last`, or the multiple of `unit` before it.
Value firstSeen(Simt &b, const AttentionPlan &plan, Value last, int64_t unit);

/// Reads the tile's attention block.
AttentionTile loadTile(Simt &b, const AttentionPlan &plan, const Bindings &bindings, Value tile);

/// The pages of a sequence.
class PageTable {
public:
  PageTable(Simt &b, const AttentionPlan &plan, const Bindings &bindings,
            const AttentionTile &tile);

  /// The number of the page that holds `position` (uniform). It comes from memory, so it is best
  /// asked for ahead of its use.
  Value number(Value position) const;
  /// Addresses of the first slot's keys and values of the tile's head in a page.
  struct Page {
    Value keys, values;
  };
  Page page(Value number) const;

private:
  Simt &b;
  const AttentionPlan &plan;
  Value table, keys, values; ///< Of the sequence; of the head.
};

/// Stores four consecutive elements of a result's row, the first at element `index` (i64) of the
/// tensor.
void storeResult(Simt &b, const AttentionPlan &plan, Value result, Value index, Value four);

/// Attention without a matrix unit; AttentionVector.cpp has the loop nest.
llvm::Expected<KernelBody> planVectorAttention(rt::KernelOp kernel, const AttentionPlan &plan);

} // namespace tawny::simt
