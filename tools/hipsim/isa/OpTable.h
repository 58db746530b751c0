// Which function executes which mnemonic. One row serves every encoding and generation that spells
// an operation alike; a row lists the spellings that mean the same.
#pragma once

#include "tools/hipsim/isa/Instruction.h"

#include <string>
#include <string_view>
#include <unordered_map>

namespace tawny::hipsim {

/// What decoding an instruction may refer to.
struct DecodeContext {
  const Chip &chip;
  uint64_t pc;
  bool wave64;
  /// Rows of 32 lanes (two for 64 bits) that hold `value` in each; they live as long as the code.
  const uint32_t *(*repeat)(void *pool, uint64_t value);
  void *pool;

  const uint32_t *repeated(uint64_t value) const { return repeat(pool, value); }
};

/// Fills `out` from a line. Returns why it cannot be executed, or nothing.
using PrepareFn = std::string (*)(AsmText &line, const void *entry, const DecodeContext &context,
                                  Instruction &out);

/// All operations, by mnemonic.
class OpTable {
public:
  struct Op {
    PrepareFn prepare;
    const void *entry;
  };
  static const OpTable &get();
  const Op *find(std::string_view mnemonic) const;

  /// Adds a row under each of its names, which are separated by spaces.
  void add(std::string_view names, PrepareFn prepare, const void *entry);
  template <typename Row, size_t N> void addRows(const Row (&rows)[N], PrepareFn prepare) {
    for (const Row &row : rows)
      add(row.names, prepare, &row);
  }

private:
  std::unordered_map<std::string_view, Op> ops;
};

/// Each file of operations adds its own.
void addVectorIntegerOps(OpTable &table);
void addVectorFloatOps(OpTable &table);
void addVectorHalfOps(OpTable &table);
void addVectorDoubleOps(OpTable &table);
void addTranscendentalOps(OpTable &table);
void addConversionOps(OpTable &table);
void addCompareOps(OpTable &table);
void addPackedOps(OpTable &table);
void addDotOps(OpTable &table);
void addCrossLaneOps(OpTable &table);
void addScalarAluOps(OpTable &table);
void addScalarFloatOps(OpTable &table);
void addScalarMemoryOps(OpTable &table);
void addVectorMemoryOps(OpTable &table);
void addLdsOps(OpTable &table);
void addWmmaOps(OpTable &table);
void addMfmaOps(OpTable &table);
void addControlOps(OpTable &table);
void addWaitOps(OpTable &table);

} // namespace tawny::hipsim
