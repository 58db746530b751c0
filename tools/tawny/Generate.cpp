#include "tools/tawny/Generate.h"

#include "runtime/support/Progress.h"
#include "runtime/support/Utf8.h"
#include "tools/tawny/Tool.h"

#include <algorithm>

namespace tawny::tool {
namespace {

/// Between chunks of a prompt the progress is shown and Ctrl-C is heard.
constexpr size_t prefillChunk = 512;

/// Rows of dashes or dots in a text are shorter.
constexpr size_t suspiciousRepeats = 32;

struct FreeSampler {
  void operator()(tawny_sampler *sampler) const { tawny_free_sampler(sampler); }
};
using SamplerHandle = std::unique_ptr<tawny_sampler, FreeSampler>;

/// Holds back the bytes of a character until it is complete.
class Utf8Stream {
public:
  /// The characters that `bytes` completes; with `isEnd` also U+FFFD for one that never will be.
  std::string push(std::string_view bytes, bool isEnd = false) {
    pending += bytes;
    std::string complete;
    size_t position = 0;
    while (position < pending.size()) {
      Utf8Unit unit = firstUtf8Unit(std::string_view(pending).substr(position));
      if (unit.kind == Utf8Kind::Incomplete && !isEnd)
        break;
      if (unit.kind == Utf8Kind::Character)
        complete.append(pending, position, unit.length);
      else
        appendUtf8(0xFFFD, complete);
      position += unit.length;
    }
    pending.erase(0, position);
    return complete;
  }

private:
  std::string pending;
};

class Generator {
public:
  Generator(tawny_model *model, const GenerationRequest &request)
      : model(model), request(request), info(infoOf(model)) {}

  ErrorOr<Generation> run();

private:
  ErrorOr<void> checkPrompt() const;
  ErrorOr<void> prefill();
  ErrorOr<bool> takeNext();
  ErrorOr<bool> step(int32_t token);
  ErrorOr<void> show(int32_t token);
  void noteRepeats(int32_t token);
  void emit(const std::string &text);
  void stop(StopReason reason) { result.stop = reason; }

  tawny_model *model;
  const GenerationRequest &request;
  tawny_model_info info;
  tawny_sequence sequence = 0;
  SamplerHandle sampler;
  Utf8Stream stream;
  bool isContinuation = false;
  size_t repeats = 0; ///< of the last token, in a row
  bool hasWarned = false;
  Generation result;
};

ErrorOr<void> Generator::checkPrompt() const {
  size_t count = request.prompt.size();
  uint64_t poolTokens = uint64_t(info.pages) * info.page_tokens;
  if (count == 0)
    return makeError("the prompt has no tokens: expected at least one");
  if (count > info.max_context)
    return makeError("the prompt has %zu tokens, but the artifact was compiled for a context of at "
                     "most %u: shorten the prompt or compile with a larger --max-context",
                     count, info.max_context);
  if (count > poolTokens)
    return makeError("the prompt has %zu tokens, but the artifact's KV pool holds %llu: shorten "
                     "the prompt or compile with a larger --kv-tokens",
                     count, static_cast<unsigned long long>(poolTokens));
  return {};
}

ErrorOr<void> Generator::prefill() {
  const std::vector<int32_t> &prompt = request.prompt;
  std::vector<uint8_t> noLogits(prefillChunk);
  bool isShort = prompt.size() <= prefillChunk;
  Progress bar("reading the prompt", prompt.size(), request.quiet || isShort);
  while (result.prefilled < prompt.size() && !interrupted()) {
    size_t count = std::min(prefillChunk, prompt.size() - result.prefilled);
    bool isLast = result.prefilled + count == prompt.size();
    tawny_span span = {sequence, prompt.data() + result.prefilled, count,
                       isLast ? nullptr : noLogits.data()};
    if (tawny_step(model, &span, 1) != TAWNY_OK)
      return lastError(model);
    result.prefilled += count;
    bar.update(result.prefilled);
  }
  return {};
}

void Generator::emit(const std::string &text) {
  result.text += text;
  if (!text.empty() && request.onText)
    request.onText(text);
}

ErrorOr<void> Generator::show(int32_t token) {
  if (!info.has_tokenizer)
    return {};
  ErrorOr<std::string> bytes = detokenize(model, {&token, 1}, false, isContinuation);
  if (!bytes)
    return bytes.takeError();
  isContinuation = true;
  emit(stream.push(*bytes));
  return {};
}

void Generator::noteRepeats(int32_t token) {
  const std::vector<int32_t> &tokens = result.tokens;
  bool isSame = !tokens.empty() && tokens.back() == token;
  repeats = isSame ? repeats + 1 : 1;
  if (repeats == suspiciousRepeats && !hasWarned) {
    hasWarned = true;
    std::fprintf(stderr,
                 "\nwarning: the model has chosen token %d %zu times in a row; if it does so with "
                 "other prompts too, its numbers are wrong: try --check\n",
                 token, repeats);
  }
}

/// Chooses a token; false where it was the last one.
ErrorOr<bool> Generator::takeNext() {
  int32_t token = -1;
  if (tawny_sample(model, sampler.get(), 0, &token) != TAWNY_OK)
    return lastError(model);
  if (token == info.eos) {
    stop(StopReason::EndOfSequence);
    return false;
  }
  noteRepeats(token);
  result.tokens.push_back(token);
  if (ErrorOr<void> shown = show(token); !shown)
    return shown.takeError();
  if (result.tokens.size() >= request.maxTokens)
    return false;
  return step(token);
}

/// Computes the logits after `token`; false where there is no room for it.
ErrorOr<bool> Generator::step(int32_t token) {
  if (interrupted()) {
    stop(StopReason::Interrupted);
    return false;
  }
  tawny_span span = {sequence, &token, 1, nullptr};
  switch (tawny_step(model, &span, 1)) {
  case TAWNY_OK:
    ++result.decodeSteps;
    return true;
  case TAWNY_CONTEXT_FULL:
    stop(StopReason::ContextFull);
    return false;
  case TAWNY_EXHAUSTED:
    stop(StopReason::PoolFull);
    return false;
  default:
    return lastError(model);
  }
}

ErrorOr<Generation> Generator::run() {
  if (ErrorOr<void> fits = checkPrompt(); !fits)
    return fits.takeError();
  sampler.reset(tawny_create_sampler(model, &request.sampling));
  if (!sampler || tawny_create_sequence(model, &sequence) != TAWNY_OK)
    return lastError(model);
  for (int32_t token : request.prompt)
    if (tawny_sampler_accept(model, sampler.get(), token) != TAWNY_OK)
      return lastError(model);
  if (info.has_tokenizer) {
    ErrorOr<std::string> before = detokenize(model, request.prompt, false, false);
    if (!before)
      return before.takeError();
    isContinuation = !before->empty();
  }

  result.prefillStart = std::chrono::steady_clock::now();
  if (ErrorOr<void> computed = prefill(); !computed)
    return computed.takeError();
  result.prefillMs = millisecondsSince(result.prefillStart);
  if (result.prefilled < request.prompt.size()) {
    stop(StopReason::Interrupted);
    return std::move(result);
  }
  auto start = std::chrono::steady_clock::now();
  for (bool more = request.maxTokens > 0; more;) {
    ErrorOr<bool> next = takeNext();
    if (!next)
      return next.takeError();
    more = *next;
  }
  result.decodeMs = millisecondsSince(start);
  emit(stream.push("", /*isEnd=*/true));
  return std::move(result);
}

} // namespace

ErrorOr<Generation> generate(tawny_model *model, const GenerationRequest &request) {
  return Generator(model, request).run();
}

} // namespace tawny::tool
