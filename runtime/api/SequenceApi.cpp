// Sequences, steps, logits, and what measures them.
#include "runtime/api/ApiModel.h"
#include "runtime/executor/Probes.h"

using namespace tawny;

/// TAWNY_OK where `name` is a live sequence of a model that computes.
static tawny_status requireSequence(tawny_model *model, tawny_sequence name) {
  if (tawny_status status = api::requireExecutor(model); status != TAWNY_OK)
    return status;
  if (model->executor->sequences().isLive(api::idOf(name)))
    return TAWNY_OK;
  return api::fail(model, makeError("expected a sequence, found %llx, which was freed or never was",
                                    static_cast<unsigned long long>(name)));
}

static tawny_status exhausted(tawny_model *model, const char *what) {
  model->lastError = what;
  return TAWNY_EXHAUSTED;
}

static tawny_status store(tawny_model *model, std::optional<SequenceId> made,
                          tawny_sequence *name) {
  *name = 0;
  if (!made)
    return exhausted(model, "all sequences are in use: free one or open the model with more "
                            "max_sequences");
  *name = api::nameOf(*made);
  return TAWNY_OK;
}

tawny_status tawny_create_sequence(tawny_model *model, tawny_sequence *sequence) {
  *sequence = 0;
  if (tawny_status status = api::requireExecutor(model); status != TAWNY_OK)
    return status;
  return store(model, model->executor->sequences().create(), sequence);
}

tawny_status tawny_fork_sequence(tawny_model *model, tawny_sequence parent, tawny_sequence *child) {
  *child = 0;
  if (tawny_status status = requireSequence(model, parent); status != TAWNY_OK)
    return status;
  return store(model, model->executor->sequences().fork(api::idOf(parent)), child);
}

tawny_status tawny_truncate_sequence(tawny_model *model, tawny_sequence sequence, uint32_t length) {
  if (tawny_status status = requireSequence(model, sequence); status != TAWNY_OK)
    return status;
  KvPool &pool = model->executor->sequences();
  if (uint32_t now = pool.length(api::idOf(sequence)); length > now)
    return api::fail(model, makeError("truncate: expected a length of at most %u, which the "
                                      "sequence has, found %u",
                                      now, length));
  pool.truncate(api::idOf(sequence), length);
  return TAWNY_OK;
}

tawny_status tawny_free_sequence(tawny_model *model, tawny_sequence sequence) {
  if (tawny_status status = requireSequence(model, sequence); status != TAWNY_OK)
    return status;
  model->executor->sequences().free(api::idOf(sequence));
  return TAWNY_OK;
}

uint32_t tawny_sequence_length(const tawny_model *model, tawny_sequence sequence) {
  if (!model->executor)
    return 0;
  const Executor &executor = *model->executor;
  SequenceId id = api::idOf(sequence);
  return executor.sequences().isLive(id) ? executor.sequences().length(id) : 0;
}

uint32_t tawny_free_pages(const tawny_model *model) {
  return model->executor ? model->executor->sequences().freePages() : 0;
}

tawny_status tawny_step(tawny_model *model, const tawny_span *spans, size_t count) {
  if (tawny_status status = api::requireExecutor(model); status != TAWNY_OK)
    return status;
  model->last = {};
  // A batch names each sequence once, so a longer one is wrong; it would also need more memory.
  if (count > model->model->bounds().kv.maxSequences)
    return api::fail(model, makeError("step: expected at most %u spans, found %zu",
                                      model->model->bounds().kv.maxSequences, count));
  model->batch.clear();
  for (const tawny_span *span = spans; span != spans + count; ++span)
    model->batch.push_back({api::idOf(span->sequence), {span->tokens, span->count}, span->logits});
  ErrorOr<StepResult> result = model->executor->step(model->batch);
  if (!result)
    return api::fail(model, result.error());
  switch (result->outcome) {
  case KvPool::Outcome::Exhausted:
    return exhausted(model, "the KV pool has too few free pages: free or truncate a sequence, or "
                            "compile with more --kv-tokens");
  case KvPool::Outcome::ContextFull:
    model->lastError = "a sequence would pass the longest context of the file: compile with a "
                       "larger --max-context";
    return TAWNY_CONTEXT_FULL;
  case KvPool::Outcome::Done:
    model->last = *result;
  }
  return TAWNY_OK;
}

const float *tawny_logits(const tawny_model *given, size_t *rows) {
  // Logits may still be on the device; no model is const, for tawny_open makes them.
  auto *model = const_cast<tawny_model *>(given);
  *rows = 0;
  if (model->executor)
    if (ErrorOr<void> fetched = model->executor->fetchLogits(model->last); !fetched) {
      api::fail(model, fetched.error());
      return nullptr;
    }
  *rows = model->last.rows;
  return model->last.logits;
}

tawny_status tawny_measure_read(tawny_model *model, double *bytes_per_second) {
  *bytes_per_second = 0;
  if (tawny_status status = api::requireExecutor(model); status != TAWNY_OK)
    return status;
  ErrorOr<double> measured = measureReadBandwidth(*model->model);
  if (!measured)
    return api::fail(model, measured.error());
  *bytes_per_second = *measured;
  return TAWNY_OK;
}

tawny_status tawny_measure_peak(tawny_model *model, double *operations_per_second,
                                const char **unit) {
  *operations_per_second = 0;
  if (unit)
    *unit = "";
  if (tawny_status status = api::requireExecutor(model); status != TAWNY_OK)
    return status;
  ErrorOr<double> measured = measurePeakOperations(*model->model);
  if (!measured)
    return api::fail(model, measured.error());
  *operations_per_second = *measured;
  if (unit)
    *unit = model->model->target().probes()->peak_unit()->c_str();
  return TAWNY_OK;
}
