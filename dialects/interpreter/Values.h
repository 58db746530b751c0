// What the values of an llm program are while it is interpreted.
#pragma once

#include "dialects/formats/Formats.h"

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <map>
#include <memory>
#include <variant>
#include <vector>

namespace tawny::interpreter {

/// f32 activations, row-major.
struct Rows {
  int64_t rows = 0, columns = 0;
  std::vector<float> values;

  Rows() = default;
  Rows(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), values(static_cast<size_t>(rows * columns)) {}

  llvm::ArrayRef<float> row(int64_t r) const {
    return llvm::ArrayRef<float>(values).slice(r * columns, columns);
  }
  llvm::MutableArrayRef<float> row(int64_t r) {
    return llvm::MutableArrayRef<float>(values).slice(r * columns, columns);
  }
};

/// `!llm.a8` activations: the codes and scales of dialects/formats/Activations.h, row-major.
struct QuantizedRows {
  int64_t rows = 0, columns = 0;
  std::vector<int8_t> codes;
  std::vector<float> scales; ///< rows x columns / 32
};

/// `!llm.candidate` rows, row-major.
struct Candidates {
  struct Candidate {
    float logit;
    int32_t token;
  };
  int64_t rows = 0, columns = 0;
  std::vector<Candidate> values;
};

/// A weight in its source format; a vector has one row. `storage` owns the bytes where nothing
/// else does.
struct Weight {
  Format format = Format::F32;
  int64_t rows = 0, columns = 0;
  llvm::ArrayRef<uint8_t> bytes; ///< rows * formatInfo(format).rowBytes(columns)
  std::shared_ptr<const std::vector<uint8_t>> storage;
};

/// What a step is to do. Row i is one new token: its id, its position in its sequence and that
/// sequence's number.
struct Step {
  std::vector<int32_t> tokens, positions, sequences;
  std::vector<int32_t> logitRows; ///< Rows that want logits, in the order of their logits.

  int64_t rows() const { return static_cast<int64_t>(tokens.size()); }
};

/// Keys and values of one sequence in one layer, by position. Values are those of f16.
struct SequenceCache {
  std::vector<float> keys, values; ///< positions x (heads * headDim)
  std::vector<bool> written;       ///< by position
};

/// One layer of the pool, by sequence.
using LayerCache = std::map<int32_t, std::shared_ptr<const SequenceCache>>;

/// The KV pool at one point of a program. Copies share what is equal.
struct Pool {
  int64_t heads = 0, headDim = 0;
  int64_t bits = 16; ///< Of an element: values are rounded to f16, or kept as f32.
  std::vector<LayerCache> layers;

  Pool() = default;
  Pool(int64_t layers, int64_t heads, int64_t headDim, int64_t bits = 16)
      : heads(heads), headDim(headDim), bits(bits), layers(static_cast<size_t>(layers)) {}
  int64_t columns() const { return heads * headDim; }
};

using Value = std::variant<std::shared_ptr<const Rows>, std::shared_ptr<const QuantizedRows>,
                           std::shared_ptr<const Candidates>, Weight, std::shared_ptr<const Step>,
                           std::shared_ptr<const Pool>>;

} // namespace tawny::interpreter
