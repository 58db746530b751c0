#include "tools/hipsim/isa/Scalars.h"

#include "tools/hipsim/isa/Immediate.h"

namespace tawny::hipsim {

namespace {

uint64_t readPlain(const Wave &wave, const Source &source) {
  if (source.kind == Source::Constant)
    return source.value;
  if (source.index == Null)
    return 0;
  return source.dwords == 2 ? wave.scalar64(source.index) : wave.scalars[source.index];
}

uint64_t read(const Wave &wave, const Source &source) {
  uint64_t value = readPlain(wave, source);
  if (source.absolute)
    value &= 0x7fffffff;
  return source.negated ? value ^ 0x80000000 : value;
}

void executeScalar(Wave &wave, const Instruction &instruction) {
  ScalarArgs args;
  args.scc = &wave.scalars[Scc];
  args.wave = &wave;
  args.instruction = &instruction;
  for (unsigned i = 0; i < instruction.numSources; ++i)
    args.s[i] = read(wave, instruction.sources[i]);
  static_cast<const ScalarOp *>(instruction.entry)->run(args);
  if (instruction.destinationDwords == 0 || instruction.destination == Null)
    return;
  wave.scalars[instruction.destination] = static_cast<uint32_t>(args.result);
  if (instruction.destinationDwords == 2)
    wave.scalars[instruction.destination + 1] = static_cast<uint32_t>(args.result >> 32);
}

Type scalarType(std::string_view name) {
  if (name == "b64")
    return Type::B64;
  if (name == "f64")
    return Type::F64;
  if (name == "f32")
    return Type::F32;
  return name == "f16" ? Type::F16 : Type::B32;
}

bool addSource(const AsmOperand &operand, std::string_view name, Instruction &out) {
  Source &source = out.sources[out.numSources++];
  source.type = scalarType(name);
  source.dwords = static_cast<uint8_t>(typeDwords(source.type));
  source.index = operand.index;
  source.negated = operand.negated; // v_s_rcp_f32 and its kin alone
  source.absolute = operand.absolute;
  if ((source.negated || source.absolute) && source.type != Type::F32)
    return false;
  if (operand.kind == AsmOperand::Scalar) {
    source.kind = Source::Scalar;
    if (operand.index < Scc && operand.index != Null)
      out.touches(operand.index, source.dwords);
    return true;
  }
  if (operand.kind != AsmOperand::Integer && operand.kind != AsmOperand::Float)
    return false;
  source.kind = Source::Constant;
  source.value = immediateBits(operand, source.type);
  if (name == "k16")
    source.value = static_cast<uint32_t>(static_cast<int16_t>(operand.integer));
  return true;
}

} // namespace

std::string prepareScalar(AsmText &line, const void *entry, const DecodeContext &context,
                          Instruction &out) {
  const auto &op = *static_cast<const ScalarOp *>(entry);
  out.entry = &op;
  out.kind = InstructionClass::Salu;
  out.execute = executeScalar;
  std::string_view signature = op.signature;
  size_t equals = signature.find('='), next = 0;
  if (equals > 0) {
    if (line.operands.empty() || line.operands[0].kind != AsmOperand::Scalar)
      return "a result that is not modelled";
    const AsmOperand &result = line.operands[next++];
    out.destination = result.index;
    out.destinationDwords =
        static_cast<uint8_t>(typeDwords(scalarType(signature.substr(0, equals))));
    if (out.destination != Null)
      out.touches(out.destination, out.destinationDwords);
  }
  signature.remove_prefix(equals + 1);
  while (!signature.empty()) {
    size_t comma = signature.find(',');
    std::string_view name = signature.substr(0, comma);
    signature = comma == std::string_view::npos ? "" : signature.substr(comma + 1);
    if (name == "+") {
      Source &tied = out.sources[out.numSources++];
      tied.kind = Source::Scalar;
      tied.index = out.destination;
      tied.dwords = out.destinationDwords;
      continue;
    }
    if (next >= line.operands.size() || !addSource(line.operands[next], name, out))
      return "an operand that is not modelled";
    ++next;
  }
  return next == line.operands.size() ? "" : "more operands than are modelled";
}

} // namespace tawny::hipsim
