#include "runtime/kv/KvPool.h"

#include <cassert>

namespace tawny {

KvPool::KvPool(const Bounds &bounds) : limits(bounds), maxPages(pagesFor(bounds.maxTokens)) {
  sequences.resize(limits.maxSequences);
  tables.resize(uint64_t(limits.maxSequences) * maxPages);
  counts.resize(limits.pages);
  leaving.resize(limits.pages);
  freeList.reserve(limits.pages);
  for (uint32_t page = limits.pages; page-- > 0;)
    freeList.push_back(static_cast<int32_t>(page));
  freeSlots.reserve(limits.maxSequences);
  for (uint32_t slot = limits.maxSequences; slot-- > 0;)
    freeSlots.push_back(slot);
  copyList.reserve(limits.maxSequences);
}

uint64_t KvPool::hostBytes(const Bounds &bounds) {
  uint64_t tablePages = bounds.maxTokens / bounds.pageTokens + 1;
  return uint64_t(bounds.maxSequences) * (sizeof(Sequence) + tablePages * sizeof(int32_t) +
                                          sizeof(uint32_t) + sizeof(PageCopy)) +
         uint64_t(bounds.pages) * (2 * sizeof(uint32_t) + sizeof(int32_t));
}

bool KvPool::isLive(SequenceId sequence) const {
  return sequence.generation != 0 && sequence.slot < sequences.size() &&
         sequences[sequence.slot].live &&
         sequences[sequence.slot].generation == sequence.generation;
}

std::span<const int32_t> KvPool::blockTable(SequenceId sequence) const {
  return {tables.data() + uint64_t(sequence.slot) * maxPages, pagesFor(length(sequence))};
}

std::optional<SequenceId> KvPool::create() {
  if (freeSlots.empty())
    return std::nullopt;
  uint32_t slot = freeSlots.back();
  freeSlots.pop_back();
  sequences[slot].live = true;
  sequences[slot].length = 0;
  return SequenceId{slot, sequences[slot].generation};
}

std::optional<SequenceId> KvPool::fork(SequenceId parent) {
  assert(isLive(parent) && "fork of a sequence that is none");
  std::optional<SequenceId> child = create();
  if (!child)
    return std::nullopt;
  sequences[child->slot].length = length(parent);
  int32_t *pages = table(child->slot);
  for (int32_t page : blockTable(parent)) {
    *pages++ = page;
    ++counts[static_cast<uint32_t>(page)];
  }
  return child;
}

void KvPool::truncate(SequenceId sequence, uint32_t length) {
  assert(isLive(sequence) && length <= sequences[sequence.slot].length && "nothing to forget");
  Sequence &entry = sequences[sequence.slot];
  for (uint32_t i = pagesFor(entry.length); i-- > pagesFor(length);)
    dropPage(table(sequence.slot)[i]);
  entry.length = length;
}

void KvPool::free(SequenceId sequence) {
  truncate(sequence, 0);
  Sequence &entry = sequences[sequence.slot];
  entry.live = false;
  // Generation 0 names no sequence, so the count skips it when it wraps.
  if (++entry.generation == 0)
    entry.generation = 1;
  freeSlots.push_back(sequence.slot);
}

int32_t KvPool::takePage() {
  int32_t page = freeList.back();
  freeList.pop_back();
  counts[static_cast<uint32_t>(page)] = 1;
  return page;
}

void KvPool::dropPage(int32_t page) {
  if (--counts[static_cast<uint32_t>(page)] == 0)
    freeList.push_back(page);
}

bool KvPool::lastPageIsShared(const Sequence &sequence, uint32_t slot) {
  if (sequence.length % limits.pageTokens == 0)
    return false;
  auto page = static_cast<uint32_t>(table(slot)[sequence.length / limits.pageTokens]);
  return counts[page] - leaving[page] > 1;
}

uint64_t KvPool::pagesWanted(std::span<const KvAppend> appends) {
  uint64_t wanted = 0;
  for (const KvAppend &append : appends) {
    const Sequence &sequence = sequences[append.sequence.slot];
    if (append.count == 0)
      continue;
    wanted += pagesFor(sequence.length + append.count) - pagesFor(sequence.length);
    if (lastPageIsShared(sequence, append.sequence.slot)) {
      ++wanted;
      // Of sequences that share a page, the last one to move need not: it is alone by then.
      ++leaving[static_cast<uint32_t>(
          table(append.sequence.slot)[sequence.length / limits.pageTokens])];
    }
  }
  for (const KvAppend &append : appends) {
    const Sequence &sequence = sequences[append.sequence.slot];
    if (sequence.length % limits.pageTokens != 0)
      leaving[static_cast<uint32_t>(
          table(append.sequence.slot)[sequence.length / limits.pageTokens])] = 0;
  }
  return wanted;
}

void KvPool::grow(const KvAppend &append) {
  Sequence &sequence = sequences[append.sequence.slot];
  int32_t *pages = table(append.sequence.slot);
  if (append.count == 0)
    return;
  if (lastPageIsShared(sequence, append.sequence.slot)) {
    int32_t &last = pages[sequence.length / limits.pageTokens];
    int32_t own = takePage();
    copyList.push_back({last, own, sequence.length % limits.pageTokens});
    dropPage(last);
    last = own;
  }
  uint32_t length = sequence.length + append.count;
  for (uint32_t i = pagesFor(sequence.length); i < pagesFor(length); ++i)
    pages[i] = takePage();
  sequence.length = length;
}

KvPool::Outcome KvPool::append(std::span<const KvAppend> appends) {
  copyList.clear();
  for (const KvAppend &append : appends) {
    assert(isLive(append.sequence) && "append to a sequence that is none");
    if (append.count > limits.maxTokens - sequences[append.sequence.slot].length)
      return Outcome::ContextFull;
  }
  if (pagesWanted(appends) > freeList.size())
    return Outcome::Exhausted;
  for (const KvAppend &append : appends)
    grow(append);
  return Outcome::Done;
}

} // namespace tawny
