#include "tools/hipsim/isa/Immediate.h"

#include "tools/hipsim/isa/Lanes.h"

namespace tawny::hipsim {

uint64_t immediateBits(const AsmOperand &operand, Type type) {
  if (operand.kind == AsmOperand::Integer) {
    auto bits = static_cast<uint64_t>(operand.integer);
    if (operand.literal && type == Type::F64 && bits <= 0xffffffff)
      return bits << 32;
    return typeDwords(type) == 2 ? bits : bits & 0xffffffff;
  }
  // Both registers of a packed pair see the constant.
  auto single = std::bit_cast<uint32_t>(static_cast<float>(operand.real));
  switch (type) {
  case Type::F64:
  case Type::B64:
    return std::bit_cast<uint64_t>(operand.real);
  case Type::B16:
  case Type::F16:
  case Type::PkF16:
    return std::bit_cast<uint16_t>(static_cast<Half>(operand.real));
  case Type::BF16:
  case Type::PkBF16:
    return single >> 16;
  case Type::PkF32:
  case Type::PkB32:
    return single | uint64_t(single) << 32;
  default:
    return single;
  }
}

} // namespace tawny::hipsim
