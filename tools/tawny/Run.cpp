// tawny run: continues a prompt.
#include "runtime/support/Json.h"
#include "tools/tawny/Generate.h"
#include "tools/tawny/Tool.h"

#include <unistd.h>

namespace tawny::tool {
namespace {

double perSecond(size_t count, double milliseconds) {
  return milliseconds > 0 ? 1e3 * static_cast<double>(count) / milliseconds : 0;
}

class Run final : public Subcommand {
public:
  const char *name() const override { return "run"; }
  Command &declare(ArgumentParser &parser) override;
  ErrorOr<void> validate(const Command &command) override;
  ErrorOr<int> execute() override;

private:
  tawny_sampler_params sampling() const;
  ErrorOr<std::vector<int32_t>> promptTokens(tawny_model *model) const;
  void report(const Generation &generation) const;
  void endLine(std::string_view text) const;
  void printJson(const GenerationRequest &request, const Generation &generation) const;

  std::string path, prompt, tokens;
  int64_t count = 128;
  double temperature = 0, topP = 1, minP = 0, repeatPenalty = 1;
  int64_t topK = 0;
  uint64_t seed = 0;
  bool json = false;
  bool hasTokens = false;
  double loadMs = 0;
};

Command &Run::declare(ArgumentParser &parser) {
  return parser.command("run", "continue a prompt")
      .details("The continuation goes to standard output as it is made, alone; progress and speed "
               "go to standard error. Without sampling options the likeliest token is taken each "
               "time, so the same prompt gives the same text. Ctrl-C ends the text early, with its "
               "statistics and status 130.")
      .positional("MODEL.tawny", &path, "what tawnyc wrote")
      .text("-p,--prompt", "TEXT", &prompt, "the prompt; the model's BOS is put in front")
      .text("--tokens", "IDS.json|1,2,3", &tokens, "the prompt as token ids; nothing is added")
      .integer("-n", "N", &count, {0, 1 << 28},
               "at most N new tokens (default: 128); the model's EOS ends earlier")
      .real("--temp", "T", &temperature, {0, 1000},
            "temperature: 0 (default) takes the likeliest, 1 samples what the model predicts")
      .integer("--top-k", "K", &topK, {0, INT32_MAX},
               "sample from the K likeliest tokens (default: 0, all)")
      .real("--top-p", "P", &topP, {0, 1, true},
            "sample from the fewest tokens whose probabilities sum to P (default: 1)")
      .real("--min-p", "P", &minP, {0, 1},
            "drop tokens less likely than P times the likeliest (default: 0)")
      .real("--repeat-penalty", "R", &repeatPenalty, {0, 100, true},
            "divide the logits of the last 64 tokens by R (default: 1)")
      .unsignedInteger("--seed", "S", &seed, "start of the random numbers (default: 0)")
      .flag("--json", &json,
            "print one JSON object at the end: prompt_tokens, tokens, text, timings");
}

ErrorOr<void> Run::validate(const Command &command) {
  bool text = command.given("-p"), ids = command.given("--tokens");
  if (text && ids)
    return makeError("-p and --tokens both give a prompt: expected one of them");
  if (!text && !ids)
    return makeError("a prompt is missing: give -p TEXT or --tokens IDS.json");
  hasTokens = ids;
  return {};
}

tawny_sampler_params Run::sampling() const {
  tawny_sampler_params params = tawny_default_sampler_params();
  params.temperature = static_cast<float>(temperature);
  params.top_k = static_cast<uint32_t>(topK);
  params.top_p = static_cast<float>(topP);
  params.min_p = static_cast<float>(minP);
  params.repeat_penalty = static_cast<float>(repeatPenalty);
  params.seed = seed;
  return params;
}

ErrorOr<std::vector<int32_t>> Run::promptTokens(tawny_model *model) const {
  if (hasTokens)
    return readTokens(model, tokens);
  return tokenize(model, prompt, infoOf(model).add_bos, false);
}

void Run::printJson(const GenerationRequest &request, const Generation &generation) const {
  std::chrono::duration<double, std::milli> untilFirst = generation.prefillStart - common.start;
  Json timings = {
      {"load_ms", loadMs},
      {"until_first_dispatch_ms", untilFirst.count()},
      {"prefill_ms", generation.prefillMs},
      {"decode_ms", generation.decodeMs},
      {"prefill_tokens_per_second", perSecond(generation.prefilled, generation.prefillMs)},
      {"decode_tokens_per_second", perSecond(generation.decodeSteps, generation.decodeMs)}};
  Json object = {{"prompt_tokens", request.prompt},
                 {"tokens", generation.tokens},
                 {"text", generation.text},
                 {"timings", timings}};
  print(dumpJson(object) + "\n");
}

void Run::report(const Generation &generation) const {
  switch (generation.stop) {
  case StopReason::ContextFull:
    std::fprintf(stderr, "stopped: the context is full; compile with a larger --max-context for "
                         "longer texts\n");
    break;
  case StopReason::PoolFull:
    std::fprintf(stderr, "stopped: the KV pool is full; compile with a larger --kv-tokens for "
                         "longer texts\n");
    break;
  case StopReason::Interrupted:
    std::fprintf(stderr, "stopped: interrupted\n");
    break;
  case StopReason::Length:
  case StopReason::EndOfSequence:
    break;
  }
  if (common.quiet)
    return;
  std::fprintf(stderr,
               "prefill %zu tokens, %.1f tokens/s; decode %zu tokens, %.1f tokens/s; load %.0f "
               "ms\n",
               generation.prefilled, perSecond(generation.prefilled, generation.prefillMs),
               generation.tokens.size(), perSecond(generation.decodeSteps, generation.decodeMs),
               loadMs);
}

/// Ends the line of a text for people. Files and pipes get the text and nothing else, so there the
/// line break goes in front of what standard error says next.
void Run::endLine(std::string_view text) const {
  if (isatty(STDOUT_FILENO))
    print("\n");
  else if (!common.quiet && !text.empty() && text.back() != '\n')
    std::fputc('\n', stderr);
  std::fflush(stdout);
}

ErrorOr<int> Run::execute() {
  catchInterrupt();
  auto start = std::chrono::steady_clock::now();
  tawny_options options = optionsFor(common);
  options.max_sequences = 1;
  ErrorOr<ModelHandle> model = openModel(path, options, common.quiet);
  if (!model)
    return model.takeError();
  loadMs = millisecondsSince(start);
  if (!infoOf(model->get()).has_tokenizer && !json)
    return makeError("'%s' holds no tokenizer, so there is no text to print: use --tokens with "
                     "--json",
                     path.c_str());
  GenerationRequest request;
  ErrorOr<std::vector<int32_t>> ids = promptTokens(model->get());
  if (!ids)
    return ids.takeError();
  request.prompt = std::move(*ids);
  request.maxTokens = static_cast<uint64_t>(count);
  request.sampling = sampling();
  request.quiet = common.quiet;
  if (!json)
    request.onText = [](std::string_view text) {
      print(text);
      std::fflush(stdout);
    };
  ErrorOr<Generation> generation = generate(model->get(), request);
  if (!generation)
    return generation.takeError();
  if (json)
    printJson(request, *generation);
  else
    endLine(generation->text);
  report(*generation);
  return generation->stop == StopReason::Interrupted ? interruptedByUser : done;
}

} // namespace

std::unique_ptr<Subcommand> makeRun() { return std::make_unique<Run>(); }

} // namespace tawny::tool
