#include "tools/hipsim/isa/MemoryAccess.h"

#include "tools/hipsim/isa/Floats.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace tawny::hipsim {

namespace {

/// The register after `value` of 1 or 2 bytes has been loaded into it.
uint32_t widen(Widening widening, uint32_t value, unsigned bytes, uint32_t old) {
  auto extended = static_cast<uint32_t>(bytes == 1 ? int8_t(value) : int16_t(value));
  switch (widening) {
  case Widening::Sign:
    return extended;
  case Widening::LowHalf:
    return (old & 0xffff0000) | value;
  case Widening::HighHalf:
    return (old & 0xffff) | value << 16;
  case Widening::LowSign:
    return (old & 0xffff0000) | (extended & 0xffff);
  case Widening::HighSign:
    return (old & 0xffff) | extended << 16;
  default:
    return value;
  }
}

void loadLane(Wave &wave, const MemoryOp &op, unsigned lane, const uint8_t *host, unsigned data) {
  if (op.bytes < 4) {
    uint32_t value = 0;
    if (host)
      std::memcpy(&value, host, op.bytes);
    uint32_t &target = wave.lane(data, lane);
    target = widen(op.widening, value, op.bytes, target);
    return;
  }
  uint32_t *row = &wave.lane(data, lane);
  for (unsigned i = 0; i < op.bytes / 4u; ++i) {
    uint32_t value = 0;
    if (host)
      std::memcpy(&value, host + size_t(4) * i, 4);
    row[size_t(i) * blockLanes] = value;
  }
}

void storeLane(Wave &wave, const MemoryOp &op, unsigned lane, uint8_t *host, unsigned data) {
  if (!host)
    return;
  const uint32_t *row = &wave.lane(data, lane);
  if (op.bytes < 4) {
    uint32_t value = op.widening == Widening::HighHalf ? *row >> 16 : *row;
    std::memcpy(host, &value, op.bytes);
    return;
  }
  for (unsigned i = 0; i < op.bytes / 4u; ++i)
    std::memcpy(host + size_t(4) * i, row + size_t(i) * blockLanes, 4);
}

uint64_t readData(Wave &wave, unsigned reg, unsigned lane, bool wide) {
  uint64_t value = wave.lane(reg, lane);
  return wide ? value | uint64_t(wave.lane(reg + 1, lane)) << 32 : value;
}

void atomicLane(Wave &wave, const MemoryOp &op, unsigned lane, uint8_t *host, unsigned data,
                int returned) {
  bool wide = op.bytes == 8;
  uint64_t old = 0;
  if (host)
    old = op.atomic(host, readData(wave, data, lane, wide),
                    op.compares ? readData(wave, data + (wide ? 2 : 1), lane, wide) : 0);
  if (returned < 0)
    return;
  wave.lane(returned, lane) = static_cast<uint32_t>(old);
  if (wide)
    wave.lane(returned + 1, lane) = static_cast<uint32_t>(old >> 32);
}

template <typename T, typename F> uint64_t update(void *where, F f) {
  std::atomic_ref<T> target(*static_cast<T *>(where));
  T old = target.load(std::memory_order_relaxed);
  while (!target.compare_exchange_weak(old, f(old)))
    ;
  return old;
}

template <typename T, auto F> uint64_t atomic(void *where, uint64_t data, uint64_t) {
  return update<T>(where, [=](T old) { return static_cast<T>(F(old, static_cast<T>(data))); });
}
template <typename T> uint64_t swapIfEqual(void *where, uint64_t data, uint64_t compare) {
  return update<T>(
      where, [=](T old) { return old == static_cast<T>(compare) ? static_cast<T>(data) : old; });
}

using U = uint32_t;
using U64 = uint64_t;

U addFloat(U a, U b) { return bitsOf(fromBits<float>(a) + fromBits<float>(b)); }
U minFloat(U a, U b) { return bitsOf(minimumNumber(fromBits<float>(a), fromBits<float>(b))); }
U maxFloat(U a, U b) { return bitsOf(maximumNumber(fromBits<float>(a), fromBits<float>(b))); }
U64 addDouble(U64 a, U64 b) { return bitsOf(fromBits<double>(a) + fromBits<double>(b)); }
U addHalves(U a, U b) {
  auto add = [](U x, U y) {
    return U(bitsOf(Half(fromBits<Half>(uint16_t(x)) + fromBits<Half>(uint16_t(y)))));
  };
  return add(a, b) | add(a >> 16, b >> 16) << 16;
}

/// Both sizes of an integer operation, under the suffixes that gfx9 and later chips give them.
#define HIPSIM_ATOMIC(NAME, LETTER, T32, T64, EXPRESSION)                                          \
  {NAME, atomic<T32, [](T32 a, T32 b) { return EXPRESSION; }>, 4},                                 \
      {NAME "_" LETTER "32", atomic<T32, [](T32 a, T32 b) { return EXPRESSION; }>, 4},             \
      {NAME "_x2", atomic<T64, [](T64 a, T64 b) { return EXPRESSION; }>, 8},                       \
      {NAME "_" LETTER "64", atomic<T64, [](T64 a, T64 b) { return EXPRESSION; }>, 8}

constexpr NamedAtomic atomics[] = {
    HIPSIM_ATOMIC("add", "u", U, U64, a + b),
    HIPSIM_ATOMIC("sub", "u", U, U64, a - b),
    HIPSIM_ATOMIC("and", "b", U, U64, a &b),
    HIPSIM_ATOMIC("or", "b", U, U64, a | b),
    HIPSIM_ATOMIC("xor", "b", U, U64, a ^ b),
    HIPSIM_ATOMIC("swap", "b", U, U64, b),
    HIPSIM_ATOMIC("umin", "u", U, U64, std::min(a, b)),
    HIPSIM_ATOMIC("umax", "u", U, U64, std::max(a, b)),
    HIPSIM_ATOMIC("min", "u", U, U64, std::min(a, b)),
    HIPSIM_ATOMIC("max", "u", U, U64, std::max(a, b)),
    HIPSIM_ATOMIC("smin", "i", int32_t, int64_t, std::min(a, b)),
    HIPSIM_ATOMIC("smax", "i", int32_t, int64_t, std::max(a, b)),
    {"min_i32", atomic<int32_t, [](int32_t a, int32_t b) { return std::min(a, b); }>, 4},
    {"max_i32", atomic<int32_t, [](int32_t a, int32_t b) { return std::max(a, b); }>, 4},
    {"min_i64", atomic<int64_t, [](int64_t a, int64_t b) { return std::min(a, b); }>, 8},
    {"max_i64", atomic<int64_t, [](int64_t a, int64_t b) { return std::max(a, b); }>, 8},
    HIPSIM_ATOMIC("inc", "u", U, U64, a >= b ? 0 : a + 1),
    HIPSIM_ATOMIC("dec", "u", U, U64, a == 0 || a > b ? b : a - 1),
    {"cmpswap", swapIfEqual<U>, 4, true},
    {"cmpswap_b32", swapIfEqual<U>, 4, true},
    {"cmpswap_x2", swapIfEqual<U64>, 8, true},
    {"cmpswap_b64", swapIfEqual<U64>, 8, true},
    {"add_f32", atomic<U, addFloat>, 4},
    {"min_f32", atomic<U, minFloat>, 4},
    {"max_f32", atomic<U, maxFloat>, 4},
    {"min_num_f32", atomic<U, minFloat>, 4},
    {"max_num_f32", atomic<U, maxFloat>, 4},
    {"add_f64", atomic<U64, addDouble>, 8},
    {"pk_add_f16", atomic<U, addHalves>, 4},
};
#undef HIPSIM_ATOMIC

} // namespace

std::span<const NamedAtomic> namedAtomics() { return atomics; }

void expectLoad(Wave &wave, PendingLoads::Counter counter, unsigned data, unsigned dwords) {
  ++wave.loads.issued[counter];
  wave.loads.mark(counter, NumScalars + data, dwords);
}

void moveLanes(Wave &wave, const MemoryOp &op, uint64_t lanes, uint8_t *const *hosts, unsigned data,
               int returned) {
  for (unsigned lane = 0; lane < wave.lanes(); ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    if (op.use == MemoryUse::Load)
      loadLane(wave, op, lane, hosts[lane], data);
    else if (op.use == MemoryUse::Store)
      storeLane(wave, op, lane, hosts[lane], data);
    else
      atomicLane(wave, op, lane, hosts[lane], data, returned);
  }
}

} // namespace tawny::hipsim
