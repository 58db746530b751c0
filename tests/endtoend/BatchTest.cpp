// Batches whose sequences come and go: each computes what it computes alone, whatever its
// neighbours are.
#include "tests/endtoend/Session.h"

#include <algorithm>
#include <cstdio>
#include <random>

namespace tawny::endtoend {
namespace {

/// A sequence that enters a batch at some step with its prompt, then goes on token by token.
struct Job {
  enum Kind { BookStart, BookMiddle, Greedy } kind;
  Tokens tokens;
  size_t prompt; ///< tokens of the first span
  size_t start;  ///< step in which it enters
  tawny_sequence sequence = 0;
  size_t fed = 0;
  Logits seen = {};

  bool isDone() const { return fed == tokens.size(); }
  size_t nextCount() const { return fed == 0 ? prompt : 1; }
};

/// Three kinds in turn, staggered, of which many are copies of another but for their start.
Job makeJob(size_t index, const Reference &reference) {
  size_t prompt = 1 + index * 7 % 13, length = prompt + 12 + index * 5 % 17;
  Job job{static_cast<Job::Kind>(index % 3), {}, prompt, index * 5 % 11};
  switch (job.kind) {
  case Job::BookStart:
    job.tokens = slice(reference.book, 0, length);
    break;
  case Job::BookMiddle:
    job.tokens = slice(reference.book, 100 + 37 * (index % 4), length);
    break;
  case Job::Greedy:
    job.tokens = reference.prompt;
    job.prompt = job.tokens.size();
    std::copy_n(reference.greedy.begin(), 12 + index % 5, std::back_inserter(job.tokens));
    break;
  }
  return job;
}

/// One step of all jobs that have started and are not done; its batch begins with job `first`.
void stepJobs(Session &session, std::vector<Job> &jobs, size_t step, size_t first) {
  std::vector<Feed> feeds;
  std::vector<Job *> fed;
  for (size_t i = 0; i < jobs.size(); ++i) {
    Job &job = jobs[(first + i) % jobs.size()];
    if (job.start > step || job.isDone())
      continue;
    if (job.fed == 0)
      job.sequence = session.create();
    feeds.push_back({job.sequence, slice(job.tokens, job.fed, job.nextCount()), Want::All});
    fed.push_back(&job);
  }
  if (feeds.empty())
    return;
  Logits logits = session.step(feeds);
  size_t row = 0;
  for (Job *job : fed) {
    size_t count = job->nextCount();
    for (size_t i = 0; i < count; ++i)
      job->seen.append({logits.columns, {logits.row(row + i).begin(), logits.row(row + i).end()}});
    row += count;
    job->fed += count;
    if (job->isDone())
      session.free(job->sequence);
  }
}

/// What the reference says about a job, where it says something.
void expectReference(const Job &job, const Reference &reference, const Bounds &bounds) {
  if (job.kind == Job::BookStart)
    for (size_t i = 0; i < job.tokens.size(); ++i)
      expectLikelihood(reference, i, job.seen.row(i), bounds);
  if (job.kind == Job::Greedy)
    for (size_t i = 0; job.prompt + i <= job.tokens.size(); ++i) {
      if (reference.margins[i] < bounds.margin)
        break;
      EXPECT_EQ(argmax(job.seen.row(job.prompt - 1 + i)), reference.greedy[i]) << "at step " << i;
    }
}

void expectStaggered(Session &session, const Subject &subject, size_t batch) {
  const Reference &reference = referenceOf(subject.format);
  uint32_t freePages = session.freePages();
  std::vector<Job> jobs;
  for (size_t i = 0; i < batch; ++i)
    jobs.push_back(makeJob(i, reference));
  for (size_t step = 0; !std::ranges::all_of(jobs, &Job::isDone); ++step) {
    ASSERT_LT(step, 100u);
    stepJobs(session, jobs, step, step);
  }
  double worst = 0;
  size_t rows = 0;
  for (const Job &job : jobs) {
    worst = std::max(worst, worstRow(job.seen, prefillAlone(session, job.tokens)));
    rows += job.seen.rows();
    expectReference(job, reference, session.bounds());
  }
  std::printf("%s: %zu staggered sequences: NMSE of %zu rows to runs alone at most %.2e\n",
              subject.name().c_str(), batch, rows, worst);
  EXPECT_LE(worst, session.agreementBound());
  EXPECT_EQ(session.freePages(), freePages);
}

class Batches : public CompiledModel {};

TEST_P(Batches, StaggeredSequencesAgreeWithRunsAlone) {
  for (size_t batch : {1, 3, 8, 32, 33})
    expectStaggered(*session, GetParam(), batch);
}

/// Sequences that have nothing to do with the one under observation; random, from a seed.
class Neighbours {
public:
  Neighbours(Session &session, unsigned seed) : session(session), random(seed) {}
  ~Neighbours() { resize(0); }

  /// Adds sequences with contexts of random lengths, or takes random ones away.
  void resize(size_t count) {
    while (sequences.size() > count) {
      std::swap(sequences[below(sequences.size())], sequences.back());
      session.free(sequences.back());
      sequences.pop_back();
    }
    while (sequences.size() < count) {
      sequences.push_back(session.create());
      session.step(sequences.back(), tokens(1 + below(60)), Want::None);
    }
  }

  /// A batch with the observed feed at a random place, and the row at which its logits start.
  std::vector<Feed> around(const Feed &observed, size_t mostTokens, size_t &row) {
    std::vector<Feed> feeds;
    for (tawny_sequence sequence : sequences)
      feeds.push_back({sequence, tokens(1 + below(mostTokens))});
    row = below(feeds.size() + 1);
    feeds.insert(feeds.begin() + static_cast<ptrdiff_t>(row), observed);
    return feeds;
  }

private:
  size_t below(size_t bound) { return random() % bound; }
  Tokens tokens(size_t count) {
    Tokens made;
    for (size_t i = 0; i < count; ++i)
      made.push_back(static_cast<int32_t>(below(session.info().vocabulary)));
    return made;
  }

  Session &session;
  std::mt19937 random;
  std::vector<tawny_sequence> sequences;
};

/// Decodes a sequence beside `least` to `most` neighbours.
Logits decodeBeside(Session &session, const Tokens &tokens, size_t least, size_t most,
                    unsigned seed) {
  Neighbours neighbours(session, seed);
  tawny_sequence sequence = session.create();
  Logits seen;
  for (size_t i = 0; i < tokens.size(); ++i) {
    neighbours.resize(least + (i * 3 + seed) % (most - least + 1));
    size_t row = 0;
    Logits all = session.step(neighbours.around({sequence, {tokens[i]}}, 1, row));
    seen.append({all.columns, {all.row(row).begin(), all.row(row).end()}});
  }
  session.free(sequence);
  return seen;
}

TEST_P(Batches, DecodeDoesNotDependOnNeighbours) {
  Tokens tokens = slice(referenceOf(GetParam().format).book, 0, 40);
  Logits alone = decodeAlone(*session, tokens);
  double worst = 0;
  // Programs for up to 1, 2, 4, … sequences take as many as the next smaller one does not.
  for (size_t most : {1, 2, 4, 8, 16, 32, 64}) {
    size_t least = most / 2;
    Logits first = decodeBeside(*session, tokens, least, most - 1, 1);
    for (unsigned seed : {2, 3})
      EXPECT_TRUE(sameBits(first, decodeBeside(*session, tokens, least, most - 1, seed)))
          << "batches of " << least + 1 << " to " << most << ", seeds 1 and " << seed;
    worst = std::max(worst, worstRow(first, alone));
  }
  std::printf("%s: decode beside changing neighbours: bits equal within programs, NMSE across "
              "programs at most %.2e\n",
              name().c_str(), worst);
  EXPECT_LE(worst, session->agreementBound());
}

/// Feeds a sequence in chunks of several tokens, so that it always runs in the general program.
Logits prefillBeside(Session &session, const Tokens &tokens, size_t neighbourCount,
                     size_t mostTokens, unsigned seed) {
  Neighbours neighbours(session, seed);
  tawny_sequence sequence = session.create();
  Logits seen;
  const size_t counts[] = {5, 17, 2, 33, 16, 3, 20};
  size_t fed = 0;
  for (size_t count : counts) {
    neighbours.resize(neighbourCount);
    size_t row = 0;
    Feed observed{sequence, slice(tokens, fed, count), Want::All};
    Logits all = session.step(neighbours.around(observed, mostTokens, row));
    for (size_t i = 0; i < count; ++i)
      seen.append({all.columns, {all.row(row + i).begin(), all.row(row + i).end()}});
    fed += count;
    neighbours.resize(neighbourCount / 2);
  }
  session.free(sequence);
  return seen;
}

TEST_P(Batches, PrefillDoesNotDependOnNeighbours) {
  Tokens tokens = slice(referenceOf(GetParam().format).book, 0, 96);
  Logits alone = prefillBeside(*session, tokens, 0, 1, 1);
  // Many long neighbours cut the step into parts.
  for (size_t count : {1, 4, 7, 31, 40})
    for (size_t mostTokens : {3, 40})
      EXPECT_TRUE(sameBits(alone, prefillBeside(*session, tokens, count, mostTokens, 5)))
          << count << " neighbours with up to " << mostTokens << " tokens, seed 5";
  double error = worstRow(alone, decodeAlone(*session, tokens));
  std::printf("%s: prefill beside neighbours: bits equal, NMSE to decode at most %.2e\n",
              name().c_str(), error);
  EXPECT_LE(error, session->agreementBound());
}

TAWNY_INSTANTIATE(Batches);

/// Bounds that are multiples of nothing: a context that ends inside a page, a batch between two
/// powers of two.
std::vector<Subject> oddBounds() {
  std::vector<std::string> flags = {"--max-context=90", "--max-batch=5", "--kv-tokens=1500"};
  std::vector<Subject> subjects;
  for (Subject &subject : allSubjects({"sample"}))
    if (subject.target == testedTargets().back()) {
      subjects.push_back(subject);
      subjects.back().flags = flags;
    }
  return subjects;
}

class OddBounds : public CompiledModel {};

TEST_P(OddBounds, StaggeredSequencesAgreeWithRunsAlone) {
  EXPECT_EQ(session->info().max_batch, 5u);
  EXPECT_EQ(session->info().pages, 94u);
  for (size_t batch : {1, 2, 5, 6, 20})
    expectStaggered(*session, GetParam(), batch);
}

TEST_P(OddBounds, ContextsFillUpTogether) {
  Tokens tokens = slice(referenceOf(GetParam().format).book, 0, 90);
  Logits alone = prefillAlone(*session, tokens);
  std::vector<tawny_sequence> sequences;
  for (size_t i = 0; i < 7; ++i)
    sequences.push_back(session->create());
  double worst = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    std::vector<Feed> feeds;
    for (tawny_sequence sequence : sequences)
      feeds.push_back({sequence, {tokens[i]}});
    Logits all = session->step(feeds);
    for (size_t s = 0; s < sequences.size(); ++s)
      worst = std::max(worst, nmse(all.row(s), alone.row(i)));
  }
  for (tawny_sequence sequence : sequences)
    EXPECT_EQ(session->tryStep({{sequence, {1}}}), TAWNY_CONTEXT_FULL);
  EXPECT_LE(worst, session->agreementBound());
}

INSTANTIATE_TEST_SUITE_P(Sample, OddBounds, ::testing::ValuesIn(oddBounds()), caseName);

} // namespace
} // namespace tawny::endtoend
