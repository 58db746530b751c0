// The paged cache seen from outside: contexts across page borders, chunks, forks and rollbacks
// change no logits, and a pool that runs out harms nobody.
#include "tests/endtoend/Session.h"

#include <algorithm>
#include <cstdio>

namespace tawny::endtoend {
namespace {

class Cache : public CompiledModel {
protected:
  const Tokens &book() const { return referenceOf(GetParam().format).book; }
};

TEST_P(Cache, ContextsOfEveryLengthAgree) {
  std::vector<size_t> lengths;
  for (size_t length = 1; length <= 40; ++length)
    lengths.push_back(length);
  for (size_t border : {48, 64, 80, 128, 256, 512, 768, 1008})
    for (size_t length : {border - 1, border, border + 1})
      lengths.push_back(length);
  Logits whole = prefillAlone(*session, slice(book(), 0, lengths.back() + 1));
  double prefill = 0, decode = 0;
  for (size_t length : lengths) {
    tawny_sequence sequence = session->create();
    Logits last = session->step(sequence, slice(book(), 0, length));
    Logits next = session->step(sequence, {book()[length]});
    prefill = std::max(prefill, nmse(last.row(0), whole.row(length - 1)));
    decode = std::max(decode, nmse(next.row(0), whole.row(length)));
    session->free(sequence);
  }
  std::printf("%s: contexts of %zu lengths: NMSE at most %.2e, of the token after %.2e\n",
              name().c_str(), lengths.size(), prefill, decode);
  EXPECT_LE(prefill, session->agreementBound());
  EXPECT_LE(decode, session->agreementBound());
}

/// Logits of every 16th token of a sequence that is fed in chunks.
Logits feedInChunks(Session &session, const Tokens &tokens, size_t chunk) {
  constexpr size_t stride = 16;
  tawny_sequence sequence = session.create();
  Logits seen;
  for (size_t fed = 0; fed < tokens.size(); fed += chunk) {
    size_t count = std::min(chunk, tokens.size() - fed);
    Feed feed{sequence, slice(tokens, fed, count)};
    for (size_t i = 0; i < count; ++i)
      feed.flags.push_back((fed + i) % stride == stride - 1);
    seen.append(session.step({feed}));
  }
  session.free(sequence);
  return seen;
}

TEST_P(Cache, ChunksAgree) {
  Logits whole = feedInChunks(*session, book(), 512);
  EXPECT_EQ(whole.rows(), book().size() / 16);
  for (size_t chunk : {1, 7, 64}) {
    double error = worstRow(feedInChunks(*session, book(), chunk), whole);
    std::printf("%s: chunks of %zu tokens: NMSE to chunks of 512 at most %.2e\n", name().c_str(),
                chunk, error);
    EXPECT_LE(error, session->agreementBound());
  }
}

/// Decodes several sequences in one batch, each with tokens of its own; logits by sequence.
std::vector<Logits> decodeTogether(Session &session, const std::vector<tawny_sequence> &sequences,
                                   const std::vector<Tokens> &tokens) {
  std::vector<Logits> seen(sequences.size());
  for (size_t i = 0; i < tokens.front().size(); ++i) {
    std::vector<Feed> feeds;
    for (size_t s = 0; s < sequences.size(); ++s)
      feeds.push_back({sequences[s], {tokens[s][i]}});
    Logits all = session.step(feeds);
    for (size_t s = 0; s < sequences.size(); ++s)
      seen[s].append({all.columns, {all.row(s).begin(), all.row(s).end()}});
  }
  return seen;
}

/// Four sequences with one prompt, made by `make` from the first, that go on differently; then the
/// first is freed and the others go on.
std::vector<Logits> diverge(Session &session, const Tokens &book, size_t length, bool forked) {
  std::vector<tawny_sequence> sequences = {session.create()};
  session.step(sequences[0], slice(book, 0, length));
  for (size_t s = 1; s < 4; ++s) {
    // The last fork is a fork's fork.
    sequences.push_back(forked ? session.fork(sequences[s == 3 ? 2 : 0]) : session.create());
    if (!forked)
      session.step(sequences[s], slice(book, 0, length));
  }
  std::vector<Tokens> tokens;
  for (size_t s = 0; s < 4; ++s)
    tokens.push_back(slice(book, length + 50 * s, 20));
  std::vector<Logits> seen = decodeTogether(session, sequences, tokens);
  session.free(sequences.front());
  sequences.erase(sequences.begin());
  tokens.erase(tokens.begin());
  for (Logits &more : decodeTogether(session, sequences, tokens))
    seen.push_back(std::move(more));
  for (tawny_sequence sequence : sequences)
    session.free(sequence);
  return seen;
}

TEST_P(Cache, ForksDivergeAsIfTheyWereNone) {
  uint32_t freePages = session->freePages();
  size_t cases = 0;
  for (size_t length : {1, 15, 16, 17, 31, 32, 40}) {
    std::vector<Logits> forked = diverge(*session, book(), length, true);
    std::vector<Logits> separate = diverge(*session, book(), length, false);
    for (size_t i = 0; i < forked.size(); ++i, ++cases)
      EXPECT_TRUE(sameBits(forked[i], separate[i])) << "prompt " << length << ", sequence " << i;
  }
  EXPECT_EQ(session->freePages(), freePages);
  std::printf("%s: forks: %zu continuations have the bits of sequences of their own\n",
              name().c_str(), cases);
}

TEST_P(Cache, ForksShareTheirPages) {
  tawny_sequence parent = session->create();
  session->step(parent, slice(book(), 0, 40));
  uint32_t before = session->freePages();
  tawny_sequence child = session->fork(parent);
  EXPECT_EQ(session->freePages(), before);
  EXPECT_EQ(session->length(child), 40u);
  // The partly filled third page is the child's own from its first token on.
  session->step(child, {book()[40]});
  EXPECT_EQ(session->freePages(), before - 1);
  session->free(child);
  EXPECT_EQ(session->freePages(), before);
  session->free(parent);
}

TEST_P(Cache, RolledBackSequencesRepeatThemselves) {
  Tokens tokens = slice(book(), 0, 90), others = slice(book(), 300, 30);
  size_t cases = 0;
  for (uint32_t prompt : {1u, 14u, 16u, 30u, 47u}) {
    tawny_sequence sequence = session->create();
    session->step(sequence, slice(tokens, 0, prompt));
    auto decode = [&](const Tokens &from, size_t first, size_t count) {
      return decodeTogether(*session, {sequence}, {slice(from, first, count)})[0];
    };
    Logits once = decode(tokens, prompt, 36);
    // Within the last page, to its border, across borders, and to the prompt.
    for (uint32_t kept : {prompt + 35, prompt + 16, prompt + 7, prompt}) {
      session->truncate(sequence, kept);
      decode(others, 0, 20);
      session->truncate(sequence, kept);
      EXPECT_EQ(session->length(sequence), kept);
      Logits again = decode(tokens, kept, prompt + 36 - kept);
      EXPECT_TRUE(sameBits(again, once.from(kept - prompt))) << "prompt " << prompt << ", " << kept;
      ++cases;
    }
    session->free(sequence);
  }
  std::printf("%s: rollback: %zu continuations repeat bit for bit\n", name().c_str(), cases);
}

TAWNY_INSTANTIATE(Cache);

/// Pools of 8 pages and contexts of 96 tokens, which are 6 pages.
std::vector<Subject> smallPools() {
  std::vector<std::string> flags = {"--max-context=96", "--max-batch=4", "--kv-tokens=128"};
  return {{"sample", "cpu", "f32", flags}, {"sample", "cpu", "auto", flags}};
}

class SmallPool : public CompiledModel {
protected:
  const Tokens &book() const { return referenceOf(GetParam().format).book; }
};

TEST_P(SmallPool, RunningOutHarmsNobody) {
  ASSERT_EQ(session->freePages(), 8u);
  auto run = [&](auto between) {
    std::vector<tawny_sequence> sequences = {session->create(), session->create()};
    session->step(sequences[0], slice(book(), 0, 20));
    session->step(sequences[1], slice(book(), 200, 30));
    std::vector<Logits> seen(2);
    for (size_t i = 0; i < 18; ++i) {
      Logits both =
          session->step({{sequences[0], {book()[20 + i]}}, {sequences[1], {book()[230 + i]}}});
      for (size_t s = 0; s < 2; ++s)
        seen[s].append({both.columns, {both.row(s).begin(), both.row(s).end()}});
      between(sequences, i);
    }
    for (tawny_sequence sequence : sequences)
      session->free(sequence);
    return seen;
  };
  std::vector<Logits> undisturbed = run([](const auto &, size_t) {});
  tawny_sequence greedy = session->create();
  size_t refused = 0;
  std::vector<Logits> disturbed = run([&](const auto &sequences, size_t i) {
    uint32_t pages = session->freePages(), length = session->length(greedy);
    // More than is free, alone and in a batch with sequences that would fit.
    Feed tooMuch{greedy, slice(book(), 400, std::min<size_t>(pages * 16 + 1, 96 - length))};
    if (tooMuch.tokens.size() > pages * 16) {
      EXPECT_EQ(session->tryStep({tooMuch}), TAWNY_EXHAUSTED);
      EXPECT_STRNE(session->lastError(), "");
      EXPECT_EQ(session->tryStep({{sequences[0], {1}}, tooMuch, {sequences[1], {1}}}),
                TAWNY_EXHAUSTED);
      ++refused;
    }
    EXPECT_EQ(session->freePages(), pages);
    EXPECT_EQ(session->length(greedy), length);
    EXPECT_EQ(session->length(sequences[0]), 21 + i);
    EXPECT_EQ(session->length(sequences[1]), 31 + i);
  });
  EXPECT_TRUE(sameBits(undisturbed[0], disturbed[0]));
  EXPECT_TRUE(sameBits(undisturbed[1], disturbed[1]));
  EXPECT_EQ(refused, 18u);
  // What was refused goes once the others are gone.
  session->step(greedy, slice(book(), 0, 80));
  session->free(greedy);
  EXPECT_EQ(session->freePages(), 8u);
  std::printf("%s: pool: %zu steps refused, neighbours' bits unchanged\n", name().c_str(), refused);
}

TEST_P(SmallPool, PassingTheContextHarmsNobody) {
  auto run = [&](bool disturbed) {
    tawny_sequence full = session->create(), other = session->create();
    session->step(full, slice(book(), 0, 90));
    session->step(other, slice(book(), 0, 9));
    Feed tooMuch{full, slice(book(), 90, 7)};
    if (disturbed) {
      EXPECT_EQ(session->tryStep({tooMuch}), TAWNY_CONTEXT_FULL);
      EXPECT_EQ(session->tryStep({{other, {1}}, tooMuch}), TAWNY_CONTEXT_FULL);
      EXPECT_STRNE(session->lastError(), "");
      EXPECT_EQ(session->length(full), 90u);
      EXPECT_EQ(session->length(other), 9u);
    }
    Logits seen = session->step({{full, slice(book(), 90, 6), Want::All}, {other, {book()[9]}}});
    EXPECT_EQ(session->tryStep({{full, {1}}}), TAWNY_CONTEXT_FULL);
    session->free(full);
    session->free(other);
    return seen;
  };
  EXPECT_TRUE(sameBits(run(true), run(false)));
}

INSTANTIATE_TEST_SUITE_P(Sample, SmallPool, ::testing::ValuesIn(smallPools()), caseName);

} // namespace
} // namespace tawny::endtoend
