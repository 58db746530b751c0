// From a line of assembly to the operands of a vector instruction, by the signature of its row.
#include "tools/hipsim/isa/Immediate.h"
#include "tools/hipsim/isa/Lanes.h"
#include "tools/hipsim/isa/Modifiers.h"
#include "tools/hipsim/isa/VectorExecute.h"

namespace tawny::hipsim {

namespace {

struct TypeName {
  std::string_view name;
  Type type;
};

constexpr TypeName typeNames[] = {
    {"b16", Type::B16},       {"f16", Type::F16},     {"bf16", Type::BF16},
    {"b32", Type::B32},       {"f32", Type::F32},     {"b64", Type::B64},
    {"f64", Type::F64},       {"pk16", Type::PkB16},  {"pkf16", Type::PkF16},
    {"pkbf16", Type::PkBF16}, {"pkf32", Type::PkF32}, {"pkb32", Type::PkB32},
    {"mix", Type::Mix},       {"mask", Type::Mask},   {"c16", Type::B16},
    {"c32", Type::B32},       {"cpk16", Type::PkB16}};

Type findType(std::string_view name) {
  for (const TypeName &entry : typeNames)
    if (entry.name == name)
      return entry.type;
  return Type::None;
}

/// Takes the text up to the next separator off the front.
std::string_view takeUntil(std::string_view &text, char separator) {
  size_t at = text.find(separator);
  std::string_view head = text.substr(0, at);
  text = at == std::string_view::npos ? "" : text.substr(at + 1);
  return head;
}

bool isSixteen(Type type) { return type == Type::B16 || type == Type::F16 || type == Type::BF16; }
bool isPacked(Type type) {
  return type == Type::PkB16 || type == Type::PkF16 || type == Type::PkBF16 ||
         type == Type::PkF32 || type == Type::PkB32;
}

bool isInteger(Type type) {
  return type == Type::B16 || type == Type::B32 || type == Type::B64 || type == Type::PkB16;
}

/// Decodes one line.
class Decoder {
public:
  Decoder(AsmText &line, const VectorOp &op, const DecodeContext &context, Instruction &out)
      : line(line), op(op), context(context), out(out) {}

  std::string run() {
    out.lanes = op.lanes;
    out.kind = op.kind;
    std::string_view sources = op.signature, results = takeUntil(sources, '=');
    while (!results.empty())
      if (!result(takeUntil(results, ',')))
        return "a result that is not modelled";
    while (!sources.empty())
      if (!source(takeUntil(sources, ',')))
        return "an operand that is not modelled";
    if (next != line.operands.size())
      return "more operands than are modelled";
    return finish();
  }

private:
  AsmOperand *take() { return next < line.operands.size() ? &line.operands[next++] : nullptr; }

  bool result(std::string_view name) {
    if (name == "exec") {
      // gfx9 writes a register as well; v_cmpx of later chips has no operand for it.
      out.writesExec = true;
      if (line.operands.empty() || line.operands[0].kind != AsmOperand::Scalar ||
          line.operands.size() < 3)
        return true;
      name = "mask";
    }
    AsmOperand *operand = take();
    Type type = findType(name);
    if (!operand || type == Type::None)
      return false;
    if (type == Type::Mask) {
      out.hasMaskOut = true;
      out.maskOut = operand->index;
      if (operand->index != Null)
        out.touches(operand->index, operand->count);
      return operand->kind == AsmOperand::Scalar;
    }
    saturates = name[0] == 'c';
    out.type = type;
    out.destination = operand->index;
    out.destinationDwords = static_cast<uint8_t>(typeDwords(type));
    if (operand->half > 0)
      out.destinationHalf = 1;
    out.touchesVector(out.destination, out.destinationDwords);
    return operand->kind == AsmOperand::Vector;
  }

  bool source(std::string_view name) {
    if (name == "vcc") {
      out.hasMaskIn = true;
      out.maskIn = Vcc;
      return true;
    }
    if (name == "+") {
      Source &tied = out.sources[out.numSources++];
      tied.kind = Source::Vector;
      tied.type = out.type;
      tied.dwords = out.destinationDwords;
      tied.index = out.destination;
      tied.half = out.destinationHalf;
      return true;
    }
    AsmOperand *operand = take();
    Type type = findType(name);
    if (!operand || type == Type::None)
      return false;
    if (type == Type::Mask) {
      out.hasMaskIn = true;
      out.maskIn = operand->index;
      out.touches(operand->index, operand->index == Null ? 0 : operand->count);
      return operand->kind == AsmOperand::Scalar;
    }
    return value(*operand, type);
  }

  bool value(const AsmOperand &operand, Type type) {
    Source &source = out.sources[out.numSources++];
    source.type = type;
    source.dwords = static_cast<uint8_t>(typeDwords(type));
    source.negated = operand.negated;
    source.absolute = operand.absolute;
    source.signExtended = operand.signExtended;
    source.index = operand.index;
    if (operand.half > 0)
      source.half = 1;
    written |= uint32_t(operand.half >= 0) << (out.numSources - 1);
    switch (operand.kind) {
    case AsmOperand::Vector:
      source.kind = Source::Vector;
      out.touchesVector(operand.index, source.dwords);
      return true;
    case AsmOperand::Scalar:
      source.kind = Source::Scalar;
      if (operand.index < Scc && operand.index != Null)
        out.touches(operand.index, source.dwords);
      return true;
    case AsmOperand::Integer:
    case AsmOperand::Float:
      source.kind = Source::Constant;
      source.value = immediateBits(operand, type);
      source.constant = context.repeated(source.value);
      return true;
    default:
      return false;
    }
  }

  /// op_sel and its kin. A half that is written as .l or .h is known already.
  void selectHalves() {
    bool packed = false, mixed = false;
    for (unsigned i = 0; i < out.numSources; ++i) {
      packed |= isPacked(out.sources[i].type);
      mixed |= out.sources[i].type == Type::Mix;
    }
    AsmModifier *select = line.take("op_sel");
    std::vector<int> bits = parseNumbers(select ? select->value : "");
    uint32_t high = line.takeBits("op_sel_hi", packed ? 0xf : 0);
    out.negLo = line.takeBits("neg_lo", 0);
    uint32_t negHigh = line.takeBits("neg_hi", 0);
    for (unsigned i = 0; i < out.numSources; ++i) {
      Source &source = out.sources[i];
      bool chosen = i < bits.size() && bits[i];
      if (isPacked(source.type) || source.type == Type::Mix)
        source.half = chosen;
      else if (isSixteen(source.type) && !(written >> i & 1) && source.kind != Source::Constant)
        source.half |= chosen;
      source.halfOfHigh = high >> i & 1;
      source.isHalf = mixed && source.halfOfHigh;
      if (isPacked(source.type) && source.type != Type::PkB16) {
        source.negated |= out.negLo >> i & 1;
        source.negatedHigh = negHigh >> i & 1;
      }
    }
    if (isSixteen(out.type) && !mixed && bits.size() > out.numSources && bits.back())
      out.destinationHalf = 1;
  }

  std::string finish() {
    selectHalves();
    if (line.encoding == Encoding::Dpp)
      if (std::string why = prepareDpp(line, context, out); !why.empty())
        return why;
    if (line.encoding == Encoding::Sdwa)
      prepareSdwa(line, out);
    out.clamp = line.takeFlag("clamp");
    if (out.clamp && !saturates && isInteger(out.type))
      return "clamp of this integer operation is not modelled";
    int64_t multiplied = line.takeNumber("mul", 1), divided = line.takeNumber("div", 1);
    out.omod = multiplied == 2 ? 1 : multiplied == 4 ? 2 : divided == 2 ? 3 : 0;
    bool modified =
        out.clamp || out.omod || out.dpp || out.destinationSelect != 6 || isSixteen(out.type);
    auto note = [&](Type type) {
      out.single |= type == Type::F32 || type == Type::PkF32 || type == Type::Mix;
    };
    note(out.type);
    for (unsigned i = 0; i < out.numSources; ++i) {
      modified |= out.sources[i].modified();
      note(out.sources[i].type);
    }
    // Compares, selects and the like of f32 have no mode of their own but flush operands.
    out.keepsHigh = keepsOtherHalf();
    out.cycles = static_cast<uint8_t>(op.rate);
    out.execute = modified ? executeModifiedVector : executeVector;
    return "";
  }

  /// 16-bit results leave the other half alone from gfx10 on; on gfx9 only those of the
  /// instructions that are new there (LLVM, GCNSubtarget::zeroesHigh16BitsOfDest).
  bool keepsOtherHalf() const {
    if (context.chip.family != Family::Gfx9 || out.destinationHalf)
      return true;
    for (std::string_view name : {"v_mad_f16", "v_fma_f16", "v_mad_u16", "v_mad_i16",
                                  "v_div_fixup_f16", "v_fma_mixlo_f16", "v_interp_p2_f16"})
      if (line.mnemonic == name)
        return true;
    return false;
  }

  AsmText &line;
  const VectorOp &op;
  const DecodeContext &context;
  Instruction &out;
  size_t next = 0;
  bool saturates = false; ///< clamp means something for this integer result
  uint32_t written = 0;   ///< sources whose half is part of their name
};

} // namespace

std::string prepareVector(AsmText &line, const void *entry, const DecodeContext &context,
                          Instruction &out) {
  return Decoder(line, *static_cast<const VectorOp *>(entry), context, out).run();
}

} // namespace tawny::hipsim
