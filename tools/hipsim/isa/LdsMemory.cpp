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

/// The number of bytes of a mask of bits, one for each byte of a dword.
uint32_t spread(uint32_t bits) {
  return (bits & 1) * 0xff | (bits >> 1 & 1) * 0xff00 | (bits >> 2 & 1) * 0xff0000 |
         (bits >> 3 & 1) * 0xff000000;
}

} // namespace

void LdsMemory::reset(uint32_t bytes, unsigned waves) {
  size = bytes;
  uint32_t dwords = (bytes + 3) / 4;
  data.assign(size_t(dwords) * 4, 0xcd);
  initialised.assign(dwords, 0);
  if (owners.size() < dwords)
    owners.assign(dwords, Owners{~0u, ~0u, 0});
  shared = waves > 1;
  ++epoch;
}

void LdsMemory::preload(const std::vector<uint32_t> &words) {
  size_t count = std::min(words.size(), initialised.size());
  std::memcpy(data.data(), words.data(), count * 4);
  std::fill_n(initialised.begin(), count, 0xf);
}

bool LdsMemory::report(Wave &wave, ViolationKind kind, unsigned lane, uint32_t address,
                       const char *what, unsigned width) {
  char message[160];
  std::snprintf(message, sizeof(message), "%u bytes at LDS address %u %s (%u bytes are allocated)",
                width, address, what, size);
  return wave.group->report(wave, kind, lane, address, message);
}

bool LdsMemory::touchPart(Wave &wave, Use use, unsigned lane, uint32_t dword, uint32_t bytes) {
  if (use != Use::Write && (initialised[dword] & bytes) != bytes) {
    initialised[dword] |= bytes; // once is enough
    if (!report(wave, ViolationKind::LdsUninitialised, lane, dword * 4,
                "are read and were never written", 4))
      return false;
  }
  if (use != Use::Read)
    initialised[dword] |= bytes;
  if (!shared)
    return true;
  Owners &entry = owners[dword];
  if (entry.epoch != epoch)
    entry = Owners{~0u, ~0u, epoch};
  uint32_t own = wave.index * everyByte, mask = spread(bytes);
  bool quiet = (entry.writers == ~0u || entry.writers == own) &&
               (use == Use::Read || entry.readers == ~0u || entry.readers == own);
  if (quiet && use == Use::Write) {
    entry.writers = (entry.writers & ~mask) | (own & mask);
    return true;
  }
  if (quiet && use == Use::Read && (entry.readers == ~0u || entry.readers == own)) {
    entry.readers = (entry.readers & ~mask) | (own & mask);
    return true;
  }
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

bool LdsMemory::touch(Wave &wave, Use use, unsigned lane, uint32_t address, unsigned width) {
  uint32_t first = address / 4, last = (address + width - 1) / 4;
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

unsigned bankConflicts(uint64_t lanes, const uint32_t *addresses, unsigned width) {
  unsigned dwords = (width + 3) / 4, perCycle = dwords <= 1 ? 32 : dwords == 2 ? 16 : 8;
  unsigned lost = 0;
  for (unsigned first = 0; first < 64; first += perCycle) {
    uint64_t group = lanes >> first & ((uint64_t(1) << perCycle) - 1);
    // Dwords asked for in each bank, each counted once.
    uint32_t wanted[32][32];
    unsigned counts[32] = {}, most = 1;
    for (; group; group &= group - 1) {
      uint32_t dword = addresses[first + std::countr_zero(group)] / 4;
      for (unsigned i = 0; i < dwords; ++i) {
        uint32_t *begin = wanted[(dword + i) % 32], &count = counts[(dword + i) % 32];
        if (std::find(begin, begin + count, dword + i) == begin + count && count < 32) {
          begin[count++] = dword + i;
          most = std::max(most, count);
        }
      }
    }
    lost += most - 1;
  }
  return lost;
}

} // namespace tawny::hipsim
