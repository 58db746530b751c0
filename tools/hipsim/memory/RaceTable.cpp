#include "tools/hipsim/memory/RaceTable.h"

#include <cstring>
#include <sys/mman.h>

namespace tawny::hipsim {
namespace {

constexpr uint32_t several = UINT32_MAX;

uint32_t *reserve(uint64_t count) {
  void *address = mmap(nullptr, count * sizeof(uint32_t), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED)
    return nullptr;
  madvise(address, count * sizeof(uint32_t), MADV_DONTDUMP);
  return static_cast<uint32_t *>(address);
}

uint32_t load(const uint32_t &tag) { return __atomic_load_n(&tag, __ATOMIC_RELAXED); }

} // namespace

std::unique_ptr<RaceTable> RaceTable::create(const AddressSpace &space) {
  std::unique_ptr<RaceTable> table(new RaceTable);
  table->first = space.begin();
  table->bytes = space.size();
  table->writers = reserve(space.size());
  table->readers = reserve(space.size());
  return table->writers && table->readers ? std::move(table) : nullptr;
}

RaceTable::~RaceTable() {
  for (uint32_t *tags : {writers, readers})
    if (tags)
      munmap(tags, bytes * sizeof(uint32_t));
}

bool RaceTable::touch(uint64_t address, uint64_t count, bool isWrite, uint32_t number) {
  const uint32_t own = number + 1;
  bool races = false;
  for (uint64_t i = address - first, end = i + count; i < end; ++i) {
    if (isWrite) {
      uint32_t writer = __atomic_exchange_n(&writers[i], own, __ATOMIC_RELAXED);
      uint32_t reader = load(readers[i]);
      races |= (writer && writer != own) || (reader && reader != own);
      continue;
    }
    uint32_t writer = load(writers[i]), reader = load(readers[i]);
    races |= writer && writer != own;
    if (reader != own && reader != several)
      __atomic_store_n(&readers[i], reader ? several : own, __ATOMIC_RELAXED);
  }
  return races;
}

void RaceTable::forget(uint64_t address) {
  for (uint32_t *tags : {writers, readers})
    std::memset(tags + (address - first), 0, AddressSpace::pageBytes * sizeof(uint32_t));
}

} // namespace tawny::hipsim
