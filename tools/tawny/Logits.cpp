// tawny logits: the model's numbers for given tokens, as a file that other programs can compare.
#include "runtime/support/Safetensors.h"
#include "tools/tawny/Tool.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

namespace tawny::tool {
namespace {

/// How far two copies of a sequence may be apart that ran in different programs: normalised mean
/// squared error of a position's logits. In f32 only the order of additions differs; what is
/// rounded to fewer bits may round to the neighbour, so there the bounds are those against a
/// reference.
double toleranceOf(std::string_view activations) {
  if (activations == "f32")
    return 1e-9;
  if (activations == "f16")
    return 1e-5;
  return activations == "bf16" ? 1e-4 : 1e-3;
}

double normalisedError(std::span<const float> values, std::span<const float> expected) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    double difference = double(values[i]) - double(expected[i]);
    error += difference * difference;
    norm += double(expected[i]) * double(expected[i]);
  }
  // Neither may be NaN: a comparison with the tolerance would then be false.
  if (!std::isfinite(error) || !std::isfinite(norm))
    return HUGE_VAL;
  return error == 0 ? 0 : error / std::max(norm, 1e-30);
}

/// Runs copies of one sequence in one batch, the next copy one step behind, so that each position
/// is computed beside ever different neighbours, and compares them with the first copy.
class StaggeredCopies {
public:
  StaggeredCopies(tawny_model *model, const std::vector<int32_t> &tokens, size_t copies,
                  bool oneByOne)
      : model(model), tokens(tokens), info(infoOf(model)), vocabulary(info.vocabulary),
        chunk(oneByOne ? 1 : std::max<size_t>(1, info.max_logit_rows / copies)), sequences(copies),
        window(copies * chunk), recent(window * vocabulary) {}

  ErrorOr<void> run(SafetensorsWriter &output);

  bool areIdentical() const { return worst == 0; }
  double worstError() const { return worst; }
  size_t worstPosition() const { return worstAt; }

private:
  ErrorOr<void> checkRoom() const;
  ErrorOr<bool> step(size_t tick, SafetensorsWriter &output);
  ErrorOr<void> compare(size_t copy, size_t position, std::span<const float> row);

  tawny_model *model;
  const std::vector<int32_t> &tokens;
  tawny_model_info info;
  size_t vocabulary;
  size_t chunk; ///< tokens that a copy brings to a step
  std::vector<tawny_sequence> sequences;
  size_t window; ///< positions between the first copy and the last
  /// Logits of the first copy, [window, vocabulary]; position p lies in row p % window.
  std::vector<float> recent;
  double worst = 0;
  size_t worstAt = 0;
};

ErrorOr<void> StaggeredCopies::checkRoom() const {
  if (tokens.size() > info.max_context)
    return makeError("expected at most %u tokens, the context that the artifact was compiled for, "
                     "found %zu: give fewer or compile with a larger --max-context",
                     info.max_context, tokens.size());
  uint64_t pages = (tokens.size() + info.page_tokens - 1) / info.page_tokens * sequences.size();
  if (pages > info.pages)
    return makeError("%zu tokens in %zu copies take %llu pages of the KV pool, which has %u: give "
                     "fewer tokens or copies, or compile with --kv-tokens=%llu",
                     tokens.size(), sequences.size(), static_cast<unsigned long long>(pages),
                     info.pages, static_cast<unsigned long long>(pages * info.page_tokens));
  return {};
}

ErrorOr<void> StaggeredCopies::compare(size_t copy, size_t position, std::span<const float> row) {
  std::span<const float> first(recent.data() + position % window * vocabulary, vocabulary);
  if (std::memcmp(row.data(), first.data(), row.size_bytes()) == 0)
    return {};
  double error = normalisedError(row, first);
  double tolerance = toleranceOf(info.activations);
  if (!(error <= tolerance))
    return makeError("copy %zu of the sequence differs from the first at position %zu: expected an "
                     "NMSE of at most %.0e, found %.3e; a sequence's result depends on its "
                     "neighbours in the batch",
                     copy, position, tolerance, error);
  if (error > worst) {
    worst = error;
    worstAt = position;
  }
  return {};
}

/// One batch: each copy that has started and not finished brings its next tokens. False where none
/// has any.
ErrorOr<bool> StaggeredCopies::step(size_t tick, SafetensorsWriter &output) {
  std::vector<uint8_t> all(chunk, 1);
  std::vector<tawny_span> spans;
  std::vector<size_t> copies;
  for (size_t copy = 0; copy < std::min(sequences.size(), tick + 1); ++copy) {
    size_t first = (tick - copy) * chunk;
    if (first >= tokens.size())
      continue;
    size_t count = std::min(chunk, tokens.size() - first);
    spans.push_back({sequences[copy], tokens.data() + first, count, all.data()});
    copies.push_back(copy);
  }
  if (spans.empty())
    return false;
  if (tawny_step(model, spans.data(), spans.size()) != TAWNY_OK)
    return lastError(model);
  size_t rows = 0;
  const float *row = tawny_logits(model, &rows);
  for (size_t i = 0; i < spans.size(); ++i)
    for (size_t j = 0; j < spans[i].count; ++j, row += vocabulary) {
      size_t position = (tick - copies[i]) * chunk + j;
      std::span<const float> values(row, vocabulary);
      ErrorOr<void> taken;
      if (copies[i] == 0) {
        std::ranges::copy(values, recent.begin() + ptrdiff_t(position % window * vocabulary));
        taken = output.append(values);
      } else {
        taken = compare(copies[i], position, values);
      }
      if (!taken)
        return taken.takeError();
    }
  return true;
}

ErrorOr<void> StaggeredCopies::run(SafetensorsWriter &output) {
  if (ErrorOr<void> room = checkRoom(); !room)
    return room;
  for (tawny_sequence &sequence : sequences)
    if (tawny_create_sequence(model, &sequence) != TAWNY_OK)
      return lastError(model);
  for (size_t tick = 0;; ++tick) {
    ErrorOr<bool> more = step(tick, output);
    if (!more)
      return more.takeError();
    if (!*more)
      return {};
  }
}

class Logits final : public Subcommand {
public:
  const char *name() const override { return "logits"; }
  Command &declare(ArgumentParser &parser) override;
  ErrorOr<void> validate(const Command &command) override;
  ErrorOr<int> execute() override;

private:
  std::string path, tokens, output;
  bool decode = false;
  int64_t batch = 1;
};

Command &Logits::declare(ArgumentParser &parser) {
  constexpr int64_t mostCopies = 1 << 12;
  return parser.command("logits", "write the logits of every token of a sequence to a file")
      .details("The file is in the safetensors format, with one tensor, \"logits\", f32 [tokens, "
               "vocabulary]: for comparison with other implementations.")
      .positional("MODEL.tawny", &path, "what tawnyc wrote")
      .text("--tokens", "IDS.json|1,2,3", &tokens, "the sequence; nothing is added")
      .text("-o,--output", "OUT.safetensors", &output, "the file to write")
      .flag("--decode", &decode,
            "feed one token at a time, as generation does, instead of many at once")
      .integer("--batch", "B", &batch, {1, mostCopies},
               "compute B copies in one batch, each starting a step after the one before; fail "
               "where they disagree (default: 1)");
}

ErrorOr<void> Logits::validate(const Command &command) {
  for (const char *needed : {"--tokens", "-o"})
    if (!command.given(needed))
      return makeError("%s is missing", needed);
  return {};
}

ErrorOr<int> Logits::execute() {
  constexpr uint32_t usualRows = 64;
  tawny_options options = optionsFor(common);
  options.max_sequences = static_cast<uint32_t>(batch);
  options.max_logit_rows = std::max(usualRows, options.max_sequences);
  ErrorOr<ModelHandle> model = openModel(path, options, common.quiet);
  if (!model)
    return model.takeError();
  ErrorOr<std::vector<int32_t>> ids = readTokens(model->get(), tokens);
  if (!ids)
    return ids.takeError();
  if (ids->empty())
    return makeError("--tokens: expected at least one token, found none");
  tawny_model_info info = infoOf(model->get());
  ErrorOr<SafetensorsWriter> file = SafetensorsWriter::create(
      output, {{"logits", SafetensorsType::F32, {ids->size(), info.vocabulary}}});
  if (!file)
    return file.takeError();
  StaggeredCopies copies(model->get(), *ids, static_cast<size_t>(batch), decode);
  if (ErrorOr<void> computed = copies.run(*file); !computed)
    return computed.takeError();
  if (ErrorOr<void> written = file->commit(); !written)
    return written.takeError();
  if (batch > 1 && !common.quiet) {
    if (copies.areIdentical())
      std::fprintf(stderr, "%lld copies agree bit for bit\n", static_cast<long long>(batch));
    else
      std::fprintf(stderr, "%lld copies agree within an NMSE of %.1e (position %zu)\n",
                   static_cast<long long>(batch), copies.worstError(), copies.worstPosition());
  }
  return done;
}

} // namespace

std::unique_ptr<Subcommand> makeLogits() { return std::make_unique<Logits>(); }

} // namespace tawny::tool
