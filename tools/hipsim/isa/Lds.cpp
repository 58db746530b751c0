// DS instructions: loads, stores and atomics on LDS, and permutes of lanes that pass through its
// crossbar (RDNA 3 ISA, "Data Share").
#include "tools/hipsim/isa/MemoryAccess.h"
#include "tools/hipsim/isa/Workgroup.h"

#include <algorithm>
#include <bit>
#include <deque>

namespace tawny::hipsim {

namespace {

/// A row: a memory operation, done twice by the 2addr forms, whose offsets count `stride` bytes.
struct DsOp {
  MemoryOp memory;
  uint8_t times = 1;
  uint16_t stride = 1;
  bool comparesFirst = false; ///< gfx9's cmpst names what it compares with before the new value
};

bool accessOnce(Wave &wave, const DsOp &op, uint64_t lanes, const uint32_t *bases, uint32_t offset,
                unsigned data, int returned) {
  uint32_t addresses[64];
  uint8_t *hosts[64] = {};
  for (unsigned lane = 0; lane < wave.lanes(); ++lane)
    addresses[lane] = bases[lane] + offset;
  auto use = op.memory.use == MemoryUse::Load    ? LdsMemory::Use::Read
             : op.memory.use == MemoryUse::Store ? LdsMemory::Use::Write
                                                 : LdsMemory::Use::Atomic;
  if (!wave.group->lds.access(wave, use, lanes, addresses, op.memory.bytes, hosts))
    return false;
  moveLanes(wave, op.memory, lanes, hosts, data, returned);
  return true;
}

/// A copy, because a load may overwrite its own address.
void copyAddresses(Wave &wave, unsigned reg, uint32_t *bases) {
  for (unsigned block = 0; block < wave.blocks; ++block)
    std::copy_n(wave.row(reg, block), blockLanes, bases + size_t(block) * blockLanes);
}

/// Fields: sources[0] address, sources[1 and 2] data, destination; flags: 1 if a value returns.
void executeDs(Wave &wave, const Instruction &i) {
  const auto &op = *static_cast<const DsOp *>(i.entry);
  bool loads = op.memory.use == MemoryUse::Load, returns = loads || i.flags & 1;
  unsigned dwords = dataDwords(op.memory);
  const int64_t offsets[2] = {i.immediate, i.immediate2};
  uint32_t bases[64];
  copyAddresses(wave, i.sources[0].index, bases);
  for (unsigned t = 0; t < op.times; ++t) {
    unsigned data = loads ? i.destination + t * dwords : i.sources[1 + t].index;
    if (!accessOnce(wave, op, wave.exec(), bases, uint32_t(offsets[t]), data,
                    i.flags & 1 ? int(i.destination) : -1))
      return;
  }
  if (returns)
    expectLoad(wave, PendingLoads::Lds, i.destination,
               loads ? dwords * op.times : op.memory.bytes / 4);
  else
    ++wave.loads.issued[PendingLoads::Lds];
  if (!loads)
    wave.loads.lastLdsStore = wave.loads.issued[PendingLoads::Lds];
}

bool vectorOperand(const AsmText &line, size_t i) {
  return i < line.operands.size() && line.operands[i].kind == AsmOperand::Vector &&
         line.operands[i].half < 0;
}

std::string prepareDs(AsmText &line, const void *entry, const DecodeContext &, Instruction &out) {
  const auto &op = *static_cast<const DsOp *>(entry);
  out.entry = &op;
  out.execute = executeDs;
  bool loads = op.memory.use == MemoryUse::Load, stores = op.memory.use == MemoryUse::Store;
  out.kind = loads    ? InstructionClass::LdsLoad
             : stores ? InstructionClass::LdsStore
                      : InstructionClass::LdsAtomic;
  unsigned dwords = dataDwords(op.memory), next = 0;
  unsigned data = loads ? 0 : op.memory.compares || op.times == 2 ? 2 : 1;
  bool returns = loads || line.mnemonic.find("_rtn") != std::string::npos;
  if (line.operands.size() != 1 + returns + data)
    return "a form that is not modelled";
  for (size_t i = 0; i < line.operands.size(); ++i)
    if (!vectorOperand(line, i))
      return "an operand that is not modelled";
  if (returns) {
    out.destination = line.operands[next++].index;
    out.touchesVector(out.destination, loads ? dwords * op.times : op.memory.bytes / 4);
    out.flags = !loads;
  }
  out.sources[0].index = line.operands[next++].index;
  out.touchesVector(out.sources[0].index, 1);
  for (unsigned i = 0; i < data; ++i) {
    out.sources[1 + i].index = line.operands[next++].index;
    out.touchesVector(out.sources[1 + i].index, dwords);
  }
  if (op.times == 2) {
    out.immediate = line.takeNumber("offset0", 0) * op.stride;
    out.immediate2 = line.takeNumber("offset1", 0) * op.stride;
  } else {
    out.immediate = line.takeNumber("offset", 0);
  }
  return "";
}

/// Compare and swap: moveLanes() expects the new value and the compared one in neighbouring
/// registers, which LDS instructions do not demand.
void executeCompareSwap(Wave &wave, const Instruction &i) {
  const auto &op = *static_cast<const DsOp *>(i.entry);
  uint64_t lanes = wave.exec();
  uint32_t addresses[64];
  uint8_t *hosts[64] = {};
  for (unsigned lane = 0; lane < wave.lanes(); ++lane)
    addresses[lane] = wave.lane(i.sources[0].index, lane) + uint32_t(i.immediate);
  if (!wave.group->lds.access(wave, LdsMemory::Use::Atomic, lanes, addresses, op.memory.bytes,
                              hosts))
    return;
  unsigned fresh = i.sources[op.comparesFirst ? 2 : 1].index;
  unsigned compared = i.sources[op.comparesFirst ? 1 : 2].index;
  bool wide = op.memory.bytes == 8;
  auto read = [&](unsigned reg, unsigned lane) {
    return wave.lane(reg, lane) | (wide ? uint64_t(wave.lane(reg + 1, lane)) << 32 : 0);
  };
  for (uint64_t left = lanes; left; left &= left - 1) {
    unsigned lane = std::countr_zero(left);
    uint64_t old = 0;
    if (hosts[lane])
      old = op.memory.atomic(hosts[lane], read(fresh, lane), read(compared, lane));
    if (!(i.flags & 1))
      continue;
    wave.lane(i.destination, lane) = uint32_t(old);
    if (wide)
      wave.lane(i.destination + 1, lane) = uint32_t(old >> 32);
  }
  if (i.flags & 1)
    expectLoad(wave, PendingLoads::Lds, i.destination, op.memory.bytes / 4);
  else
    ++wave.loads.issued[PendingLoads::Lds];
  wave.loads.lastLdsStore = wave.loads.issued[PendingLoads::Lds];
}

std::string prepareCompareSwap(AsmText &line, const void *entry, const DecodeContext &context,
                               Instruction &out) {
  std::string why = prepareDs(line, entry, context, out);
  out.execute = executeCompareSwap;
  return why;
}

using enum Widening;
constexpr auto load = MemoryUse::Load;
constexpr auto store = MemoryUse::Store;

constexpr DsOp accesses[] = {
    {{"ds_read_u8 ds_load_u8", load, 1, Zero}},
    {{"ds_read_i8 ds_load_i8", load, 1, Sign}},
    {{"ds_read_u16 ds_load_u16", load, 2, Zero}},
    {{"ds_read_i16 ds_load_i16", load, 2, Sign}},
    {{"ds_read_u8_d16 ds_load_u8_d16", load, 1, LowHalf}},
    {{"ds_read_u8_d16_hi ds_load_u8_d16_hi", load, 1, HighHalf}},
    {{"ds_read_i8_d16 ds_load_i8_d16", load, 1, LowSign}},
    {{"ds_read_i8_d16_hi ds_load_i8_d16_hi", load, 1, HighSign}},
    {{"ds_read_u16_d16 ds_load_u16_d16", load, 2, LowHalf}},
    {{"ds_read_u16_d16_hi ds_load_u16_d16_hi", load, 2, HighHalf}},
    {{"ds_read_b32 ds_load_b32", load, 4}},
    {{"ds_read_b64 ds_load_b64", load, 8}},
    {{"ds_read_b96 ds_load_b96", load, 12}},
    {{"ds_read_b128 ds_load_b128", load, 16}},
    {{"ds_read2_b32 ds_load_2addr_b32", load, 4}, 2, 4},
    {{"ds_read2_b64 ds_load_2addr_b64", load, 8}, 2, 8},
    {{"ds_read2st64_b32 ds_load_2addr_stride64_b32", load, 4}, 2, 256},
    {{"ds_read2st64_b64 ds_load_2addr_stride64_b64", load, 8}, 2, 512},
    {{"ds_write_b8 ds_store_b8", store, 1}},
    {{"ds_write_b16 ds_store_b16", store, 2}},
    {{"ds_write_b8_d16_hi ds_store_b8_d16_hi", store, 1, HighHalf}},
    {{"ds_write_b16_d16_hi ds_store_b16_d16_hi", store, 2, HighHalf}},
    {{"ds_write_b32 ds_store_b32", store, 4}},
    {{"ds_write_b64 ds_store_b64", store, 8}},
    {{"ds_write_b96 ds_store_b96", store, 12}},
    {{"ds_write_b128 ds_store_b128", store, 16}},
    {{"ds_write2_b32 ds_store_2addr_b32", store, 4}, 2, 4},
    {{"ds_write2_b64 ds_store_2addr_b64", store, 8}, 2, 8},
    {{"ds_write2st64_b32 ds_store_2addr_stride64_b32", store, 4}, 2, 256},
    {{"ds_write2st64_b64 ds_store_2addr_stride64_b64", store, 8}, 2, 512},
};

// Permutes: nothing of LDS itself is touched.

enum class Permute : uint8_t { Pull, Push, Swizzle };

/// The lane that a swizzle reads (RDNA 3 ISA, DS_SWIZZLE_B32).
unsigned swizzled(unsigned lane, uint32_t offset) {
  if (offset & 0x8000)
    return (lane & ~3u) + (offset >> (2 * (lane & 3)) & 3);
  uint32_t keep = offset & 31, set = offset >> 5 & 31, flip = offset >> 10 & 31;
  return (lane & 32) + ((((lane & 31) & keep) | set) ^ flip);
}

template <Permute How> void permute(Wave &wave, const Instruction &i) {
  uint32_t results[64] = {};
  uint64_t exec = wave.exec();
  unsigned lanes = wave.lanes();
  for (unsigned lane = 0; lane < lanes; ++lane) {
    if (How == Permute::Swizzle) {
      unsigned from = swizzled(lane, uint32_t(i.immediate));
      results[lane] = exec >> from & 1 ? wave.lane(i.sources[0].index, from) : 0;
      continue;
    }
    if (!(exec >> lane & 1))
      continue;
    uint32_t address = wave.lane(i.sources[0].index, lane) + uint32_t(i.immediate);
    unsigned other = address / 4 & (lanes - 1);
    if (How == Permute::Push)
      results[other] = wave.lane(i.sources[1].index, lane);
    else if (exec >> other & 1)
      results[lane] = wave.lane(i.sources[1].index, other);
  }
  for (unsigned lane = 0; lane < lanes; ++lane)
    if (exec >> lane & 1)
      wave.lane(i.destination, lane) = results[lane];
  expectLoad(wave, PendingLoads::Lds, i.destination, 1);
}

std::string preparePermute(AsmText &line, const void *entry, const DecodeContext &,
                           Instruction &out) {
  bool swizzle = line.mnemonic == "ds_swizzle_b32";
  size_t wanted = swizzle ? 2 : 3;
  if (line.operands.size() != wanted)
    return "a form that is not modelled";
  for (size_t i = 0; i < wanted; ++i) {
    if (!vectorOperand(line, i))
      return "an operand that is not modelled";
    out.touchesVector(line.operands[i].index, 1);
    if (i > 0)
      out.sources[i - 1].index = line.operands[i].index;
  }
  out.destination = line.operands[0].index;
  out.kind = InstructionClass::LdsPermute;
  line.take("offset");
  // Both offset fields are one number; a swizzle's is printed by meaning.
  out.immediate = line.words[0] & 0xffff;
  if (swizzle && out.immediate >= 0xc000)
    return "swizzle modes for FFT and rotation are not modelled";
  std::string_view name = line.mnemonic;
  out.execute = swizzle                    ? permute<Permute::Swizzle>
                : name == "ds_permute_b32" ? permute<Permute::Push>
                                           : permute<Permute::Pull>;
  return "";
}

/// LDS spells some atomics otherwise than global memory does.
std::string dsName(std::string_view name, std::string_view suffix) {
  size_t at = name.rfind('_');
  if (at == std::string_view::npos || name.substr(at) == "_x2")
    return "";
  std::string operation(name.substr(0, at)), type(name.substr(at));
  if (operation == "swap")
    return "ds_wrxchg" + std::string(suffix) + type + " ds_storexchg" + std::string(suffix) + type;
  return "ds_" + operation + std::string(suffix) + type;
}

} // namespace

void addLdsOps(OpTable &table) {
  for (const DsOp &op : accesses)
    table.add(op.memory.names, prepareDs, &op);
  table.add("ds_bpermute_b32 ds_permute_b32 ds_swizzle_b32", preparePermute, nullptr);
  static std::deque<std::string> names;
  static std::deque<DsOp> rows;
  for (const NamedAtomic &atomic : namedAtomics())
    for (std::string_view suffix : {"", "_rtn"}) {
      std::string name = dsName(atomic.name, suffix);
      if (name.empty())
        continue;
      MemoryOp memory{"",     MemoryUse::Atomic, atomic.bytes,
                      Dwords, atomic.function,   atomic.compares};
      if (!atomic.compares) {
        table.add(names.emplace_back(name), prepareDs, &rows.emplace_back(DsOp{memory}));
        continue;
      }
      std::string tail = std::string(suffix) + std::string(atomic.name.substr(7));
      DsOp earlier{memory, 1, 1, true};
      table.add(names.emplace_back("ds_cmpst" + tail), prepareCompareSwap,
                &rows.emplace_back(earlier));
      table.add(names.emplace_back("ds_cmpstore" + tail), prepareCompareSwap,
                &rows.emplace_back(DsOp{memory}));
    }
}

} // namespace tawny::hipsim
