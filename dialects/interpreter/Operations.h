// The meaning of each llm op in plain C++. Nothing here knows MLIR's operations; Interpreter.h
// applies these functions to them.
//
// Activations are f32 between ops, with the values of f16 where a type says so. Sums over many
// elements run in the precision that is asked for, in index order; each result is rounded to f32
// once, at its end.
#pragma once

#include "dialects/interpreter/Values.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

namespace tawny::interpreter {

/// The precision of sums.
enum class Accumulate { F32, F64 };

/// The two elements of pair i of a head: 2i and 2i + 1, or i and i + rotaryDim / 2.
enum class Pairs { Adjacent, Halves };

/// Rotary position embedding as llm.rope has it: dimensions in elements, `base` as in
/// base^(-2 i / rotaryDim).
struct Rotation {
  int64_t headDim, rotaryDim;
  double base;
  Pairs pairs;
  llvm::ArrayRef<double> divisors = {}; ///< Of each pair's angles; empty: all are 1.
  double magnitude = 1;                 ///< Of rotated pairs.
};

/// Fails unless `x` has a row for each token of the step.
llvm::Error expectStepRows(const Rows &x, const Step &step);

/// The f32 values of one row of a weight.
void decodeWeightRow(const Weight &weight, int64_t row, std::vector<float> &out);

/// Row t is row step.tokens[t] of the table. Fails for a token that the table does not have.
llvm::Expected<Rows> embed(const Step &step, const Weight &table);

/// x / sqrt(mean(x^2) + eps) * w for each row; `weight` has one element per column.
Rows rmsNorm(const Rows &x, llvm::ArrayRef<float> weight, double eps, Accumulate accumulate);

/// x / (1 + exp(-x)), each of the four steps rounded to f32 as scalar arith would.
float silu(float x);

/// a + b for each element; the shapes are equal.
Rows add(const Rows &a, const Rows &b);

/// Rotates each head of each row by its position.
llvm::Expected<Rows> rope(const Rows &x, const Step &step, const Rotation &rotation);

/// The rows that want logits.
llvm::Expected<Rows> logitRows(const Rows &x, const Step &step);

/// Rounds every value to f16, beyond 65504 clamped; NaN stays.
void roundToHalf(Rows &x);

/// Codes and scales as in dialects/formats/Activations.h; the columns are a multiple of 32. A
/// group that is not finite gets a NaN scale and codes of 1, so that it stays visible.
QuantizedRows quantize(const Rows &x);
/// scale * code.
Rows dequantize(const QuantizedRows &x);

/// The `count` largest values of each row with their columns, the largest first, the lower column
/// among equals; NaN never. Where there are fewer, -infinity and -1.
Candidates topK(const Rows &x, int64_t count);

/// One part of a linear.
struct LinearPart {
  Weight weight;
  llvm::ArrayRef<float> bias; ///< Empty, or one element per row of the weight.
};

/// Gets the accumulators of all parts for token t and weight row r, rounded to f32.
using LinearSink = llvm::function_ref<void(int64_t t, int64_t r, llvm::ArrayRef<float>)>;

/// sum_k x[t, k] * w_p[r, k] + bias_p[r] for all parts p, which have the same shape.
void linear(const Rows &x, llvm::ArrayRef<LinearPart> parts, Accumulate accumulate,
            LinearSink sink);

/// Rounds k and v to f16 and stores them at the step's positions. Fails for a negative position.
llvm::Expected<Pool> kvAppend(const Pool &pool, const Rows &k, const Rows &v, const Step &step,
                              int64_t layer);

/// Causal attention over the last `window` positions, or over all of them where it is 0; fails
/// where a position that a token sees was never written.
llvm::Expected<Rows> attention(const Rows &q, const Pool &pool, const Step &step, int64_t layer,
                               double scale, Accumulate accumulate, int64_t window = 0);

/// Sums and state of `splits` ranges of what each row sees, as llm.attention_part has them. Ranges
/// are cut at multiples of 16 positions, each as long as the first but for the last; the first
/// begins at one, too, though the row may see only a part of its positions.
llvm::Expected<std::pair<Rows, Rows>> attentionPart(const Rows &q, const Pool &pool,
                                                    const Step &step, int64_t layer, double scale,
                                                    int64_t splits, Accumulate accumulate,
                                                    int64_t window = 0);

/// Attention of the whole contexts; `heads` is that of a row's query heads.
Rows attentionMerge(const Rows &sums, const Rows &state, int64_t splits, int64_t heads,
                    Accumulate accumulate);

} // namespace tawny::interpreter
