// Loads, stores and atomics of lanes: global, flat, scratch and buffer (RDNA 3 ISA, "Vector Memory
// Buffer Instructions", "Flat Memory Instructions").
#include "tools/hipsim/isa/Immediate.h"
#include "tools/hipsim/isa/MemoryAccess.h"
#include "tools/hipsim/isa/Workgroup.h"

#include <bit>
#include <deque>

namespace tawny::hipsim {

namespace {

/// Where an instruction's addresses come from. Kept in Instruction::flags.
enum AddressFlag : uint32_t {
  FlatSpace = 1,
  ScratchSpace = 2,
  BufferSpace = 4,
  HasVector = 8,      ///< sources[0]: an offset of 32 bits, or an address of 64
  HasScalar = 16,     ///< sources[1]: a base, or buffer's soffset
  HasIndex = 32,      ///< buffer: idxen
  HasOffset = 64,     ///< buffer: offen
  Returns = 128,      ///< an atomic whose old value is wanted, in `destination`
  CountsStores = 256, ///< gfx9: stores and loads share a counter
};

uint32_t scalarOrConstant(const Wave &wave, const Source &source) {
  if (source.kind == Source::Constant)
    return static_cast<uint32_t>(source.value);
  return source.index == Null ? 0 : wave.scalars[source.index];
}

/// Lanes whose access is in scratch, and where in the lane's part.
struct Places {
  uint64_t addresses[64];
  uint64_t scratch = 0;
  uint64_t lanes = 0;
};

/// Buffers without swizzling: base, stride, number of records. Lanes out of range take no part.
bool placeBuffer(Wave &wave, const Instruction &i, unsigned bytes, Places &places,
                 uint64_t &outside) {
  unsigned descriptor = i.sources[2].index;
  uint64_t words = wave.scalar64(descriptor), base = words & 0xffffffffffff;
  uint32_t stride = words >> 48 & 0x3fff, records = wave.scalars[descriptor + 2];
  bool scratch = base == scratchBufferBase;
  if (!scratch && (words >> 62 & 3 || wave.scalars[descriptor + 3] >> 23 & 1)) {
    wave.fail("swizzled buffers other than scratch are not modelled");
    return false;
  }
  // Scratch is interleaved by lanes: soffset, which frames and stacks are addressed with, counts
  // the bytes of all of them.
  uint64_t fixed = scalarOrConstant(wave, i.sources[1]) / (scratch ? wave.lanes() : 1);
  for (uint64_t left = places.lanes; left; left &= left - 1) {
    unsigned lane = std::countr_zero(left);
    unsigned reg = i.sources[0].index;
    uint32_t index = i.flags & HasIndex ? wave.lane(reg++, lane) : 0;
    uint64_t offset = uint64_t(i.immediate) + (i.flags & HasOffset ? wave.lane(reg, lane) : 0);
    places.addresses[lane] =
        scratch ? fixed + offset : base + fixed + offset + uint64_t(index) * stride;
    bool inside = scratch || (stride == 0 ? offset + fixed + bytes <= records
                                          : index < records && offset + bytes <= stride);
    if (!inside)
      outside |= uint64_t(1) << lane;
  }
  places.scratch = scratch ? places.lanes : 0;
  places.lanes &= ~outside;
  return true;
}

void placeFlat(Wave &wave, const Instruction &i, Places &places) {
  uint64_t base = uint64_t(i.immediate);
  bool wide = !(i.flags & (HasScalar | ScratchSpace));
  if (i.flags & HasScalar)
    base += i.flags & ScratchSpace ? scalarOrConstant(wave, i.sources[1])
                                   : wave.scalar64(i.sources[1].index);
  for (unsigned block = 0; block < wave.blocks; ++block) {
    const uint32_t *low = wave.row(i.sources[0].index, block);
    for (unsigned lane = 0; lane < blockLanes; ++lane) {
      uint64_t offset = i.flags & HasVector ? low[lane] : 0;
      if (wide && i.flags & HasVector)
        offset |= uint64_t(low[lane + blockLanes]) << 32;
      places.addresses[block * blockLanes + lane] = base + offset;
    }
  }
  if (i.flags & ScratchSpace)
    places.scratch = places.lanes;
}

/// Flat addresses in one of the apertures: scratch is served, LDS refused.
bool splitApertures(Wave &wave, Places &places) {
  for (uint64_t left = places.lanes; left; left &= left - 1) {
    unsigned lane = std::countr_zero(left);
    uint64_t window = places.addresses[lane] >> 32 << 32;
    if (window == sharedAperture) {
      wave.fail("flat access to LDS is not modelled");
      return false;
    }
    if (window == privateAperture) {
      places.scratch |= uint64_t(1) << lane;
      places.addresses[lane] -= privateAperture;
    }
  }
  return true;
}

bool findScratch(Wave &wave, const MemoryOp &op, const Places &places, uint8_t **hosts) {
  bool goOn = true;
  for (uint64_t left = places.scratch & places.lanes; left && goOn; left &= left - 1) {
    unsigned lane = std::countr_zero(left);
    // Offsets wrap at 32 bits.
    hosts[lane] = wave.group->scratch(wave, lane, uint32_t(places.addresses[lane]), op.bytes, goOn);
  }
  return goOn;
}

void noteCounters(Wave &wave, const Instruction &i, const MemoryOp &op) {
  bool returns = op.use == MemoryUse::Load || i.flags & Returns;
  if (returns)
    expectLoad(wave, PendingLoads::Vector, i.destination,
               op.use == MemoryUse::Load ? dataDwords(op) : op.bytes / 4);
  else if (i.flags & CountsStores)
    ++wave.loads.issued[PendingLoads::Vector];
  if (i.flags & FlatSpace)
    ++wave.loads.issued[PendingLoads::Lds];
}

void execute(Wave &wave, const Instruction &i) {
  const auto &op = *static_cast<const MemoryOp *>(i.entry);
  Places places;
  places.lanes = wave.exec();
  uint64_t outside = 0;
  if (i.flags & BufferSpace) {
    if (!placeBuffer(wave, i, op.bytes, places, outside))
      return;
  } else {
    placeFlat(wave, i, places);
    if (i.flags & FlatSpace && !splitApertures(wave, places))
      return;
  }
  uint8_t *hosts[64] = {};
  uint64_t global = places.lanes & ~places.scratch;
  if (global) {
    Access access;
    access.kind = op.use == MemoryUse::Load    ? AccessKind::Load
                  : op.use == MemoryUse::Store ? AccessKind::Store
                                               : AccessKind::Atomic;
    access.bytes = op.bytes;
    // Atomics want their width; the rest is done dword by dword.
    access.alignment = op.use == MemoryUse::Atomic || op.bytes < 4 ? op.bytes : 4;
    access.lanes = global;
    access.addresses = places.addresses;
    if (!wave.group->port.access(access, wave.group->location(wave),
                                 reinterpret_cast<std::byte **>(hosts)))
      return wave.fail("the memory access was refused");
  }
  if (!findScratch(wave, op, places, hosts))
    return;
  int returned = i.flags & Returns ? int(i.destination) : -1;
  moveLanes(wave, op, places.lanes | outside, hosts, unsigned(i.immediate2), returned);
  noteCounters(wave, i, op);
}

/// Reads operands in the order in which they are written.
class Reader {
public:
  Reader(AsmText &line, Instruction &out) : line(line), out(out) {}

  bool vector(uint16_t &index, unsigned dwords) {
    if (next >= line.operands.size() || line.operands[next].kind != AsmOperand::Vector ||
        line.operands[next].half >= 0)
      return false;
    index = line.operands[next++].index;
    out.touchesVector(index, dwords);
    return true;
  }
  /// A vector address, or `off`.
  bool address(unsigned dwords) {
    if (next < line.operands.size() && line.operands[next].kind == AsmOperand::Off) {
      ++next;
      return true;
    }
    out.flags |= HasVector;
    return vector(out.sources[0].index, dwords);
  }
  /// A scalar base of so many registers, or `off`.
  bool base(unsigned dwords) {
    if (next >= line.operands.size())
      return false;
    const AsmOperand &operand = line.operands[next++];
    if (operand.kind == AsmOperand::Off || operand.index == Null)
      return true;
    if (operand.kind != AsmOperand::Scalar)
      return false;
    out.flags |= HasScalar;
    out.sources[1].kind = Source::Scalar;
    out.sources[1].index = operand.index;
    out.touches(operand.index, dwords);
    return true;
  }
  const AsmOperand *operand() {
    return next < line.operands.size() ? &line.operands[next++] : nullptr;
  }
  bool done() const { return next == line.operands.size(); }
  size_t left() const { return line.operands.size() - next; }

private:
  AsmText &line;
  Instruction &out;
  size_t next = 0;
};

void takeCacheHints(AsmText &line) {
  for (std::string_view hint : {"glc", "slc", "dlc", "scc", "sc0", "sc1", "nt", "th", "scope"})
    line.take(hint);
}

/// Data as the instruction names it: read by stores and atomics, written by loads.
bool readData(Reader &reader, const MemoryOp &op, Instruction &out) {
  uint16_t data = 0;
  if (!reader.vector(data, dataDwords(op) * (op.compares ? 2 : 1)))
    return false;
  out.immediate2 = data;
  if (op.use == MemoryUse::Load)
    out.destination = data;
  return true;
}

bool readBuffer(AsmText &line, Reader &reader, const MemoryOp &op, Instruction &out) {
  if (!readData(reader, op, out))
    return false;
  if (line.takeFlag("idxen"))
    out.flags |= HasIndex;
  if (line.takeFlag("offen"))
    out.flags |= HasOffset;
  unsigned dwords = std::popcount(out.flags & (HasIndex | HasOffset));
  if (!reader.address(dwords) || bool(out.flags & HasVector) != (dwords > 0))
    return false;
  const AsmOperand *descriptor = reader.operand(), *offset = reader.operand();
  if (!descriptor || !offset || descriptor->kind != AsmOperand::Scalar || descriptor->count != 4)
    return false;
  out.sources[2].index = descriptor->index;
  out.touches(descriptor->index, 4);
  Source &fixed = out.sources[1];
  fixed.kind = offset->kind == AsmOperand::Scalar ? Source::Scalar : Source::Constant;
  fixed.index = offset->index;
  if (fixed.kind == Source::Constant)
    fixed.value = immediateBits(*offset, Type::B32);
  else if (fixed.index != Null)
    out.touches(fixed.index, 1);
  AsmModifier *glc = line.take("glc");
  AsmModifier *sc0 = line.take("sc0");
  AsmModifier *hint = line.take("th");
  if (op.use == MemoryUse::Atomic &&
      (glc || sc0 || (hint && hint->value.find("RETURN") != std::string::npos))) {
    out.flags |= Returns;
    out.destination = static_cast<uint16_t>(out.immediate2);
  }
  return true;
}

bool readFlat(AsmText &line, Reader &reader, const MemoryOp &op, Instruction &out) {
  bool scratch = out.flags & ScratchSpace, flat = out.flags & FlatSpace;
  // global_*: address, [data], base; flat_*: address, [data]. One operand more: a returned value.
  size_t usual = flat ? 2 : 3;
  if (op.use == MemoryUse::Load && !readData(reader, op, out))
    return false;
  if (op.use == MemoryUse::Atomic && reader.left() == usual + 1) {
    out.flags |= Returns;
    if (!reader.vector(out.destination, op.bytes / 4))
      return false;
  }
  // A vector address has 64 bits unless a base stands beside it.
  const AsmOperand &last = line.operands.back();
  bool based = !flat && last.kind == AsmOperand::Scalar && last.index != Null;
  if (!reader.address(based || scratch ? 1 : 2))
    return false;
  if (op.use != MemoryUse::Load && !readData(reader, op, out))
    return false;
  return flat || reader.base(scratch ? 1 : 2);
}

std::string prepareMemory(AsmText &line, const void *entry, const DecodeContext &context,
                          Instruction &out) {
  const auto &op = *static_cast<const MemoryOp *>(entry);
  out.entry = &op;
  out.execute = execute;
  out.destination = numVectors; // none, for stores
  auto starts = [&](std::string_view prefix) {
    return line.mnemonic.compare(0, prefix.size(), prefix) == 0;
  };
  if (starts("flat_"))
    out.flags |= FlatSpace;
  if (starts("scratch_"))
    out.flags |= ScratchSpace;
  if (starts("buffer_"))
    out.flags |= BufferSpace;
  if (context.chip.family == Family::Gfx9)
    out.flags |= CountsStores;
  out.kind = out.flags & ScratchSpace     ? InstructionClass::Scratch
             : op.use == MemoryUse::Load  ? InstructionClass::VmemLoad
             : op.use == MemoryUse::Store ? InstructionClass::VmemStore
                                          : InstructionClass::VmemAtomic;
  out.immediate = line.takeNumber("offset", 0);
  Reader reader(line, out);
  bool understood =
      out.flags & BufferSpace ? readBuffer(line, reader, op, out) : readFlat(line, reader, op, out);
  takeCacheHints(line);
  return understood && reader.done() ? "" : "a form that is not modelled";
}

using enum Widening;
constexpr auto load = MemoryUse::Load;
constexpr auto store = MemoryUse::Store;

/// Names behind global_, flat_, scratch_ and buffer_; gfx9's, then gfx11's.
constexpr MemoryOp widths[] = {
    {"load_ubyte load_u8", load, 1, Zero},
    {"load_sbyte load_i8", load, 1, Sign},
    {"load_ushort load_u16", load, 2, Zero},
    {"load_sshort load_i16", load, 2, Sign},
    {"load_ubyte_d16 load_d16_u8", load, 1, LowHalf},
    {"load_ubyte_d16_hi load_d16_hi_u8", load, 1, HighHalf},
    {"load_sbyte_d16 load_d16_i8", load, 1, LowSign},
    {"load_sbyte_d16_hi load_d16_hi_i8", load, 1, HighSign},
    {"load_short_d16 load_d16_b16", load, 2, LowHalf},
    {"load_short_d16_hi load_d16_hi_b16", load, 2, HighHalf},
    {"load_dword load_b32", load, 4},
    {"load_dwordx2 load_b64", load, 8},
    {"load_dwordx3 load_b96", load, 12},
    {"load_dwordx4 load_b128", load, 16},
    {"store_byte store_b8", store, 1},
    {"store_byte_d16_hi store_d16_hi_b8", store, 1, HighHalf},
    {"store_short store_b16", store, 2},
    {"store_short_d16_hi store_d16_hi_b16", store, 2, HighHalf},
    {"store_dword store_b32", store, 4},
    {"store_dwordx2 store_b64", store, 8},
    {"store_dwordx3 store_b96", store, 12},
    {"store_dwordx4 store_b128", store, 16},
};

struct Storage {
  std::deque<std::string> names;
  std::deque<MemoryOp> rows;
};

/// Each of the space-separated names behind a prefix.
std::string prefixed(std::string_view prefix, std::string_view names) {
  std::string result;
  while (!names.empty()) {
    size_t space = names.find(' ');
    result +=
        (result.empty() ? "" : " ") + std::string(prefix) + std::string(names.substr(0, space));
    names = space == std::string_view::npos ? "" : names.substr(space + 1);
  }
  return result;
}

} // namespace

void addVectorMemoryOps(OpTable &table) {
  static Storage storage;
  auto add = [&](MemoryOp row, std::string_view prefix) {
    storage.names.push_back(prefixed(prefix, row.names));
    row.names = storage.names.back();
    table.add(row.names, prepareMemory, &storage.rows.emplace_back(row));
  };
  for (std::string_view prefix : {"global_", "flat_", "scratch_", "buffer_"})
    for (const MemoryOp &row : widths)
      add(row, prefix);
  for (std::string_view prefix : {"global_atomic_", "flat_atomic_", "buffer_atomic_"})
    for (const NamedAtomic &atomic : namedAtomics())
      add({atomic.name, MemoryUse::Atomic, atomic.bytes, Dwords, atomic.function, atomic.compares},
          prefix);
}

} // namespace tawny::hipsim
