#include "runtime/tokenizer/TokenIndex.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace tawny {

/// FNV-1a over 64 bits (Fowler, Noll, Vo), folded so that the low bits depend on all of it.
static uint32_t hashText(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char byte : text)
    hash = (hash ^ byte) * 0x100000001b3;
  hash ^= hash >> 29;
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

TokenIndex::TokenIndex(const VocabularyView &vocabulary, size_t capacity)
    : vocabulary(vocabulary), slots(std::bit_ceil(2 * capacity + 1)) {}

size_t TokenIndex::locate(std::string_view text, uint32_t hash) const {
  size_t mask = slots.size() - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    const Slot &slot = slots[i];
    if (slot.id < 0 || (slot.hash == hash && vocabulary.text(slot.id) == text))
      return i;
  }
}

void TokenIndex::insert(int32_t id) {
  std::string_view text = vocabulary.text(id);
  uint32_t hash = hashText(text);
  Slot &slot = slots[locate(text, hash)];
  if (slot.id >= 0)
    return;
  slot = {hash, id};
  longest = std::max(longest, text.size());
}

int32_t TokenIndex::find(std::string_view text) const {
  if (text.size() > longest)
    return -1;
  return slots[locate(text, hashText(text))].id;
}

TokenMatcher::TokenMatcher(const VocabularyView &vocabulary,
                           const std::function<bool(int32_t id)> &isWanted,
                           std::string_view space) {
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    auto id = static_cast<int32_t>(i);
    std::string_view text = vocabulary.text(id);
    if (text.empty() || !isWanted(id))
      continue;
    Entry entry = {std::string(), id};
    for (char c : text)
      if (c == ' ' && !space.empty())
        entry.text += space;
      else
        entry.text += c;
    entries.push_back(std::move(entry));
  }
  // Of equal texts the lowest id stays.
  std::sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) {
    return a.text != b.text ? a.text < b.text : a.id < b.id;
  });
  auto isEqual = [](const Entry &a, const Entry &b) { return a.text == b.text; };
  entries.erase(std::unique(entries.begin(), entries.end(), isEqual), entries.end());
  for (const Entry &entry : entries)
    canStart[static_cast<unsigned char>(entry.text[0])] = true;
}

TokenMatcher::Match TokenMatcher::matchPrefix(std::string_view text) const {
  Match best;
  if (text.empty() || !canStart[static_cast<unsigned char>(text[0])])
    return best;
  // Entries that agree with the first `length` bytes of the text lie together; each further byte
  // narrows the range. The one that ends there, if any, is the first of them.
  auto first = entries.begin(), last = entries.end();
  for (size_t length = 0; first != last; ++length) {
    if (first->text.size() == length) {
      best = {first->id, length};
      ++first;
    }
    if (length == text.size())
      break;
    auto wanted = static_cast<unsigned char>(text[length]);
    auto byteOf = [&](const Entry &entry) {
      return static_cast<unsigned char>(entry.text[length]);
    };
    first = std::partition_point(first, last, [&](const Entry &e) { return byteOf(e) < wanted; });
    last = std::partition_point(first, last, [&](const Entry &e) { return byteOf(e) == wanted; });
  }
  return best;
}

} // namespace tawny
