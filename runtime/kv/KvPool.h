// Which sequence owns which pages of the KV pool. Knows no memory: pages are numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tawny {

/// Names a sequence of one pool. A slot is used again after a free, but with another generation, so
/// a stale name is recognised.
struct SequenceId {
  uint32_t slot = 0;
  uint32_t generation = 0; ///< 0 names no sequence
  bool operator==(const SequenceId &) const = default;
};

/// Contents that must be copied before the new tokens are written: the first `tokens` positions of
/// page `from`, in every layer, to page `to`.
struct PageCopy {
  int32_t from;
  int32_t to;
  uint32_t tokens;
};

/// `count` new tokens for a sequence.
struct KvAppend {
  SequenceId sequence;
  uint32_t count;
};

/// Fixed pages of `pageTokens` tokens, reference counts, and one block table per sequence. A page
/// with several references is never written: appending to a sequence whose last, partly filled page
/// is shared moves it to a page of its own first. Everything is allocated by the constructor.
class KvPool {
public:
  struct Bounds {
    uint32_t pages;
    uint32_t pageTokens;
    uint32_t maxSequences;
    uint32_t maxTokens; ///< of one sequence
  };
  enum class Outcome : uint8_t { Done, Exhausted, ContextFull };

  explicit KvPool(const Bounds &bounds);

  /// Bytes that a pool of these bounds allocates.
  static uint64_t hostBytes(const Bounds &bounds);

  /// An empty sequence, or nothing where maxSequences exist.
  std::optional<SequenceId> create();
  /// A sequence that shares all pages of `parent`; nothing where maxSequences exist.
  std::optional<SequenceId> fork(SequenceId parent);
  /// Keeps the first `length` tokens, which must be no more than there are.
  void truncate(SequenceId sequence, uint32_t length);
  void free(SequenceId sequence);

  /// Lengthens sequences, each named at most once, all of them or, unless the outcome is Done,
  /// none. Afterwards copies() lists what must be copied before any kernel writes.
  Outcome append(std::span<const KvAppend> appends);
  Outcome append(SequenceId sequence, uint32_t count) {
    KvAppend single{sequence, count};
    return append({&single, 1});
  }
  /// Valid until the next append.
  std::span<const PageCopy> copies() const { return copyList; }

  bool isLive(SequenceId sequence) const;
  /// Tokens of a live sequence.
  uint32_t length(SequenceId sequence) const { return sequences[sequence.slot].length; }
  /// The pages of a live sequence, one for each started pageTokens positions.
  std::span<const int32_t> blockTable(SequenceId sequence) const;

  uint32_t freePages() const { return static_cast<uint32_t>(freeList.size()); }
  uint32_t references(int32_t page) const { return counts[static_cast<uint32_t>(page)]; }
  const Bounds &bounds() const { return limits; }

private:
  struct Sequence {
    uint32_t generation = 1; ///< of the sequence that lives here or will next
    uint32_t length = 0;
    bool live = false;
  };

  uint32_t pagesFor(uint32_t tokens) const {
    return tokens / limits.pageTokens + (tokens % limits.pageTokens != 0);
  }
  int32_t *table(uint32_t slot) { return tables.data() + uint64_t(slot) * maxPages; }
  bool lastPageIsShared(const Sequence &sequence, uint32_t slot);
  uint64_t pagesWanted(std::span<const KvAppend> appends);
  void grow(const KvAppend &append);
  int32_t takePage();
  void dropPage(int32_t page);

  Bounds limits;
  uint32_t maxPages;
  std::vector<Sequence> sequences;
  std::vector<int32_t> tables;   ///< [maxSequences, maxPages]
  std::vector<uint32_t> counts;  ///< references of each page
  std::vector<uint32_t> leaving; ///< references that a batch under way gives up, per page
  std::vector<int32_t> freeList; ///< a stack: the page freed last is warm in the cache
  std::vector<uint32_t> freeSlots;
  std::vector<PageCopy> copyList;
};

} // namespace tawny
