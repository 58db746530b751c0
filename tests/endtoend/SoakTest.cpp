// Sequences of random lengths come and go for thousands of steps, in a pool that runs out of pages
// now and then: each says what it says alone, no page is lost, and memory does not grow.
#include "tests/endtoend/Session.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>
#include <random>

/// What the runtime allocates during steps; the test's own containers do not count.
static std::atomic<uint64_t> allocations = 0;
static std::atomic<bool> isCounting = false;

void *operator new(size_t size) {
  allocations += isCounting;
  if (void *memory = std::malloc(size ? size : 1))
    return memory;
  std::abort();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }

namespace tawny::endtoend {
namespace {

constexpr uint32_t seed = 20262;
constexpr size_t sequences = 200;
/// Steps before memory is looked at for the first time.
constexpr size_t warmUp = 200;
constexpr size_t shortSteps = 2000, longSteps = 20000;

/// A text: a part of the book, and what the model says next.
struct Text {
  Tokens tokens;
  size_t prompt;
  std::vector<float> margins; ///< For each token behind the prompt, how far it was ahead.
};

/// A sequence that says a text.
struct Speaker {
  size_t text;
  tawny_sequence sequence;
  size_t fed = 0;
};

/// How far the largest of `logits` is ahead of the second.
float marginOf(std::span<const float> logits) {
  auto best = static_cast<size_t>(argmax(logits));
  float second = -std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < logits.size(); ++i)
    if (i != best)
      second = std::max(second, logits[i]);
  return logits[best] - second;
}

/// Anonymous memory of this process.
uint64_t anonymousKilobytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  uint64_t kilobytes = 0;
  while (status >> word)
    if (word == "RssAnon:")
      status >> kilobytes;
  return kilobytes;
}

class Soak : public testing::TestWithParam<size_t> {
protected:
  void SetUp() override;
  void enter();
  void leave(size_t index);
  std::vector<Feed> chooseFeeds();
  void check(Speaker &speaker, size_t count, std::span<const float> logits);
  void stepOnce();

  std::mt19937 random{seed};
  size_t between(size_t low, size_t high) { return low + random() % (high - low + 1); }

  std::unique_ptr<Session> session;
  std::vector<Text> texts;
  std::vector<Speaker> speaking;
  std::vector<size_t> chosen; ///< Of the step: for each feed its index into `speaking`.
  std::vector<bool> isSpoken;
  size_t entered = 0, ended = 0, exhausted = 0, tokens = 0, ties = 0;
};

/// The text that the model says alone after a random part of the book.
Text speakAlone(Session &session, const Tokens &book, size_t first, size_t prompt, size_t length) {
  Text text{slice(book, first, prompt), prompt, {}};
  tawny_sequence sequence = session.create();
  Logits logits = session.step(sequence, text.tokens);
  for (size_t i = 0; i < length; ++i) {
    text.margins.push_back(marginOf(logits.row(0)));
    text.tokens.push_back(argmax(logits.row(0)));
    logits = session.step(sequence, {text.tokens.back()});
  }
  session.free(sequence);
  return text;
}

void Soak::SetUp() {
  // 116 pages: a little less than the 24 sequences that speak at once come to need.
  Subject subject{
      "sample", "cpu", "auto", {"--max-batch=8", "--max-context=256", "--kv-tokens=1856"}};
  if (auto reason = reasonToSkip(subject))
    GTEST_SKIP() << *reason;
  session = std::make_unique<Session>(subject);
  ASSERT_TRUE(*session);
  const Tokens &book = referenceOf("sample").book;
  ASSERT_GT(book.size(), 500u);
  for (size_t i = 0; i < sequences; ++i)
    texts.push_back(speakAlone(*session, book, between(0, 400), between(1, 80), between(1, 90)));
  isSpoken.resize(sequences);
}

void Soak::enter() {
  size_t text = entered++ % sequences;
  isSpoken[text] = true;
  speaking.push_back({text, session->create()});
}

void Soak::leave(size_t index) {
  session->free(speaking[index].sequence);
  speaking.erase(speaking.begin() + static_cast<ptrdiff_t>(index));
}

/// New tokens of some of the speakers: a part of a prompt, or one token.
std::vector<Feed> Soak::chooseFeeds() {
  std::vector<Feed> feeds;
  chosen.clear();
  for (size_t i = 0; i < speaking.size(); ++i) {
    const Speaker &speaker = speaking[i];
    const Text &text = texts[speaker.text];
    if (between(0, 3) == 0) // it waits
      continue;
    size_t left = text.prompt > speaker.fed ? text.prompt - speaker.fed : 1;
    feeds.push_back({speaker.sequence, slice(text.tokens, speaker.fed, between(1, left))});
    chosen.push_back(i);
  }
  return feeds;
}

/// The token that follows is that of the text alone. Between two of equal merit, in different
/// programs, rounding may choose; the text goes on as it did alone, so nothing else changes.
void Soak::check(Speaker &speaker, size_t count, std::span<const float> logits) {
  constexpr float tie = 0.05f;
  speaker.fed += count;
  const Text &text = texts[speaker.text];
  if (speaker.fed < text.prompt || speaker.fed == text.tokens.size())
    return;
  if (argmax(logits) == text.tokens[speaker.fed])
    return;
  ++ties;
  EXPECT_LE(text.margins[speaker.fed - text.prompt], tie)
      << "text " << speaker.text << ", token " << speaker.fed << ", seed " << seed;
}

void Soak::stepOnce() {
  constexpr size_t mostSpeakers = 24;
  while (speaking.size() < mostSpeakers && (speaking.empty() || between(0, 2) == 0))
    enter();
  std::vector<Feed> feeds = chooseFeeds();
  if (feeds.empty())
    return;
  std::vector<tawny_span> spans;
  for (const Feed &feed : feeds)
    spans.push_back({feed.sequence, feed.tokens.data(), feed.tokens.size(), nullptr});
  isCounting = true;
  tawny_status status = tawny_step(session->handle(), spans.data(), spans.size());
  isCounting = false;
  if (status == TAWNY_EXHAUSTED) {
    // Nothing has changed; somebody starts again later, and the others go on.
    ++exhausted;
    for (const Speaker &speaker : speaking)
      ASSERT_EQ(session->length(speaker.sequence), speaker.fed);
    leave(between(0, speaking.size() - 1));
    return;
  }
  ASSERT_EQ(status, TAWNY_OK) << session->lastError();
  Logits logits = session->lastLogits();
  ASSERT_EQ(logits.rows(), feeds.size());
  for (size_t i = 0; i < feeds.size(); ++i) {
    tokens += feeds[i].tokens.size();
    check(speaking[chosen[i]], feeds[i].tokens.size(), logits.row(i));
  }
  for (size_t i = speaking.size(); i-- > 0;)
    if (speaking[i].fed == texts[speaking[i].text].tokens.size()) {
      leave(i);
      ++ended;
    }
}

TEST_P(Soak, TextsStayTheSame) {
  const uint32_t pages = session->freePages();
  uint64_t before = 0, counted = 0;
  for (size_t step = 0; step < GetParam() && !HasFailure(); ++step) {
    if (step == warmUp) {
      before = anonymousKilobytes();
      counted = allocations;
    }
    stepOnce();
  }
  uint64_t after = anonymousKilobytes(), made = allocations - counted;
  while (!speaking.empty())
    leave(0);
  std::printf("seed %u: %zu steps, %zu tokens, %zu sequences entered, %zu ended, %zu times out of "
              "pages, %zu ties; anonymous memory %llu KiB at step %zu, %llu KiB at the end; %llu "
              "allocations in steps\n",
              seed, GetParam(), tokens, entered, ended, exhausted, ties,
              static_cast<unsigned long long>(before), warmUp,
              static_cast<unsigned long long>(after), static_cast<unsigned long long>(made));
  EXPECT_EQ(session->freePages(), pages);
  EXPECT_GT(exhausted, GetParam() / 200) << "the pool is to run out now and then";
  EXPECT_EQ(std::ranges::count(isSpoken, true), static_cast<ptrdiff_t>(sequences));
  EXPECT_GT(ended, GetParam() / 20);
  EXPECT_LT(after, before + 1024);
  EXPECT_EQ(made, 0u);
}

INSTANTIATE_TEST_SUITE_P(Sample, Soak, testing::Values(shortSteps));
INSTANTIATE_TEST_SUITE_P(Long, Soak, testing::Values(longSteps));

} // namespace
} // namespace tawny::endtoend
