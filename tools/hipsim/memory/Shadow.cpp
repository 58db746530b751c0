#include "tools/hipsim/memory/Shadow.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <sys/mman.h>

namespace tawny::hipsim {
namespace {

constexpr uint64_t bitsPerPage = Shadow::pageBytes / 8; ///< bytes that hold a page's bits

uint8_t *reserve(uint64_t bytes) {
  void *address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED)
    return nullptr;
  madvise(address, bytes, MADV_DONTDUMP);
  return static_cast<uint8_t *>(address);
}

void setBits(uint8_t *byte, uint8_t mask) {
  if ((__atomic_load_n(byte, __ATOMIC_RELAXED) & mask) != mask)
    __atomic_fetch_or(byte, mask, __ATOMIC_RELAXED);
}

/// Calls visit(byte index, mask) for the bits [from, from + count).
template <typename Visit> void forBits(uint64_t from, uint64_t count, Visit visit) {
  while (count) {
    unsigned shift = from % 8;
    unsigned taken = static_cast<unsigned>(std::min<uint64_t>(8 - shift, count));
    visit(from / 8, static_cast<uint8_t>(((1u << taken) - 1) << shift));
    from += taken;
    count -= taken;
  }
}

/// Gives whole pages of the bits back, so that they read as zeros and take no memory.
void forget(uint8_t *bits, uint64_t page, uint64_t count) {
  uint64_t from = page * bitsPerPage, to = (page + count) * bitsPerPage;
  uint64_t wholeFrom = (from + Shadow::pageBytes - 1) & ~(Shadow::pageBytes - 1);
  uint64_t wholeTo = to & ~(Shadow::pageBytes - 1);
  if (wholeFrom >= wholeTo) {
    std::memset(bits + from, 0, to - from);
    return;
  }
  std::memset(bits + from, 0, wholeFrom - from);
  std::memset(bits + wholeTo, 0, to - wholeTo);
  madvise(bits + wholeFrom, wholeTo - wholeFrom, MADV_DONTNEED);
}

} // namespace

std::unique_ptr<Shadow> Shadow::create(const AddressSpace &space) {
  std::unique_ptr<Shadow> shadow(new Shadow);
  shadow->first = space.begin();
  shadow->pageCount = space.size() / pageBytes;
  shadow->pages = reserve(shadow->pageCount);
  shadow->touched = reserve(shadow->pageCount);
  for (uint8_t **bits : {&shadow->initialised, &shadow->read, &shadow->written})
    *bits = reserve(space.size() / 8);
  if (!shadow->pages || !shadow->touched || !shadow->initialised || !shadow->read ||
      !shadow->written)
    return nullptr;
  return shadow;
}

Shadow::~Shadow() {
  for (uint8_t *table : {pages, touched})
    if (table)
      munmap(table, pageCount);
  for (uint8_t *bits : {initialised, read, written})
    if (bits)
      munmap(bits, pageCount * bitsPerPage);
}

void Shadow::begin(const Allocation &allocation, bool isInitialised) {
  if (isInitialised)
    markInitialised(allocation, allocation.base, allocation.bytes, /*hasData=*/true);
}

void Shadow::end(const Allocation &allocation) {
  uint64_t page = pageOf(allocation.base);
  uint64_t count = (allocation.bytes + pageBytes - 1) / pageBytes;
  std::memset(pages + page, 0, count);
  std::memset(touched + page, 0, count);
  for (uint8_t *bits : {initialised, read, written})
    forget(bits, page, count);
}

void Shadow::markInitialised(const Allocation &allocation, uint64_t address, uint64_t bytes,
                             bool hasData) {
  uint64_t end = address + bytes;
  while (address < end) {
    uint64_t page = pageOf(address), start = addressOf(page);
    uint64_t to = std::min(end, start + pageBytes);
    uint8_t known = load(pages + page), now = known | (hasData ? pageHasData : 0);
    if (to - address == pageBytes)
      now |= pageReadable;
    else if (!(known & pageReadable))
      forBits(address - first, to - address,
              [&](uint64_t byte, uint8_t mask) { setBits(initialised + byte, mask); });
    if ((now & pageReadable) && (now & pageHasData) && allocation.writable(start, pageBytes))
      now |= pageWritable;
    setBits(pages + page, now);
    address = to;
  }
}

uint64_t Shadow::firstUninitialised(uint64_t address, uint64_t bytes) const {
  uint64_t end = address + bytes;
  while (address < end) {
    uint64_t page = pageOf(address);
    uint64_t to = std::min(end, addressOf(page) + pageBytes);
    if (!(load(pages + page) & pageReadable)) {
      uint64_t missing = UINT64_MAX;
      forBits(address - first, to - address, [&](uint64_t byte, uint8_t mask) {
        uint8_t lacks = mask & ~load(initialised + byte);
        if (lacks && missing == UINT64_MAX)
          missing = byte * 8 + std::countr_zero(lacks);
      });
      if (missing != UINT64_MAX)
        return first + missing;
    }
    address = to;
  }
  return end;
}

void Shadow::promote(const Allocation &allocation, uint64_t page) {
  uint8_t known = load(pages + page);
  if (known & pageReadable || !allocation.holds(addressOf(page), pageBytes))
    return;
  const uint8_t *bits = initialised + page * bitsPerPage;
  if (std::all_of(bits, bits + bitsPerPage, [](uint8_t byte) { return byte == 0xff; }))
    markInitialised(allocation, addressOf(page), pageBytes, known & pageHasData);
}

void Shadow::mark(uint8_t *bits, uint64_t offset, uint64_t bytes) {
  // Other threads set bits of the same byte, unless all of it is this access's.
  if (uint64_t partial = offset % 8 ? std::min(8 - offset % 8, bytes) : 0) {
    setBits(bits + offset / 8, static_cast<uint8_t>(((1u << partial) - 1) << offset % 8));
    offset += partial;
    bytes -= partial;
  }
  uint8_t *byte = bits + offset / 8;
  for (; bytes >= 8; bytes -= 8, ++byte)
    if (__atomic_load_n(byte, __ATOMIC_RELAXED) != 0xff)
      __atomic_store_n(byte, static_cast<uint8_t>(0xff), __ATOMIC_RELAXED);
  if (bytes)
    setBits(byte, static_cast<uint8_t>((1u << bytes) - 1));
}

PageUse Shadow::takeUse(uint64_t page, bool ofWrites) {
  PageUse use;
  touched[page] &= static_cast<uint8_t>(ofWrites ? ~2 : ~1);
  auto *sectors = reinterpret_cast<uint64_t *>((ofWrites ? written : read) + page * bitsPerPage);
  for (unsigned line = 0; line < pageBytes / lineBytes; ++line) {
    uint64_t low = sectors[2 * line], high = sectors[2 * line + 1];
    use.lines += (low | high) != 0;
    use.sectors += (low != 0) + (high != 0);
    use.bytes += static_cast<uint32_t>(std::popcount(low) + std::popcount(high));
  }
  std::memset(sectors, 0, bitsPerPage);
  return use;
}

} // namespace tawny::hipsim
