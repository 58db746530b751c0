// A sequence in a paged pool, filled by the kernel that appends to it, and what attention to it is
// in fp64.
#pragma once

#include "tests/compiler/x86/KernelHarness.h"

#include <random>

namespace tawny::test {

/// What attention is of: query heads, `group` of which share each of `kvHeads`.
struct AttentionShape {
  int64_t kvHeads, group, headDim;
  int64_t window = 0; ///< Positions that a row sees; 0: all.
  int bits = 16;      ///< Of an element of the pool.
  /// Of the model: with i8, targets that have VDPBF16PS use it.
  const char *activations = "f32";

  int64_t heads() const { return kvHeads * group; }
  int64_t kvColumns() const { return kvHeads * headDim; }
  int64_t columns() const { return heads() * headDim; }
  double bound() const { return activations[0] == 'i' ? 3e-5 : 1e-9; } ///< Of NMSE to fp64.
  /// Of scores, as text has it.
  double scale() const;
  std::string kvType() const;
  /// "kv heads 1 group 3 dim 64 ..." for messages.
  std::string describe() const;
};

/// `tensor<?x columns x element>`.
std::string rowsType(int64_t columns, const std::string &element = "f32");

/// An rt.kernel @k that attends to a pool: `op` with its attributes behind the scale, and its
/// result types. Bindings: row count, blocks, tables, keys, values, queries, results.
std::string attentionKernel(const AttentionShape &shape, const std::string &op,
                            const std::string &attributes, const std::vector<std::string> &results);

/// A kernel, compiled once for all cases that have the same text.
const CompiledKernel &compiledOnce(const std::string &text, const std::string &target,
                                   const std::string &activations, uint64_t maxContext);

/// One sequence of `positions` random keys and values, whose pages lie backwards in a pool that
/// starts as NaN. The first key is beyond f16, which the pool keeps as its largest number.
class PagedSequence {
public:
  PagedSequence(const AttentionShape &shape, const std::string &target, int64_t positions,
                int64_t maxContext, std::mt19937_64 &random);

  /// Bindings of attention up to the pages. The sequence is number 1; the table of number 0 is
  /// garbage. `blocks` has 4 numbers for each block (StepTable.h).
  std::vector<void *> bindings(GuardedBuffer &count, GuardedBuffer &blocks);
  /// Attention of rows of queries, each with its last visible position.
  std::vector<double> attend(const std::vector<float> &queries,
                             const std::vector<int64_t> &lastPositions) const;

  const std::vector<float> &storedKeys() const { return k; }
  const std::vector<float> &storedValues() const { return v; }
  /// Appends others in place of the first keys and values.
  void overwrite(const std::vector<float> &otherKeys, const std::vector<float> &otherValues);
  GuardedBuffer &keyPool() { return keys; }
  GuardedBuffer &valuePool() { return values; }

private:
  int32_t pageOf(int64_t position) const {
    return static_cast<int32_t>(pages - 1 - position / pageTokens);
  }
  static constexpr int64_t pageTokens = 16;

  AttentionShape shape;
  std::string target;
  int64_t positions, pages;
  std::vector<float> k, v; ///< [position][kvColumns], as the pool holds them.
  GuardedBuffer keys, values, tables;
};

} // namespace tawny::test
