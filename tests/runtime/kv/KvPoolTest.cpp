#include "runtime/kv/KvPool.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <random>

namespace tawny {
namespace {

using Outcome = KvPool::Outcome;

KvPool makePool(uint32_t pages) { return KvPool({pages, 4, 3, 40}); }

TEST(KvPool, GivesPagesAsTheyAreNeeded) {
  KvPool pool = makePool(8);
  SequenceId a = *pool.create();
  EXPECT_EQ(pool.append(a, 4), Outcome::Done);
  EXPECT_EQ(pool.blockTable(a).size(), 1u);
  EXPECT_EQ(pool.append(a, 1), Outcome::Done);
  EXPECT_EQ(pool.blockTable(a).size(), 2u);
  EXPECT_EQ(pool.freePages(), 6u);
  pool.truncate(a, 4);
  EXPECT_EQ(pool.freePages(), 7u);
  pool.free(a);
  EXPECT_EQ(pool.freePages(), 8u);
}

TEST(KvPool, RecognisesStaleNames) {
  KvPool pool = makePool(8);
  SequenceId a = *pool.create();
  EXPECT_TRUE(pool.isLive(a));
  pool.free(a);
  EXPECT_FALSE(pool.isLive(a));
  SequenceId b = *pool.create();
  EXPECT_EQ(a.slot, b.slot);
  EXPECT_FALSE(pool.isLive(a));
  EXPECT_FALSE(pool.isLive({}));
  EXPECT_FALSE(pool.isLive({99, 1}));
}

TEST(KvPool, RunsOutWithoutHarm) {
  KvPool pool = makePool(3);
  SequenceId a = *pool.create(), b = *pool.create();
  ASSERT_EQ(pool.append(a, 8), Outcome::Done);
  KvAppend both[] = {{b, 4}, {a, 1}};
  EXPECT_EQ(pool.append(both), Outcome::Exhausted);
  EXPECT_EQ(pool.length(a), 8u);
  EXPECT_EQ(pool.length(b), 0u);
  EXPECT_EQ(pool.freePages(), 1u);
  EXPECT_EQ(pool.append(b, 4), Outcome::Done);
  EXPECT_EQ(pool.append(b, 37), Outcome::ContextFull);
  EXPECT_EQ(pool.append(b, UINT32_MAX), Outcome::ContextFull);
  ASSERT_TRUE(pool.create());
  EXPECT_FALSE(pool.create()) << "all three sequences are in use";
  EXPECT_FALSE(pool.fork(a));
}

TEST(KvPool, CopiesASharedLastPageOnWrite) {
  KvPool pool = makePool(8);
  SequenceId a = *pool.create();
  ASSERT_EQ(pool.append(a, 6), Outcome::Done);
  SequenceId b = *pool.fork(a);
  EXPECT_EQ(pool.freePages(), 6u) << "a fork takes no pages";
  ASSERT_EQ(pool.append(b, 1), Outcome::Done);
  ASSERT_EQ(pool.copies().size(), 1u);
  EXPECT_EQ(pool.copies()[0].from, pool.blockTable(a)[1]);
  EXPECT_EQ(pool.copies()[0].to, pool.blockTable(b)[1]);
  EXPECT_EQ(pool.copies()[0].tokens, 2u);
  EXPECT_EQ(pool.blockTable(a)[0], pool.blockTable(b)[0]);
  ASSERT_EQ(pool.append(a, 1), Outcome::Done);
  EXPECT_TRUE(pool.copies().empty()) << "the page is its own again";
}

TEST(KvPool, SharesAFullLastPage) {
  KvPool pool = makePool(8);
  SequenceId a = *pool.create();
  ASSERT_EQ(pool.append(a, 4), Outcome::Done);
  SequenceId b = *pool.fork(a);
  ASSERT_EQ(pool.append(b, 1), Outcome::Done);
  EXPECT_TRUE(pool.copies().empty());
  pool.truncate(b, 2);
  ASSERT_EQ(pool.append(b, 1), Outcome::Done);
  EXPECT_EQ(pool.copies().size(), 1u) << "rolled back into a shared page";
}

// Of two that share a page, one copy is enough, and so is one free page.
TEST(KvPool, CountsTheCopiesOfABatchExactly) {
  KvPool pool = makePool(2);
  SequenceId a = *pool.create();
  ASSERT_EQ(pool.append(a, 2), Outcome::Done);
  SequenceId b = *pool.fork(a);
  KvAppend both[] = {{a, 2}, {b, 2}};
  ASSERT_EQ(pool.append(both), Outcome::Done);
  EXPECT_EQ(pool.copies().size(), 1u);
  EXPECT_NE(pool.blockTable(a)[0], pool.blockTable(b)[0]);
  EXPECT_EQ(pool.freePages(), 0u);
}

/// What the pool should hold: for each sequence its tokens, where a token is a number that was
/// never used before. Pages are simulated with their contents.
class Model {
public:
  explicit Model(const KvPool::Bounds &bounds)
      : pool(bounds), slots(uint64_t(bounds.pages) * bounds.pageTokens) {}

  void step(std::mt19937 &random);
  void check();

private:
  using Tokens = std::vector<uint64_t>;
  struct Entry {
    SequenceId id;
    Tokens tokens;
  };

  uint64_t &slot(SequenceId id, uint32_t position) {
    uint32_t pageTokens = pool.bounds().pageTokens;
    auto page = static_cast<uint32_t>(pool.blockTable(id)[position / pageTokens]);
    return slots[uint64_t(page) * pageTokens + position % pageTokens];
  }
  void create(std::mt19937 &random);
  void append(std::mt19937 &random);
  Outcome expected(std::span<const KvAppend> appends) const;

  KvPool pool;
  std::vector<uint64_t> slots; ///< the contents of all pages
  std::vector<Entry> live;
  uint64_t nextToken = 1;
};

void Model::create(std::mt19937 &random) {
  bool full = live.size() == pool.bounds().maxSequences;
  if (live.empty() || random() % 2) {
    auto made = pool.create();
    ASSERT_EQ(!made, full);
    if (made)
      live.push_back({*made, {}});
    return;
  }
  Entry &parent = live[random() % live.size()];
  auto made = pool.fork(parent.id);
  ASSERT_EQ(!made, full);
  if (made)
    live.push_back({*made, Tokens(parent.tokens)});
}

/// The outcome from first principles: pages that the batch takes against pages that are free.
Outcome Model::expected(std::span<const KvAppend> appends) const {
  uint32_t pageTokens = pool.bounds().pageTokens;
  std::map<int32_t, uint32_t> references;
  uint64_t wanted = 0;
  for (const KvAppend &append : appends) {
    uint32_t length = pool.length(append.sequence);
    if (length + append.count > pool.bounds().maxTokens)
      return Outcome::ContextFull;
    wanted += (length + append.count + pageTokens - 1) / pageTokens -
              (length + pageTokens - 1) / pageTokens;
    if (append.count == 0 || length % pageTokens == 0)
      continue;
    int32_t last = pool.blockTable(append.sequence).back();
    uint32_t &left = references.try_emplace(last, pool.references(last)).first->second;
    wanted += left > 1;
    left -= left > 1;
  }
  return wanted > pool.freePages() ? Outcome::Exhausted : Outcome::Done;
}

void Model::append(std::mt19937 &random) {
  std::ranges::shuffle(live, random);
  size_t batch = std::min<size_t>(live.size(), 1 + random() % 4);
  std::vector<KvAppend> appends;
  for (size_t i = 0; i < batch; ++i)
    appends.push_back({live[i].id, static_cast<uint32_t>(random() % 9)});
  Outcome outcome = expected(appends);
  ASSERT_EQ(pool.append(appends), outcome);
  if (outcome != Outcome::Done)
    return;
  for (const PageCopy &copy : pool.copies()) {
    uint64_t pageTokens = pool.bounds().pageTokens;
    std::copy_n(slots.begin() + copy.from * static_cast<int64_t>(pageTokens), copy.tokens,
                slots.begin() + copy.to * static_cast<int64_t>(pageTokens));
  }
  for (size_t i = 0; i < batch; ++i)
    for (uint32_t n = 0; n < appends[i].count; ++n) {
      auto position = static_cast<uint32_t>(live[i].tokens.size());
      int32_t page = pool.blockTable(live[i].id)[position / pool.bounds().pageTokens];
      ASSERT_EQ(pool.references(page), 1u) << "a page with two owners is written";
      slot(live[i].id, position) = nextToken;
      live[i].tokens.push_back(nextToken++);
    }
}

void Model::step(std::mt19937 &random) {
  uint32_t choice = random() % 10;
  if (live.empty() || choice < 2)
    return create(random);
  if (choice < 7)
    return append(random);
  size_t index = random() % live.size();
  if (choice < 9) {
    auto length = static_cast<uint32_t>(random() % (live[index].tokens.size() + 1));
    pool.truncate(live[index].id, length);
    live[index].tokens.resize(length);
    return;
  }
  pool.free(live[index].id);
  ASSERT_FALSE(pool.isLive(live[index].id));
  live.erase(live.begin() + static_cast<std::ptrdiff_t>(index));
}

void Model::check() {
  std::map<int32_t, uint32_t> references;
  for (const Entry &entry : live) {
    ASSERT_TRUE(pool.isLive(entry.id));
    ASSERT_EQ(pool.length(entry.id), entry.tokens.size());
    for (int32_t page : pool.blockTable(entry.id))
      ++references[page];
    for (uint32_t i = 0; i < entry.tokens.size(); ++i)
      ASSERT_EQ(slot(entry.id, i), entry.tokens[i]) << "position " << i;
  }
  for (auto [page, count] : references)
    ASSERT_EQ(pool.references(page), count);
  ASSERT_EQ(pool.freePages() + references.size(), pool.bounds().pages) << "a page leaked";
}

TEST(KvPool, AgreesWithASimpleModelOverRandomOperations) {
  constexpr unsigned seed = 20240917, operations = 100'000;
  RecordProperty("seed", seed);
  std::mt19937 random(seed);
  Model model({24, 4, 7, 40});
  for (unsigned i = 0; i < operations && !testing::Test::HasFatalFailure(); ++i) {
    model.step(random);
    model.check();
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed << ", operation " << i;
  }
}

} // namespace
} // namespace tawny
