// Query rows against the pages of a KV head: what attention of blocks and of single rows share.
#pragma once

#include "compiler/codegen/x86/AttentionProducts.h"

namespace tawny::x86 {

/// Pages that are attended to at once: their scores lie side by side and share a maximum.
inline constexpr int64_t blockPages = 8, blockTokens = blockPages * pageTokens;

/// What llm.attention and llm.attention_part say.
struct AttentionFacts {
  Value q;
  llm::KvType kv;
  double scale;
  int64_t headDim, group; ///< Elements of a head; query heads that share a KV head.
  int64_t window;         ///< Positions that a row sees; 0: all.
  int64_t rangeTokens;    ///< Positions of the ranges whose sums stay apart at first.

  template <typename Op>
  AttentionFacts(KernelContext &context, Op op)
      : q(op.getQ()), kv(cast<llm::KvType>(op.getKv().getType())),
        scale(op.getScale().convertToDouble()), headDim(kv.getHeadDim()),
        group(columnsOf(q) / (kv.getHeads() * headDim)),
        window(llm::windowOf(op.getWindow(), context.options.maxContext)),
        rangeTokens(llm::contextRange(static_cast<int64_t>(context.options.maxContext))) {}
};

/// A range's largest score, log2(e) times the model's, and its sum of weights: f32.
struct RangeState {
  Value largest, total;
};

/// The running softmax of up to `capacity` rows, in scratch, over one range of their contexts.
/// Positions that a row does not see have weights of exactly zero and change no maximum: its result
/// does not depend on the rows beside it.
class AttentionRows {
public:
  AttentionRows(KernelContext &context, const AttentionFacts &facts, int64_t capacity);

  /// Rows whose sums are in registers together; a constant number at each place of the code.
  struct Chunk {
    int64_t rows;
    Value first;                        ///< In scratch, i64.
    mlir::SmallVector<Value> positions; ///< Last visible position of each row, i64, ascending.
    Value headBytes;                    ///< From a located page to the part of the rows' KV head.
    bool isPrefetching;                 ///< Asks for what is read next.
  };

  /// Rows of a chunk: 16 registers of 32 on AVX-512; AVX2 has 16 and a sum takes two.
  int64_t mostRows() const { return b.target.vectorBits >= 512 ? 16 : 4; }

  /// Keeps a row's query, headDim f32 at `source`, times the scale.
  void loadQuery(Value row, Value source);
  /// Begins a range: nothing seen yet.
  void reset(Value row);

  /// Finds the addresses of 8 pages of the sequence from `begin` on, `offset` bytes into each, and
  /// what is read after them; page `last` stands for those behind it.
  void locatePages(Value sequence, Value offset, Value begin, Value last);
  /// Scores of located pages [first, end).
  void score(const Chunk &chunk, Value first, Value end);
  /// Turns scores of pages [begin, end) of the sequence, located at 0, into weights.
  void weigh(const Chunk &chunk, Value begin, Value end);
  /// Adds values of located pages [first, end), of which page 0 is page `begin` of the sequence.
  void addValues(const Chunk &chunk, Value begin, Value first, Value end);

  /// A row's state and `width` of its sums of weights times values, when all pages were added.
  RangeState state(Value row);
  Value sums(Value row, Value element);
  int64_t vectorWidth() const { return width; } ///< Of sums.

private:
  /// Sums under way that hide the latency of a product.
  int64_t leastSums() const { return b.target.vectorBits >= 512 ? 8 : 4; }
  void hide(const Chunk &chunk, Value begin, Value count);
  Value visibleLanes(Value last);
  void raiseMaxima(const Chunk &chunk, Value count, mlir::SmallVector<Value> &totalsBefore,
                   mlir::SmallVector<Value> &shifts);
  void correctSums(Value row, Value correction);
  void addVectors(const Chunk &chunk, Value element, int64_t vectors, Value begin, Value first,
                  Value end);
  Value pageAt(const Chunk &chunk, Value pages, Value page);
  void prefetch(const Chunk &chunk, Value address);

  Value word(Value scratch, Value index, int64_t bytes) {
    return b.at(scratch, b.mul(index, bytes));
  }
  Value query(Value row) { return word(queries, row, facts.headDim * products.inputBytes()); }
  Value weight(Value row) { return word(weights, row, blockTokens * products.inputBytes()); }
  Value scoreAt(Value row, Value page) {
    return b.at(word(scores, row, blockTokens * 4), b.mul(page, pageTokens * 4));
  }
  Value sumAt(Value row, Value element) {
    return b.at(word(sumRows, row, facts.headDim * 4), b.mul(element, 4));
  }
  Value rowOf(const Chunk &chunk, int64_t row) { return b.add(chunk.first, row); }

  KernelContext &context;
  Simd &b;
  AttentionFacts facts;
  AttentionProducts products;
  int64_t width;
  // Inputs of products (AttentionProducts.h), [rows][headDim] and [rows][128]; f32 [rows][128],
  // where f32 inputs are weights, too, and [rows][headDim].
  Value queries, weights, scores, sumRows;
  Value maxima; ///< f32 [rows].
  Value totals; ///< f32 [rows][16]: sums of weights by position modulo 16.
  /// Addresses of 8 pages of keys; right behind them of 8 pages of values and the next page of
  /// keys: in this order they are read.
  Value keyPages, valuePages;
};

/// Two ranges as one: `before` and `added` are what their sums are multiplied by.
struct MergedRanges {
  RangeState state;
  Value before, added;
};
MergedRanges mergeRanges(Simd &b, RangeState before, RangeState added);
/// Sums of both ranges.
Value mergeSums(Simd &b, const MergedRanges &merged, Value before, Value added);

/// Stores a query head of the kernel's result, f32 or int8: sums [headDim] f32 over their total.
void storeHead(KernelContext &context, Value row, Value head, int64_t headDim, Value sums,
               Value total);

} // namespace tawny::x86
