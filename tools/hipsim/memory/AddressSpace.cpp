#include "tools/hipsim/memory/AddressSpace.h"

#include <sys/mman.h>

namespace tawny::hipsim {
namespace {

constexpr size_t rememberedFreed = 1024;

uint64_t roundUp(uint64_t bytes) {
  return (bytes + AddressSpace::pageBytes - 1) & ~(AddressSpace::pageBytes - 1);
}

void *reserve(uint64_t bytes, int protection) {
  void *address =
      mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED)
    return nullptr;
  madvise(address, bytes, MADV_DONTDUMP);
  return address;
}

/// Bytes between `address` and the allocation; 0 inside.
uint64_t distance(const Allocation &allocation, uint64_t address) {
  if (address < allocation.base)
    return allocation.base - address;
  return address >= allocation.end() ? address - allocation.end() + 1 : 0;
}

} // namespace

std::unique_ptr<AddressSpace> AddressSpace::create(uint64_t deviceBytes) {
  std::unique_ptr<AddressSpace> space(new AddressSpace);
  uint64_t hostBytes = roundUp(deviceBytes / 3);
  auto *backing = static_cast<std::byte *>(reserve(deviceBytes, PROT_READ | PROT_WRITE));
  if (!backing)
    return nullptr;
  auto *addresses = static_cast<std::byte *>(reserve(deviceBytes + hostBytes, PROT_NONE));
  if (!addresses) {
    munmap(backing, deviceBytes);
    return nullptr;
  }
  space->first = reinterpret_cast<uint64_t>(addresses);
  space->totalBytes = deviceBytes + hostBytes;
  space->deviceBytes = deviceBytes;
  space->toBacking = reinterpret_cast<uint64_t>(backing) - space->first;
  space->nextDevice = space->first;
  space->nextHost = space->first + deviceBytes;
  if (mprotect(addresses + deviceBytes, hostBytes, PROT_READ | PROT_WRITE) != 0)
    return nullptr;
  return space;
}

AddressSpace::~AddressSpace() {
  munmap(reinterpret_cast<void *>(first + toBacking), deviceBytes);
  munmap(reinterpret_cast<void *>(first), totalBytes);
}

uint64_t AddressSpace::place(uint64_t bytes, uint64_t from, uint64_t to, uint64_t &next) {
  uint64_t needed = roundUp(bytes) + 2 * guardBytes;
  if (needed < bytes)
    return 0;
  if (next + needed <= to && next + needed > next) {
    uint64_t base = next + guardBytes;
    next = base + roundUp(bytes);
    return base;
  }
  // Fresh addresses ran out: the first hole between live allocations.
  uint64_t hole = from;
  for (auto entry = live.lower_bound(from); entry != live.end() && entry->first < to; ++entry) {
    if (entry->first - hole >= needed)
      break;
    hole = entry->first + roundUp(entry->second.bytes);
  }
  return to - hole >= needed ? hole + guardBytes : 0;
}

Allocation *AddressSpace::allocate(uint64_t bytes, AllocationKind kind) {
  uint64_t hostPart = first + deviceBytes;
  uint64_t base = kind == AllocationKind::Host
                      ? place(bytes, hostPart, first + totalBytes, nextHost)
                      : place(bytes, first, hostPart, nextDevice);
  if (!base)
    return nullptr;
  Allocation allocation{base, bytes, kind, base, base + bytes};
  return &live.insert_or_assign(base, allocation).first->second;
}

const Allocation *AddressSpace::registerHost(uint64_t base, uint64_t bytes) {
  auto next = live.lower_bound(base + bytes);
  if (base + bytes < base || (next != live.begin() && std::prev(next)->second.end() > base))
    return nullptr;
  Allocation allocation{base, bytes, AllocationKind::Registered, base, base + bytes};
  return &live.insert_or_assign(base, allocation).first->second;
}

void AddressSpace::release(const Allocation *allocation) {
  Allocation ended = *allocation;
  if (ended.kind != AllocationKind::Registered)
    madvise(host(ended.base), roundUp(ended.bytes), MADV_DONTNEED);
  live.erase(ended.base);
  freed.push_back(ended);
  if (freed.size() > rememberedFreed)
    freed.pop_front();
}

const Allocation *AddressSpace::find(uint64_t address, uint64_t size) const {
  auto after = live.upper_bound(address);
  if (after == live.begin())
    return nullptr;
  const Allocation &candidate = std::prev(after)->second;
  return candidate.holds(address, size) ? &candidate : nullptr;
}

const Allocation *AddressSpace::findBase(uint64_t base) const {
  auto entry = live.find(base);
  return entry == live.end() ? nullptr : &entry->second;
}

Nearest AddressSpace::nearest(uint64_t address) const {
  Nearest best;
  uint64_t closest = UINT64_MAX;
  auto consider = [&](const Allocation &allocation, bool isFreed) {
    uint64_t bytes = distance(allocation, address);
    if (bytes >= closest || allocation.kind == AllocationKind::Arguments)
      return;
    closest = bytes;
    best = {&allocation, isFreed};
  };
  auto after = live.upper_bound(address);
  if (after != live.begin())
    consider(std::prev(after)->second, false);
  if (after != live.end())
    consider(after->second, false);
  for (auto entry = freed.rbegin(); entry != freed.rend(); ++entry)
    consider(*entry, true);
  return best;
}

} // namespace tawny::hipsim
