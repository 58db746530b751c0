// The artifact of the sample model against the reference interpreter, which runs the very programs
// that the artifact's kernels were made from. What is left between them is the order of sums, and
// that a value at the border of two f16 or int8 codes may fall on either side.
#include "tests/endtoend/Interpreted.h"
#include "tests/endtoend/Session.h"

#include <cstdio>

namespace tawny::endtoend {
namespace {

class AgainstInterpreter : public CompiledModel {
protected:
  const Reference &reference() const { return referenceOf(GetParam().format); }
};

/// A code of the cache or of int8 activations that falls on the other side of its border is an
/// error of one step, and others follow from it: long contexts agree as well as two ways of
/// rounding can.
TEST_P(AgainstInterpreter, LongContextsAgree) {
  InterpretedSequence interpreted(GetParam());
  ASSERT_TRUE(interpreted.isReady());
  tawny_sequence sequence = session->create();
  double prefill = worstRow(session->step(sequence, reference().prompt, Want::All),
                            interpreted.run("step", reference().prompt));
  double decode = 0;
  for (size_t i = 0; i < 8; ++i) {
    Tokens token = {reference().greedy[i]};
    decode = std::max(decode,
                      worstRow(session->step(sequence, token), interpreted.run("decode_1", token)));
  }
  std::printf("%s: NMSE of a row to the interpreter at most %.2e in step, %.2e in decode_1\n",
              name().c_str(), prefill, decode);
  double bound = std::string_view(session->info().activations) == "f32" ? 1e-7 : 1e-3;
  EXPECT_LE(prefill, bound);
  EXPECT_LE(decode, bound);
}

/// Targets whose attention computes in f32 as the interpreter does. Where linears are int8 and
/// there is VDPBF16PS, attention multiplies in bf16, which moves codes in every row.
class AgainstExactAttention : public AgainstInterpreter {};

/// In contexts of two tokens few codes lie at a border, so nearly all rows agree as well as sums in
/// another order do.
TEST_P(AgainstExactAttention, ShortContextsAgreeAsFarAsSumsDo) {
  InterpretedSequence interpreted(GetParam());
  ASSERT_TRUE(interpreted.isReady());
  size_t rows = 0, close = 0;
  double typical = 0;
  for (size_t first = 0; first < 320; first += 20) {
    Tokens tokens = slice(reference().book, first, 2);
    interpreted.restart();
    Logits expected = interpreted.run("step", tokens);
    Logits actual = prefillAlone(*session, tokens);
    ASSERT_EQ(expected.rows(), tokens.size());
    for (size_t i = 0; i < tokens.size(); ++i, ++rows) {
      double error = nmse(actual.row(i), expected.row(i));
      if (error > 1e-9)
        continue;
      typical = std::max(typical, error);
      ++close;
    }
  }
  std::printf("%s: short contexts: %zu of %zu rows within 1e-9 of the interpreter, those within "
              "%.2e\n",
              name().c_str(), close, rows, typical);
  EXPECT_GE(close, rows * 3 / 4);
}

INSTANTIATE_TEST_SUITE_P(Sample, AgainstInterpreter,
                         ::testing::Values(Subject{"sample", "cpu", "f32"},
                                           Subject{"sample", "cpu", "i8"}),
                         caseName);
INSTANTIATE_TEST_SUITE_P(Sample, AgainstExactAttention,
                         ::testing::Values(Subject{"sample", "cpu", "f32"},
                                           Subject{"sample", "x86-64-v3", "i8"}),
                         caseName);

} // namespace
} // namespace tawny::endtoend
