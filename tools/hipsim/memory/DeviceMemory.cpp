#include "tools/hipsim/memory/DeviceMemory.h"

#include <algorithm>
#include <cstring>

namespace tawny::hipsim {
namespace {

/// Addresses for the device: room for guards and for not using what was freed again.
constexpr uint64_t mostAddresses = uint64_t{3} << 40, leastAddresses = uint64_t{3} << 30;

bool isZero(const std::byte *bytes, uint64_t count) {
  return count == 0 || (bytes[0] == std::byte{0} && std::memcmp(bytes, bytes + 1, count - 1) == 0);
}

/// Calls visit(address, bytes) for the parts of a range that lie in one page each.
template <typename Visit> void forPages(uint64_t address, uint64_t bytes, Visit visit) {
  for (uint64_t end = address + bytes; address < end;) {
    uint64_t to = std::min(end, (address / Shadow::pageBytes + 1) * Shadow::pageBytes);
    visit(address, to - address);
    address = to;
  }
}

} // namespace

std::unique_ptr<DeviceMemory> DeviceMemory::create(uint64_t limitBytes) {
  std::unique_ptr<DeviceMemory> memory(new DeviceMemory);
  memory->limitBytes = limitBytes;
  // Systems that limit a process's addresses may grant less than the first size.
  for (uint64_t bytes = mostAddresses; bytes >= leastAddresses; bytes /= 4) {
    memory->space = AddressSpace::create(bytes);
    if (memory->space)
      memory->known = Shadow::create(*memory->space);
    if (memory->known)
      return memory;
  }
  return nullptr;
}

uint64_t DeviceMemory::allocate(uint64_t bytes) {
  if (bytes > limitBytes - usedBytes)
    return 0;
  const Allocation *allocation = space->allocate(bytes, AllocationKind::Device);
  if (!allocation)
    return 0;
  usedBytes += bytes;
  return allocation->base;
}

void *DeviceMemory::allocateHost(uint64_t bytes) {
  const Allocation *allocation = space->allocate(bytes, AllocationKind::Host);
  if (!allocation)
    return nullptr;
  known->begin(*allocation, /*initialised=*/true);
  return reinterpret_cast<void *>(allocation->base);
}

Allocation *DeviceMemory::allocateInternal(uint64_t bytes, AllocationKind kind) {
  return space->allocate(bytes, kind);
}

bool DeviceMemory::registerHost(void *memory, uint64_t bytes) {
  return space->registerHost(reinterpret_cast<uint64_t>(memory), bytes);
}

bool DeviceMemory::release(uint64_t address, AllocationKind kind) {
  const Allocation *allocation = space->findBase(address);
  if (!allocation || allocation->kind != kind)
    return false;
  if (kind == AllocationKind::Device)
    usedBytes -= allocation->bytes;
  if (kind != AllocationKind::Registered)
    known->end(*allocation);
  space->release(allocation);
  return true;
}

void DeviceMemory::write(uint64_t to, const void *from, uint64_t bytes) {
  const Allocation *allocation = space->find(to, bytes);
  if (!allocation || allocation->kind == AllocationKind::Registered) {
    std::memmove(space->host(to), from, bytes);
    return;
  }
  const auto *source = static_cast<const std::byte *>(from);
  forPages(to, bytes, [&](uint64_t address, uint64_t count) {
    bool keep = known->hasData(address) || !isZero(source, count);
    if (keep)
      std::memmove(space->host(address), source, count);
    known->markInitialised(*allocation, address, count, keep);
    source += count;
  });
}

void DeviceMemory::read(void *to, uint64_t from, uint64_t bytes) const {
  std::memmove(to, space->host(from), bytes);
}

void DeviceMemory::copy(uint64_t to, uint64_t from, uint64_t bytes) {
  const Allocation *target = space->find(to, bytes), *source = space->find(from, bytes);
  if (!target || !source || target->kind == AllocationKind::Registered ||
      source->kind == AllocationKind::Registered ||
      known->firstUninitialised(from, bytes) == from + bytes) {
    write(to, space->host(from), bytes);
    return;
  }
  std::memmove(space->host(to), space->host(from), bytes);
  for (uint64_t address = from, end = from + bytes; address < end; ++address) {
    uint64_t missing = known->firstUninitialised(address, end - address);
    if (missing > address)
      known->markInitialised(*target, to + (address - from), missing - address, true);
    address = missing;
  }
}

void DeviceMemory::fill(uint64_t to, uint8_t value, uint64_t bytes, bool initialises) {
  const Allocation *allocation = space->find(to, bytes);
  if (!allocation || allocation->kind == AllocationKind::Registered) {
    std::memset(space->host(to), value, bytes);
    return;
  }
  forPages(to, bytes, [&](uint64_t address, uint64_t count) {
    bool keep = value || known->hasData(address);
    if (keep)
      std::memset(space->host(address), value, count);
    if (initialises)
      known->markInitialised(*allocation, address, count, keep);
    else if (keep)
      known->markData(address);
  });
}

} // namespace tawny::hipsim
