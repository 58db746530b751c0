// Scalar loads. The address is a base, a register's offset and a constant (RDNA 3 ISA, "Scalar
// Memory"); dwords are aligned by dropping the low two bits.
#include "tools/hipsim/isa/MemoryAccess.h"
#include "tools/hipsim/isa/Workgroup.h"

#include <cstring>
#include <deque>

namespace tawny::hipsim {

namespace {

struct ScalarLoad {
  uint8_t bytes;
  bool buffer;
  Widening widening;
};

void execute(Wave &wave, const Instruction &i) {
  const auto &op = *static_cast<const ScalarLoad *>(i.entry);
  uint64_t base = wave.scalar64(i.sources[0].index), offset = uint64_t(i.immediate);
  if (i.sources[1].index != Null)
    offset += wave.scalars[i.sources[1].index];
  uint64_t available = ~uint64_t(0);
  if (op.buffer) {
    uint32_t stride = base >> 48 & 0x3fff, records = wave.scalars[i.sources[0].index + 2];
    base &= 0xffffffffffff;
    available = stride ? uint64_t(stride) * records : records;
  }
  unsigned dwords = std::max(1, op.bytes / 4);
  uint32_t values[16] = {};
  if (offset + op.bytes <= available) {
    uint64_t address = base + offset;
    if (op.bytes >= 4)
      address &= ~uint64_t(3);
    Access access;
    access.kind = AccessKind::ScalarLoad;
    access.bytes = op.bytes;
    access.alignment = std::min<uint8_t>(op.bytes, 4);
    access.lanes = 1;
    access.addresses = &address;
    std::byte *host = nullptr;
    if (!wave.group->port.access(access, wave.group->location(wave), &host))
      return wave.fail("the memory access was refused");
    if (host)
      std::memcpy(values, host, op.bytes);
  }
  if (op.widening == Widening::Sign)
    values[0] = static_cast<uint32_t>(op.bytes == 1 ? int8_t(values[0]) : int16_t(values[0]));
  ++wave.loads.issued[PendingLoads::Scalar];
  if (i.destination == Null)
    return;
  std::memcpy(&wave.scalars[i.destination], values, size_t(4) * dwords);
  wave.loads.mark(PendingLoads::Scalar, i.destination, dwords);
}

std::string prepare(AsmText &line, const void *entry, const DecodeContext &, Instruction &out) {
  const auto &op = *static_cast<const ScalarLoad *>(entry);
  if (line.operands.size() != 3 || line.operands[0].kind != AsmOperand::Scalar ||
      line.operands[1].kind != AsmOperand::Scalar || line.operands[1].count != (op.buffer ? 4 : 2))
    return "a form that is not modelled";
  out.entry = &op;
  out.kind = InstructionClass::Smem;
  out.execute = execute;
  out.destination = line.operands[0].index;
  if (out.destination != Null)
    out.touches(out.destination, std::max(1, op.bytes / 4));
  out.sources[0].index = line.operands[1].index;
  out.touches(out.sources[0].index, line.operands[1].count);
  out.sources[1].index = Null;
  out.immediate = line.takeNumber("offset", 0);
  const AsmOperand &offset = line.operands[2];
  if (offset.kind == AsmOperand::Scalar) {
    out.sources[1].index = offset.index;
    if (offset.index != Null)
      out.touches(offset.index, 1);
  } else if (offset.kind == AsmOperand::Integer) {
    out.immediate += offset.integer;
  } else {
    return "an offset that is not modelled";
  }
  for (std::string_view hint : {"glc", "slc", "dlc", "th", "scope"})
    line.take(hint);
  return "";
}

struct Row {
  std::string_view names;
  ScalarLoad load;
};

constexpr Row rows[] = {
    {"s_load_dword s_load_b32", {4, false, Widening::Dwords}},
    {"s_load_dwordx2 s_load_b64", {8, false, Widening::Dwords}},
    {"s_load_dwordx3 s_load_b96", {12, false, Widening::Dwords}},
    {"s_load_dwordx4 s_load_b128", {16, false, Widening::Dwords}},
    {"s_load_dwordx8 s_load_b256", {32, false, Widening::Dwords}},
    {"s_load_dwordx16 s_load_b512", {64, false, Widening::Dwords}},
    {"s_load_u8", {1, false, Widening::Zero}},
    {"s_load_i8", {1, false, Widening::Sign}},
    {"s_load_u16", {2, false, Widening::Zero}},
    {"s_load_i16", {2, false, Widening::Sign}},
    {"s_buffer_load_dword s_buffer_load_b32", {4, true, Widening::Dwords}},
    {"s_buffer_load_dwordx2 s_buffer_load_b64", {8, true, Widening::Dwords}},
    {"s_buffer_load_dwordx3 s_buffer_load_b96", {12, true, Widening::Dwords}},
    {"s_buffer_load_dwordx4 s_buffer_load_b128", {16, true, Widening::Dwords}},
    {"s_buffer_load_dwordx8 s_buffer_load_b256", {32, true, Widening::Dwords}},
    {"s_buffer_load_dwordx16 s_buffer_load_b512", {64, true, Widening::Dwords}},
};

} // namespace

void addScalarMemoryOps(OpTable &table) {
  for (const Row &row : rows)
    table.add(row.names, prepare, &row.load);
}

} // namespace tawny::hipsim
