// One instruction as LLVM prints it, taken apart: mnemonic, operands in written order, modifiers.
// The assembly syntax is the same for a family of encodings and documented (LLVM, Syntax of AMDGPU
// Instruction Operands), which neither the order of an MCInst's operands nor its flags are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tawny::hipsim {

/// Scalar registers in one array: SGPRs first, then what has names. Not the hardware's encoding.
enum ScalarIndex : uint16_t {
  FlatScratch = 102, ///< gfx9: a register of its own with this number
  Vcc = 106,
  Ttmp = 108,
  M0 = 124,
  Null = 125, ///< reads 0; what is written is dropped
  Exec = 126,
  Scc = 128, ///< as an operand (src_scc) only
  NumScalars = 130
};

/// AGPR n is vector register firstAgpr + n.
constexpr uint16_t firstAgpr = 256;
constexpr uint16_t numVectors = 512;

/// An operand as written.
struct AsmOperand {
  enum Kind : uint8_t { Symbol, Vector, Scalar, Integer, Float, Off };
  Kind kind = Symbol;
  uint16_t index = 0; ///< of the first register
  uint16_t count = 0; ///< registers
  int8_t half = -1;   ///< .l 0, .h 1
  bool negated = false, absolute = false, signExtended = false;
  bool literal = false; ///< Integer: written in hexadecimal, so 32 bits that are not extended
  int64_t integer = 0;
  double real = 0;
  std::string text;
};

/// A modifier: `offset:16`, `quad_perm:[0,1,2,3]`, `clamp`.
struct AsmModifier {
  std::string name, value;
  bool used = false;
};

/// How a mnemonic ends.
enum class Encoding : uint8_t { Plain, Dpp, Sdwa };

/// A parsed line. Half of a VOPD is a line of its own.
struct AsmText {
  std::string mnemonic; ///< without _e32, _e64, _dpp, _sdwa
  Encoding encoding = Encoding::Plain;
  bool e64 = false; ///< VOP3, with a suffix that says so
  std::vector<AsmOperand> operands;
  std::vector<AsmModifier> modifiers;
  std::string rest;       ///< everything behind the mnemonic
  uint32_t words[2] = {}; ///< the first words of the encoding

  /// Takes a line apart, or the two halves of a VOPD.
  static std::vector<AsmText> parse(std::string_view line);

  /// The modifier of a name, marked as used; null if it is not there.
  AsmModifier *take(std::string_view name);
  bool takeFlag(std::string_view name) { return take(name) != nullptr; }
  /// Its value as a number, decimal or hexadecimal.
  int64_t takeNumber(std::string_view name, int64_t absent);
  /// Its value as bits of a list: [1,0,1] is 0b101. Entries that are not there are `absent`'s.
  uint32_t takeBits(std::string_view name, uint32_t absent);
};

/// The numbers in a text such as [0,1,2,3].
std::vector<int> parseNumbers(std::string_view text);

} // namespace tawny::hipsim
