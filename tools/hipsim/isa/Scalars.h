// Operations of the scalar unit: one value, SCC beside it.
#pragma once

#include "tools/hipsim/isa/OpTable.h"

namespace tawny::hipsim {

/// What a scalar operation reads and writes. 32-bit values are zero-extended.
struct ScalarArgs {
  uint64_t s[3] = {};
  uint64_t result = 0;
  uint32_t *scc = nullptr;
  Wave *wave = nullptr;
  const Instruction *instruction = nullptr;
};

/// A row: `signature` as VectorOp's, of b32, b64, f16, f32, f64; k16 is a constant of 16 bits that
/// is sign-extended, u16 one that is not, `+` the destination as a source. No result: nothing left
/// of `=`.
struct ScalarOp {
  std::string_view names, signature;
  void (*run)(ScalarArgs &);
};

/// The PrepareFn of these tables.
std::string prepareScalar(AsmText &line, const void *entry, const DecodeContext &context,
                          Instruction &out);

} // namespace tawny::hipsim
