// What vector loads, stores and atomics do with the bytes of a lane, wherever those are.
#pragma once

#include "tools/hipsim/isa/OpTable.h"

#include <span>

namespace tawny::hipsim {

enum class MemoryUse : uint8_t { Load, Store, Atomic };

/// How a lane's bytes and its registers correspond.
enum class Widening : uint8_t {
  Dwords,   ///< as they are
  Zero,     ///< 1 or 2 bytes, zero-extended
  Sign,     ///< sign-extended
  LowHalf,  ///< into bits 15:0, the rest stays; stores take bits 15:0
  HighHalf, ///< bits 31:16
  LowSign,  ///< a byte, sign-extended into bits 15:0, the rest stays
  HighSign,
};

/// An atomic operation on 4 or 8 bytes that other threads may use at the same time. `data` and
/// `compare` are operands; returns the old value.
using AtomicFn = uint64_t (*)(void *where, uint64_t data, uint64_t compare);

/// A row of a table of memory operations.
struct MemoryOp {
  std::string_view names;
  MemoryUse use;
  uint8_t bytes; ///< per lane
  Widening widening = Widening::Dwords;
  AtomicFn atomic = nullptr;
  bool compares = false; ///< the data are the new value and the value to compare with
};

/// Dwords of registers that hold a lane's data.
constexpr unsigned dataDwords(const MemoryOp &op) { return op.bytes < 4 ? 1 : op.bytes / 4; }

/// Copies between registers (from `data` on) and the host's bytes of each lane. Lanes without bytes
/// load zeros. `returned` is where an atomic's old values go; negative: nowhere.
void moveLanes(Wave &wave, const MemoryOp &op, uint64_t lanes, uint8_t *const *hosts, unsigned data,
               int returned);

/// An atomic operation as global_atomic_NAME spells it.
struct NamedAtomic {
  std::string_view name;
  AtomicFn function;
  uint8_t bytes;
  bool compares = false;
};
std::span<const NamedAtomic> namedAtomics();

/// Notes that registers are on their way, for the check of waits.
void expectLoad(Wave &wave, PendingLoads::Counter counter, unsigned data, unsigned dwords);

} // namespace tawny::hipsim
