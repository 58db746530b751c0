// What stands behind the C interface's pointers.
#pragma once

#include "runtime/executor/Executor.h"
#include "runtime/executor/Model.h"
#include "runtime/include/tawny.h"
#include "runtime/sampler/Sampler.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

/// An opened artifact with what was made for computing and for text.
struct tawny_model {
  /// Set only where the model is open for its vocabulary; else `model` owns the artifact.
  std::unique_ptr<tawny::Artifact> vocabularyFile;
  std::unique_ptr<tawny::Model> model;
  std::unique_ptr<tawny::Executor> executor;
  std::unique_ptr<tawny::Tokenizer> tokenizer;
  tawny::StepResult last;
  std::vector<tawny::SequenceInput> batch;
  std::string lastError;

  const tawny::fb::Artifact &header() const {
    return model ? model->header() : vocabularyFile->header();
  }
  /// Columns of a row of logits; where nothing computes, the number of tokens with a text.
  uint32_t vocabulary() const {
    return model ? model->vocabulary() : header().tokenizer()->types()->size();
  }
};

/// A sampler of the runtime, as it is.
struct tawny_sampler {
  tawny::Sampler sampler;
};

namespace tawny::api {

/// Keeps the reason for tawny_last_error.
tawny_status fail(tawny_model *model, const Error &error);

/// TAWNY_OK where the model can compute; else an error that says why not.
tawny_status requireExecutor(tawny_model *model);

/// A sequence's name in C: the generation, never 0, above the slot.
inline tawny_sequence nameOf(SequenceId id) { return uint64_t(id.generation) << 32 | id.slot; }
/// The inverse of nameOf, for any number a caller may give.
inline SequenceId idOf(tawny_sequence name) {
  return {static_cast<uint32_t>(name), static_cast<uint32_t>(name >> 32)};
}

/// A structure of the caller, whose first field is its size: the fields it has are taken over
/// `defaults`. An error where the size was not set.
template <typename Struct> ErrorOr<Struct> takeStruct(const Struct *given, Struct defaults) {
  if (!given)
    return defaults;
  if (given->struct_bytes < sizeof(given->struct_bytes))
    return makeError("struct_bytes: expected the size of the structure, found %u; start from the "
                     "structure that the tawny_default_ function returns",
                     given->struct_bytes);
  std::memcpy(&defaults, given, std::min<size_t>(given->struct_bytes, sizeof(defaults)));
  return defaults;
}

} // namespace tawny::api
