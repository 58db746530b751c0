// Opening, closing and describing models.
#include "runtime/api/ApiModel.h"
#include "runtime/api/StoredVocabulary.h"

#include <cinttypes>
#include <cstdio>

using namespace tawny;

namespace tawny::api {

tawny_status fail(tawny_model *model, const Error &error) {
  model->lastError = error.message;
  return TAWNY_ERROR;
}

tawny_status requireExecutor(tawny_model *model) {
  if (model->executor)
    return TAWNY_OK;
  return fail(model, makeError("the model was opened for its vocabulary only and cannot compute"));
}

static ProgressFunction wrap(tawny_progress progress, void *user) {
  if (!progress)
    return {};
  return [=](uint64_t done, uint64_t total) { return progress(done, total, user); };
}

static ErrorOr<void> openComputing(tawny_model &opened, const char *path,
                                   const tawny_options &options) {
  ModelOptions converted;
  converted.device = options.device ? options.device : "cpu";
  converted.threads = options.threads;
  converted.maxSequences = options.max_sequences;
  converted.maxLogitRows = options.max_logit_rows;
  converted.check = options.check;
  converted.prefault = options.prefault;
  converted.progress = wrap(options.progress, options.progress_user);
  ErrorOr<LaunchMode> launch = launchModeOf(options.launch ? options.launch : "auto");
  if (!launch)
    return launch.takeError();
  converted.launch = *launch;
  ErrorOr<std::unique_ptr<Model>> model = Model::open(path, converted);
  if (!model)
    return model.takeError();
  opened.model = std::move(*model);
  ErrorOr<std::unique_ptr<Executor>> executor = Executor::create(*opened.model);
  if (!executor)
    return executor.takeError();
  opened.executor = std::move(*executor);
  opened.executor->deferLogits();
  opened.batch.reserve(opened.model->bounds().kv.maxSequences);
  return {};
}

static ErrorOr<void> openInto(tawny_model &opened, const char *path, const tawny_options &options) {
  if (!path)
    return makeError("path: expected the name of a file, found NULL");
  if (options.vocabulary_only) {
    ErrorOr<std::unique_ptr<Artifact>> file = Artifact::open(path);
    if (!file)
      return file.takeError();
    opened.vocabularyFile = std::move(*file);
  } else if (ErrorOr<void> computing = openComputing(opened, path, options); !computing) {
    return computing;
  }
  if (!opened.header().tokenizer())
    return {};
  ErrorOr<std::unique_ptr<Tokenizer>> tokenizer =
      makeTokenizer(vocabularyOf(*opened.header().tokenizer()));
  if (!tokenizer)
    return makeError("'%s': tokenizer: %s", path, tokenizer.error().message.c_str());
  opened.tokenizer = std::move(*tokenizer);
  return {};
}

} // namespace tawny::api

tawny_options tawny_default_options(void) {
  tawny_options options = {};
  options.struct_bytes = sizeof(options);
  options.prefault = true;
  return options;
}

tawny_model *tawny_open(const char *path, const tawny_options *options, char *error,
                        size_t error_bytes) {
  auto opened = std::make_unique<tawny_model>();
  ErrorOr<tawny_options> taken = api::takeStruct(options, tawny_default_options());
  ErrorOr<void> done = taken ? api::openInto(*opened, path, *taken) : taken.takeError();
  if (done)
    return opened.release();
  if (error && error_bytes)
    std::snprintf(error, error_bytes, "%s", done.error().message.c_str());
  return nullptr;
}

void tawny_close(tawny_model *model) { delete model; }

const char *tawny_last_error(const tawny_model *model) { return model->lastError.c_str(); }

static const char *orEmpty(const flatbuffers::String *text) { return text ? text->c_str() : ""; }

/// What only a model that computes has.
static void describeExecution(const tawny_model &model, tawny_model_info &info) {
  const fb::Target &target = model.model->target();
  const ExecutionBounds &bounds = model.model->bounds();
  info.device = orEmpty(target.device());
  info.target = orEmpty(target.name());
  info.activations = orEmpty(target.activations());
  info.max_batch = model.model->maxBatch();
  info.max_sequences = bounds.kv.maxSequences;
  info.max_logit_rows = bounds.maxLogitRows;
  info.page_tokens = bounds.kv.pageTokens;
  info.pages = bounds.kv.pages;
  info.threads = model.model->device().threads();
  for (const fb::Kernel *kernel : *target.kernels())
    info.stack_bytes = std::max(info.stack_bytes, kernel->scratch_bytes());
}

void tawny_get_model_info(const tawny_model *model, tawny_model_info *info, size_t struct_bytes) {
  const fb::Artifact &header = model->header();
  tawny_model_info known = {};
  known.name = orEmpty(header.model()->name());
  known.architecture = orEmpty(header.model()->architecture());
  known.source = orEmpty(header.model()->source());
  known.compiler_version = orEmpty(header.compiler_version());
  known.chat_template = orEmpty(header.chat_template());
  known.device = known.target = known.activations = "";
  known.parameters = header.model()->parameters();
  known.layers = header.model()->layers();
  known.hidden_size = header.model()->hidden_size();
  known.vocabulary = model->vocabulary();
  known.max_context = header.max_context();
  known.bos = known.eos = known.unk = known.pad = -1;
  if (const fb::Tokenizer *tokenizer = header.tokenizer()) {
    known.bos = tokenizer->bos();
    known.eos = tokenizer->eos();
    known.unk = tokenizer->unk();
    known.pad = tokenizer->pad();
    known.add_bos = tokenizer->add_bos();
    known.add_eos = tokenizer->add_eos();
    known.has_tokenizer = true;
  }
  if (model->model) {
    describeExecution(*model, known);
    known.generated_weights = model->model->artifact().hasGeneratedWeights();
  }
  std::memset(info, 0, struct_bytes);
  std::memcpy(info, &known, std::min(struct_bytes, sizeof(known)));
}

size_t tawny_memory_line_count(const tawny_model *model) {
  return model->model ? model->model->memoryPlan().size() : 0;
}

tawny_memory_line tawny_get_memory_line(const tawny_model *model, size_t index) {
  const MemoryLine &line = model->model->memoryPlan()[index];
  return {line.name.c_str(), line.bytes, line.mapped};
}

tawny_status tawny_verify_weights(tawny_model *model, tawny_progress progress, void *user) {
  const Artifact &file = model->model ? model->model->artifact() : *model->vocabularyFile;
  ErrorOr<void> verified = file.verifyWeights(api::wrap(progress, user));
  return verified ? TAWNY_OK : api::fail(model, verified.error());
}
