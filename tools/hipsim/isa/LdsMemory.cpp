#include "tools/hipsim/isa/LdsMemory.h"

#include "tools/hipsim/isa/Workgroup.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tawny::hipsim {

namespace {

// A byte of Owners: the wave's number, or one of these. An atomic operation is a write that may
// meet other waves' atomics.
constexpr uint32_t nobody = 0xff, severalReaders = 0xfe, atomicBit = 0x40, severalAtomics = 0x7e;
constexpr uint32_t everyByte = 0x01010101;

bool isAtomic(uint32_t owner) { return owner < 0x80 && owner & atomicBit; }

} // namespace

void LdsMemory::beginEpoch() {
  // 28 bits of it are kept beside the bytes that were written.
  if (++epoch >> 28) {
    std::fill(dwords.begin(), dwords.end(), Dword());
    epoch = firstEpoch = 1;
  }
}

void LdsMemory::reset(uint32_t bytes, unsigned waves) {
  size = bytes;
  size_t count = (size_t(bytes) + 3) / 4;
  data.assign(count * 4, 0xcd);
  if (dwords.size() < count)
    dwords.resize(count);
  shared = waves > 1;
  beginEpoch();
  firstEpoch = epoch;
}

void LdsMemory::preload(const std::vector<uint32_t> &words) {
  size_t count = std::min(words.size(), dwords.size());
  std::memcpy(data.data(), words.data(), count * 4);
  for (size_t i = 0; i < count; ++i)
    dwords[i].written = firstEpoch << 4 | 0xf;
}

bool LdsMemory::report(Wave &wave, ViolationKind kind, unsigned lane, uint32_t address,
                       const char *what, unsigned width) {
  char message[160];
  std::snprintf(message, sizeof(message), "%u bytes at LDS address %u %s (%u bytes are allocated)",
                width, address, what, size);
  return wave.group->report(wave, kind, lane, address, message);
}

bool LdsMemory::checkRace(Wave &wave, Use use, unsigned lane, uint32_t dword, uint32_t bytes) {
  Dword &entry = dwords[dword];
  bool race = false;
  for (unsigned i = 0; i < 4; ++i) {
    if (!(bytes >> i & 1))
      continue;
    uint32_t writer = entry.writers >> (8 * i) & 0xff, reader = entry.readers >> (8 * i) & 0xff;
    bool ownWrite = writer == nobody || writer == wave.index || writer == (wave.index | atomicBit);
    bool ownRead = reader == nobody || reader == wave.index;
    race |= !(ownWrite || (use == Use::Atomic && isAtomic(writer)));
    race |= use != Use::Read && !ownRead;
    if (use == Use::Read)
      reader = ownRead ? wave.index : severalReaders;
    else if (use == Use::Write)
      writer = wave.index;
    else
      writer = writer == nobody || ownWrite ? wave.index | atomicBit : severalAtomics;
    uint32_t field = 0xffu << (8 * i);
    entry.writers = (entry.writers & ~field) | writer << (8 * i);
    entry.readers = (entry.readers & ~field) | reader << (8 * i);
  }
  return !race || report(wave, ViolationKind::LdsRace, lane, dword * 4,
                         "are touched by two waves without a barrier between, one writing", 4);
}

inline bool LdsMemory::touchPart(Wave &wave, Use use, unsigned lane, uint32_t dword,
                                 uint32_t bytes) {
  Dword &entry = dwords[dword];
  if (entry.written >> 4 != firstEpoch)
    entry.written = firstEpoch << 4;
  bool unwritten = use != Use::Write && (entry.written & bytes) != bytes;
  if (use != Use::Read || unwritten) // once is enough
    entry.written |= bytes;
  if (unwritten && !report(wave, ViolationKind::LdsUninitialised, lane, dword * 4,
                           "are read and were never written", 4))
    return false;
  if (!shared)
    return true;
  if (entry.epoch != epoch) {
    entry.epoch = epoch;
    entry.writers = entry.readers = ~0u;
  }
  // Nearly always a whole dword that nobody else has touched, or that many have read.
  uint32_t own = wave.index * everyByte;
  bool quiet = bytes == 0xf && (entry.writers == ~0u || entry.writers == own);
  if (use == Use::Write && quiet && (entry.readers == ~0u || entry.readers == own)) {
    entry.writers = own;
    return true;
  }
  if (use == Use::Read && quiet) {
    entry.readers = entry.readers == ~0u || entry.readers == own ? own : severalReaders * everyByte;
    return true;
  }
  return checkRace(wave, use, lane, dword, bytes);
}

bool LdsMemory::touch(Wave &wave, Use use, unsigned lane, uint32_t address, unsigned width) {
  uint32_t first = address / 4, last = (address + width - 1) / 4;
  if ((address | width) % 4 == 0) {
    for (uint32_t dword = first; dword <= last; ++dword)
      if (!touchPart(wave, use, lane, dword, 0xf))
        return false;
    return true;
  }
  for (uint32_t dword = first; dword <= last; ++dword) {
    uint32_t from = std::max(address, dword * 4) - dword * 4;
    uint32_t to = std::min(address + width, dword * 4 + 4) - dword * 4;
    uint32_t bytes = (1u << to) - (1u << from);
    if (!touchPart(wave, use, lane, dword, bytes))
      return false;
  }
  return true;
}

bool LdsMemory::access(Wave &wave, Use use, uint64_t lanes, const uint32_t *addresses,
                       unsigned width, uint8_t **hosts) {
  unsigned alignment = std::bit_ceil(width);
  for (uint64_t left = lanes; left; left &= left - 1) {
    unsigned lane = std::countr_zero(left);
    uint32_t address = addresses[lane];
    hosts[lane] = nullptr;
    if (uint64_t(address) + width > size) {
      if (!report(wave, ViolationKind::LdsOutOfBounds, lane, address, "are out of bounds", width))
        return false;
      continue;
    }
    if (address & (alignment - 1) &&
        !report(wave, ViolationKind::LdsMisaligned, lane, address, "are not aligned", width))
      return false;
    if (!touch(wave, use, lane, address, width))
      return false;
    hosts[lane] = data.data() + address;
  }
  uint64_t bytes = uint64_t(std::popcount(lanes)) * width;
  (use == Use::Read ? bytesRead : bytesWritten) += bytes;
  bankConflictCycles += bankConflicts(lanes, addresses, width);
  return true;
}

namespace {

/// Whether lanes stand side by side from the first on, which no bank minds.
bool sideBySide(uint64_t lanes, const uint32_t *addresses, unsigned width) {
  unsigned first = std::countr_zero(lanes);
  for (uint64_t left = lanes; left; left &= left - 1) {
    unsigned lane = std::countr_zero(left);
    if (addresses[lane] != addresses[first] + (lane - first) * width)
      return false;
  }
  return true;
}

/// Dwords asked for in each bank, each counted once.
struct Banks {
  uint32_t wanted[32][32];
  unsigned counts[32] = {};

  unsigned add(uint32_t dword) {
    uint32_t *begin = wanted[dword % 32];
    unsigned &count = counts[dword % 32];
    if (std::find(begin, begin + count, dword) == begin + count && count < 32)
      begin[count++] = dword;
    return count;
  }
};

} // namespace

unsigned bankConflicts(uint64_t lanes, const uint32_t *addresses, unsigned width) {
  if (!lanes || sideBySide(lanes, addresses, width))
    return 0;
  unsigned dwords = (width + 3) / 4, perCycle = dwords <= 1 ? 32 : dwords == 2 ? 16 : 8;
  unsigned lost = 0;
  for (unsigned first = 0; first < 64; first += perCycle) {
    Banks banks;
    unsigned most = 1;
    for (uint64_t group = lanes >> first & ((uint64_t(1) << perCycle) - 1); group;
         group &= group - 1)
      for (unsigned i = 0; i < dwords; ++i)
        most = std::max(most, banks.add(addresses[first + std::countr_zero(group)] / 4 + i));
    lost += most - 1;
  }
  return lost;
}

} // namespace tawny::hipsim
