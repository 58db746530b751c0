// Whole models against what an independent f32 implementation computed, over every referenced
// position, through prefill and through decode.
#include "tests/endtoend/Session.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

namespace tawny::endtoend {
namespace {

/// Logits of the tokens of a sequence of its own.
using Way = Logits (*)(Session &session, const Tokens &tokens);

class AgainstReference : public CompiledModel {
protected:
  const Reference &reference() const { return referenceOf(GetParam().format); }
  void expectPrompts(const char *title, Way run);
  void expectLikelihoods(const char *title, Way run);
};

void AgainstReference::expectPrompts(const char *title, Way run) {
  const Reference &expected = reference();
  Logits first = run(*session, expected.prompt), second = run(*session, expected.secondPrompt);
  first = first.from(first.rows() - expected.logits.rows());
  second = second.from(second.rows() - expected.secondLogits.rows());
  double prompt = nmse(first.values, expected.logits.values);
  double secondPrompt = nmse(second.values, expected.secondLogits.values);
  std::printf("%s: %s of prompts: NMSE %.2e over %zu rows (worst row %.2e), second prompt %.2e\n",
              name().c_str(), title, prompt, first.rows(), worstRow(first, expected.logits),
              secondPrompt);
  EXPECT_LE(prompt, session->bounds().nmse);
  EXPECT_LE(secondPrompt, session->bounds().nmse);
}

void AgainstReference::expectLikelihoods(const char *title, Way run) {
  const Reference &expected = reference();
  Bounds bounds = session->bounds();
  Logits logits = run(*session, expected.book);
  double settled = 0, early = 0;
  for (size_t i = 0; i < expected.likelihoods.size(); ++i) {
    double &largest = i < bounds.likelihoodFrom ? early : settled;
    largest = std::max(largest, expectLikelihood(expected, i, logits.row(i), bounds));
  }
  std::printf("%s: %s of the book: nll differs by at most %.2e, before position %zu by %.2e\n",
              name().c_str(), title, settled, bounds.likelihoodFrom, early);
}

TEST_P(AgainstReference, PrefillAgrees) {
  std::printf("%s: %s on %u threads, %s activations\n", name().c_str(), session->info().target,
              session->info().threads, session->info().activations);
  expectPrompts("prefill", prefillAlone);
  expectLikelihoods("prefill", prefillAlone);
}

TEST_P(AgainstReference, DecodeAgrees) {
  expectPrompts("decode", decodeAlone);
  expectLikelihoods("decode", decodeAlone);
}

TEST_P(AgainstReference, GreedyContinuationIsTheReferences) {
  const Reference &expected = reference();
  tawny_sequence sequence = session->create();
  Logits logits = session->step(sequence, expected.prompt);
  size_t agreed = 0;
  float margin = session->bounds().margin;
  for (; agreed < expected.greedy.size() && expected.margins[agreed] >= margin; ++agreed) {
    ASSERT_EQ(argmax(logits.row(0)), expected.greedy[agreed]) << "at step " << agreed;
    logits = session->step(sequence, {expected.greedy[agreed]});
  }
  std::printf("%s: greedy tokens equal the reference's: %zu of %zu, compared up to a margin below "
              "%.1f\n",
              name().c_str(), agreed, expected.greedy.size(), static_cast<double>(margin));
}

TEST_P(AgainstReference, ThreadsDoNotMatter) {
  if (session->info().threads == 0)
    GTEST_SKIP() << "the device has no threads of this process";
  Tokens tokens = slice(reference().book, 0, 80);
  Logits prefill = prefillAlone(*session, tokens), decode = decodeAlone(*session, tokens);
  for (uint32_t threads : {1u, 3u}) {
    Session other(GetParam(), threads);
    ASSERT_TRUE(other);
    EXPECT_EQ(other.info().threads, threads);
    EXPECT_TRUE(sameBits(prefillAlone(other, tokens), prefill)) << threads << " threads";
    EXPECT_TRUE(sameBits(decodeAlone(other, tokens), decode)) << threads << " threads";
  }
}

TEST_P(AgainstReference, CheckingChangesNothing) {
  Tokens tokens = slice(reference().book, 0, 80);
  Session checked(GetParam(), 0, true);
  ASSERT_TRUE(checked);
  EXPECT_TRUE(sameBits(prefillAlone(checked, tokens), prefillAlone(*session, tokens)));
  EXPECT_TRUE(sameBits(decodeAlone(checked, tokens), decodeAlone(*session, tokens)));
}

TAWNY_INSTANTIATE(AgainstReference);

TEST(SeveralTargets, OneFileServesEachAsItsOwn) {
  Subject own{"sample", "cpu", "auto"}, general{"sample", "x86-64-v3", "auto"};
  Subject both{"sample", "x86-64-v3,cpu", "auto"};
  if (auto reason = reasonToSkip(own))
    GTEST_SKIP() << *reason;
  Session alone(own), together(both);
  ASSERT_TRUE(alone && together);
  EXPECT_STREQ(together.info().target, alone.info().target);
  Tokens tokens = referenceOf("sample").prompt;
  EXPECT_TRUE(sameBits(prefillAlone(together, tokens), prefillAlone(alone, tokens)));
  // Both read the same weights, which are most of the file.
  auto bytes = [](const Subject &subject) {
    return std::filesystem::file_size(artifactOf(subject));
  };
  EXPECT_LT(bytes(both), bytes(own) + bytes(general) / 2);
}

} // namespace
} // namespace tawny::endtoend
