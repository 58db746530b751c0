// tawny perplexity: how well the model predicts a text.
#include "runtime/support/InputFile.h"
#include "runtime/support/Json.h"
#include "runtime/support/Progress.h"
#include "tools/tawny/Tool.h"

#include <algorithm>
#include <cmath>

namespace tawny::tool {
namespace {

constexpr size_t maxTextBytes = size_t(1) << 28;

/// -log p of `token` under the softmax of `logits`.
double negativeLogLikelihood(std::span<const float> logits, int32_t token) {
  double largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (float logit : logits)
    sum += std::exp(double(logit) - largest);
  return std::log(sum) + largest - double(logits[static_cast<size_t>(token)]);
}

class Perplexity final : public Subcommand {
public:
  const char *name() const override { return "perplexity"; }
  Command &declare(ArgumentParser &parser) override;
  ErrorOr<void> validate(const Command &command) override;
  ErrorOr<int> execute() override;

private:
  ErrorOr<std::vector<int32_t>> input(tawny_model *model) const;
  ErrorOr<void> score(tawny_model *model, const std::vector<int32_t> &ids, size_t begin, size_t end,
                      Progress &bar);

  std::string path, text, tokens;
  bool json = false;
  bool hasText = false;
  std::vector<double> losses; ///< of ids[1], ids[2], …
};

Command &Perplexity::declare(ArgumentParser &parser) {
  return parser.command("perplexity", "measure how well the model predicts a text")
      .details("That is exp of the mean negative log likelihood of each token after the first. "
               "What is longer than the context is read in windows of that length that overlap by "
               "half, so that each token is predicted once, from at least half a context.")
      .positional("MODEL.tawny", &path, "what tawnyc wrote")
      .text("--text", "FILE", &text, "a file of text, - for standard input; BOS is put in front")
      .text("--tokens", "IDS.json|1,2,3", &tokens, "token ids; nothing is added")
      .flag("--json", &json,
            "print one JSON object: perplexity, tokens (how many were predicted), nll (of each)");
}

ErrorOr<void> Perplexity::validate(const Command &command) {
  hasText = command.given("--text");
  if (hasText == command.given("--tokens"))
    return makeError("expected one of --text FILE and --tokens IDS.json, found %s",
                     hasText ? "both" : "neither");
  return {};
}

ErrorOr<std::vector<int32_t>> Perplexity::input(tawny_model *model) const {
  if (!hasText)
    return readTokens(model, tokens);
  ErrorOr<std::string> bytes = readInput(text, maxTextBytes);
  if (!bytes)
    return bytes.takeError();
  return tokenize(model, *bytes, infoOf(model).add_bos, false);
}

/// Reads ids[begin, end) into a new sequence and appends the losses of those that have none yet.
ErrorOr<void> Perplexity::score(tawny_model *model, const std::vector<int32_t> &ids, size_t begin,
                                size_t end, Progress &bar) {
  tawny_model_info info = infoOf(model);
  tawny_sequence sequence;
  if (tawny_create_sequence(model, &sequence) != TAWNY_OK)
    return lastError(model);
  for (size_t first = begin; first < end;) {
    size_t count = std::min<size_t>(info.max_logit_rows, end - first);
    // Logits at position p predict ids[p + 1].
    std::vector<uint8_t> wanted(count);
    for (size_t i = 0; i < count; ++i)
      wanted[i] = first + i + 1 > losses.size() && first + i + 1 < end;
    tawny_span span = {sequence, ids.data() + first, count, wanted.data()};
    if (tawny_step(model, &span, 1) != TAWNY_OK)
      return lastError(model);
    size_t rows = 0;
    const float *row = tawny_logits(model, &rows);
    for (size_t i = 0; i < count; ++i) {
      if (!wanted[i])
        continue;
      losses.push_back(negativeLogLikelihood({row, info.vocabulary}, ids[first + i + 1]));
      row += info.vocabulary;
    }
    first += count;
    bar.update(losses.size());
  }
  if (tawny_free_sequence(model, sequence) != TAWNY_OK)
    return lastError(model);
  return {};
}

ErrorOr<int> Perplexity::execute() {
  tawny_options options = optionsFor(common);
  options.max_sequences = 1;
  ErrorOr<ModelHandle> model = openModel(path, options, common.quiet);
  if (!model)
    return model.takeError();
  ErrorOr<std::vector<int32_t>> ids = input(model->get());
  if (!ids)
    return ids.takeError();
  if (ids->size() < 2)
    return makeError("expected at least two tokens, of which the second is predicted, found %zu",
                     ids->size());
  tawny_model_info info = infoOf(model->get());
  size_t window = std::min<size_t>(info.max_context, size_t(info.pages) * info.page_tokens);
  if (window < 2)
    return makeError("'%s' was compiled for a context of %zu token: nothing can be predicted",
                     path.c_str(), window);
  Progress bar("predicting", ids->size() - 1, common.quiet);
  for (size_t begin = 0; losses.size() + 1 < ids->size(); begin += std::max<size_t>(1, window / 2))
    if (ErrorOr<void> scored =
            score(model->get(), *ids, begin, std::min(begin + window, ids->size()), bar);
        !scored)
      return scored.takeError();
  bar.finish();
  double sum = 0;
  for (double loss : losses)
    sum += loss;
  double mean = sum / static_cast<double>(losses.size());
  if (!std::isfinite(mean))
    return makeError("the model's logits are not finite: try --check, which names the dispatch");
  if (json)
    print(dumpJson({{"perplexity", std::exp(mean)}, {"tokens", losses.size()}, {"nll", losses}}) +
          "\n");
  else
    std::printf("perplexity %.4f over %zu tokens (mean nll %.4f)\n", std::exp(mean), losses.size(),
                mean);
  return done;
}

} // namespace

std::unique_ptr<Subcommand> makePerplexity() { return std::make_unique<Perplexity>(); }

} // namespace tawny::tool
