// Choosing tokens.
#include "runtime/api/ApiModel.h"

#include <cmath>

using namespace tawny;

tawny_sampler_params tawny_default_sampler_params(void) {
  SamplerOptions options;
  tawny_sampler_params params = {};
  params.struct_bytes = sizeof(params);
  params.temperature = static_cast<float>(options.temperature);
  params.top_k = static_cast<uint32_t>(options.topK);
  params.top_p = static_cast<float>(options.topP);
  params.min_p = static_cast<float>(options.minP);
  params.repeat_penalty = static_cast<float>(options.repeatPenalty);
  params.repeat_window = static_cast<uint32_t>(options.repeatWindow);
  params.seed = options.seed;
  return params;
}

tawny_sampler *tawny_create_sampler(tawny_model *model, const tawny_sampler_params *params) {
  ErrorOr<tawny_sampler_params> taken = api::takeStruct(params, tawny_default_sampler_params());
  if (!taken) {
    api::fail(model, taken.error());
    return nullptr;
  }
  SamplerOptions options;
  options.temperature = static_cast<double>(taken->temperature);
  options.topK = taken->top_k;
  options.topP = static_cast<double>(taken->top_p);
  options.minP = static_cast<double>(taken->min_p);
  options.repeatPenalty = static_cast<double>(taken->repeat_penalty);
  options.repeatWindow = taken->repeat_window;
  options.seed = taken->seed;
  ErrorOr<Sampler> sampler = Sampler::create(options, model->vocabulary());
  if (!sampler) {
    api::fail(model, sampler.error());
    return nullptr;
  }
  return new tawny_sampler{std::move(*sampler)};
}

void tawny_free_sampler(tawny_sampler *sampler) { delete sampler; }

tawny_status tawny_sampler_accept(tawny_model *model, tawny_sampler *sampler, int32_t token) {
  ErrorOr<void> accepted = sampler->sampler.accept(token);
  return accepted ? TAWNY_OK : api::fail(model, accepted.error());
}

tawny_status tawny_sample(tawny_model *model, tawny_sampler *sampler, size_t row, int32_t *token) {
  *token = -1;
  if (row >= model->last.rows)
    return api::fail(model, makeError("sample: expected a row below the %u of the last step, found "
                                      "%zu",
                                      model->last.rows, row));
  // The largest logit is all that a greedy choice needs. One that is not finite is left to the
  // sampler, which says so.
  if (model->last.candidates && sampler->sampler.isGreedy()) {
    format::Candidate best = model->last.candidates[row * model->last.candidatesPerRow];
    if (std::isfinite(best.logit)) {
      *token = best.token;
      return tawny_sampler_accept(model, sampler, best.token);
    }
  }
  if (ErrorOr<void> fetched = model->executor->fetchLogits(model->last); !fetched)
    return api::fail(model, fetched.error());
  size_t vocabulary = model->vocabulary();
  ErrorOr<int32_t> chosen =
      sampler->sampler.sample({model->last.logits + row * vocabulary, vocabulary});
  if (!chosen)
    return api::fail(model, chosen.error());
  *token = *chosen;
  return TAWNY_OK;
}
