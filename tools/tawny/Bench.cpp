// tawny bench: tokens per second, beside what the machine could do.
#include "runtime/support/Json.h"
#include "runtime/support/Progress.h"
#include "tools/tawny/BenchRunner.h"
#include "tools/tawny/Profile.h"
#include "tools/tawny/Tool.h"

#include <algorithm>
#include <optional>

namespace tawny::tool {
namespace {

class Bench final : public Subcommand {
public:
  const char *name() const override { return "bench"; }
  Command &declare(ArgumentParser &parser) override;
  ErrorOr<void> validate(const Command &command) override;
  ErrorOr<int> execute() override;

private:
  ErrorOr<std::unique_ptr<Model>> open();
  ErrorOr<void> fit(const BenchRunner &runner);
  ErrorOr<void> measure(BenchRunner &runner);
  ErrorOr<void> runProfile(BenchRunner &runner);
  Json resultJson(const BenchResult &result, const BenchRunner &runner) const;
  void printJson(const Model &model, const BenchRunner &runner) const;
  void printTable(const Model &model, const BenchRunner &runner) const;

  std::string path;
  int64_t prefill = 512, decode = 128, depth = 0, repetitions = 5;
  std::vector<int64_t> batches = {1, 8, 32};
  bool json = false, isProfiling = false;
  std::string tracePath;
  bool isPrefillGiven = false;
  double loadMs = 0, firstMs = 0;
  std::vector<BenchResult> results;
  std::vector<Profile> profiles;
};

Command &Bench::declare(ArgumentParser &parser) {
  constexpr int64_t most = 1 << 28, mostBatch = 1 << 12;
  return parser.command("bench", "measure tokens per second, beside what the machine can do")
      .details("Prefill runs with one sequence, decode with each batch. \"of read\" is set against "
               "reading the same mapped weights between the repetitions, \"of peak\" against the "
               "unit that linears use, both with kernels of the artifact on the same threads, "
               "taken as medians. Weights that fit the caches are read from there, by the model "
               "and by the measurement. Tokens are random with a fixed seed.")
      .positional("MODEL.tawny", &path, "what tawnyc wrote")
      .integer("-p", "N", &prefill, {0, most},
               "tokens of the prefill; 0 leaves it out (default: 512, or the context if that is "
               "shorter)")
      .integer("-n", "N", &decode, {0, most},
               "steps of each decode; 0 leaves it out (default: 128); sequences that fill the KV "
               "pool earlier fall back to the depth and go on")
      .integerList("--batch", "B,B,...", &batches, {1, mostBatch},
                   "sequences that decode at once (default: 1,8,32)")
      .integer("--depth", "D", &depth, {0, most},
               "tokens that each sequence has before the measurement (default: 0)")
      .integer("-r", "R", &repetitions, {1, 10000},
               "repetitions, after one to warm up (default: "
               "5)")
      .flag("--profile", &isProfiling,
            "then run a few steps with every kernel timed by itself, and print the time of each")
      .text("--trace", "FILE", &tracePath,
            "write those steps in Chrome's trace format (chrome://tracing, Perfetto)")
      .flag("--json", &json, "print one JSON object");
}

ErrorOr<void> Bench::validate(const Command &command) {
  isPrefillGiven = command.given("-p");
  if (prefill == 0 && decode == 0)
    return makeError("-p 0 and -n 0 leave nothing to measure");
  return {};
}

ErrorOr<std::unique_ptr<Model>> Bench::open() {
  ModelOptions options;
  options.device = common.device;
  options.threads = static_cast<unsigned>(common.threads);
  options.check = common.check;
  ErrorOr<LaunchMode> launch = launchModeOf(common.launch);
  if (!launch)
    return launch.takeError();
  options.launch = *launch;
  options.maxSequences = static_cast<uint32_t>(std::ranges::max(batches));
  options.maxLogitRows = options.maxSequences;
  std::optional<Progress> bar;
  options.progress = [&](uint64_t bytes, uint64_t total) {
    if (!bar)
      bar.emplace("loading", total, common.quiet);
    bar->update(bytes);
    return true;
  };
  return Model::open(path, options);
}

/// That all that was asked for fits the KV pool, before minutes are spent.
ErrorOr<void> Bench::fit(const BenchRunner &runner) {
  uint64_t room = runner.room(1), before = static_cast<uint64_t>(depth);
  if (!isPrefillGiven && before < room)
    prefill =
        static_cast<int64_t>(std::min<uint64_t>(static_cast<uint64_t>(prefill), room - before));
  if (prefill > 0 && before + static_cast<uint64_t>(prefill) > room)
    return makeError("a prefill of %lld tokens at depth %lld needs a longer context than the %llu "
                     "tokens of the artifact: give a smaller -p or --depth, or compile with larger "
                     "--max-context and --kv-tokens",
                     static_cast<long long>(prefill), static_cast<long long>(depth),
                     static_cast<unsigned long long>(room));
  for (int64_t batch : batches)
    if (uint64_t each = runner.room(static_cast<uint64_t>(batch)); decode > 0 && before >= each)
      return makeError("a decode of batch %lld has room for %llu tokens in each sequence, so depth "
                       "%lld leaves none: give a smaller --batch or --depth, or compile with a "
                       "larger --kv-tokens",
                       static_cast<long long>(batch), static_cast<unsigned long long>(each),
                       static_cast<long long>(depth));
  return {};
}

ErrorOr<void> Bench::measure(BenchRunner &runner) {
  auto tokens = [](int64_t count) { return static_cast<uint64_t>(count); };
  Progress bar("measuring", batches.size() + 1, common.quiet);
  bar.update(0);
  if (prefill > 0) {
    ErrorOr<BenchResult> result = runner.prefill(tokens(prefill), tokens(depth));
    if (!result)
      return result.takeError();
    results.push_back(*result);
  }
  for (size_t i = 0; decode > 0 && i < batches.size(); ++i) {
    bar.update(i + 1);
    ErrorOr<BenchResult> result = runner.decode(tokens(decode), tokens(batches[i]), tokens(depth));
    if (!result)
      return result.takeError();
    results.push_back(*result);
  }
  return {};
}

/// A few steps of each kind, every launch timed by itself.
ErrorOr<void> Bench::runProfile(BenchRunner &runner) {
  constexpr uint64_t mostSteps = 8;
  auto run = [&](std::string title, uint64_t tokens, uint64_t batch) {
    Profile &profile = profiles.emplace_back(std::move(title));
    return runner.profile(profile, tokens, batch, static_cast<uint64_t>(depth));
  };
  if (prefill > 0)
    if (ErrorOr<void> ran = run("prefill of " + std::to_string(prefill) + " tokens",
                                static_cast<uint64_t>(prefill), 0);
        !ran)
      return ran;
  for (size_t i = 0; decode > 0 && i < batches.size(); ++i)
    if (ErrorOr<void> ran = run("decode of batch " + std::to_string(batches[i]),
                                std::min(static_cast<uint64_t>(decode), mostSteps),
                                static_cast<uint64_t>(batches[i]));
        !ran)
      return ran;
  return tracePath.empty() ? ErrorOr<void>() : writeTrace(tracePath, profiles);
}

/// A share of what the machine can do; null where that is not known.
static Json shareOf(double part, double whole) { return whole > 0 ? Json(part / whole) : Json(); }

Json Bench::resultJson(const BenchResult &result, const BenchRunner &runner) const {
  Json object = {{"kind", result.kind},
                 {"tokens", result.tokens},
                 {"batch", result.batch},
                 {"depth", result.depth},
                 {"tokens_per_second", result.tokensPerSecond},
                 {"stddev", result.stddev},
                 {"bytes_per_step", static_cast<uint64_t>(result.step.bytes)},
                 {"gigabytes_per_second", result.bytesPerSecond / 1e9},
                 {"of_read_bandwidth", shareOf(result.bytesPerSecond, runner.readBandwidth())},
                 {"operations_per_step", static_cast<uint64_t>(result.step.operations)},
                 {"of_peak", shareOf(result.operationsPerSecond, runner.peak())}};
  if (result.launch) {
    object["launch"] = *result.launch == LaunchMode::Graph ? "graph" : "eager";
    object["eager"] = result.eager > 0 ? Json(result.eager) : Json();
    object["graph"] = result.graph > 0 ? Json(result.graph) : Json();
  }
  return object;
}

void Bench::printJson(const Model &model, const BenchRunner &runner) const {
  Json list = Json::array();
  for (const BenchResult &result : results)
    list.push_back(resultJson(result, runner));
  double read = runner.readBandwidth();
  Json object = {{"model", model.header().model()->name()->str()},
                 {"device", std::string(model.device().kind())},
                 {"target", model.target().name()->str()},
                 {"threads", model.device().threads()},
                 {"load_ms", loadMs},
                 {"first_dispatch_ms", firstMs},
                 {"read_gigabytes_per_second", read > 0 ? Json(read / 1e9) : Json()},
                 {"results", list}};
  for (const Profile &profile : profiles)
    object["profile"].push_back(profile.json());
  print(dumpJson(object) + "\n");
}

/// "87.5%" of `whole`, or "-" where that is not known.
static std::string percentOf(double part, double whole) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f%%", 100 * part / whole);
  return whole > 0 ? text : "-";
}

void Bench::printTable(const Model &model, const BenchRunner &runner) const {
  uint64_t weightBytes = 0;
  for (const Buffer &segment : model.weightSegments())
    weightBytes += segment.bytes();
  std::string threads = std::to_string(model.device().threads()) + " threads";
  std::printf("%s, %s weights, on %.*s (%s)%s\n", model.header().model()->name()->c_str(),
              formatBytes(weightBytes).c_str(),
              static_cast<int>(model.device().description().size()),
              model.device().description().data(), model.target().name()->c_str(),
              model.device().threads() ? (", " + threads).c_str() : "");
  std::printf("load %.1f ms, first step %.2f ms\n", loadMs, firstMs);
  if (runner.readBandwidth() > 0)
    std::printf("reading the weights: %.1f GB/s; peak: %.1f Gop/s of %s\n\n",
                runner.readBandwidth() / 1e9, runner.peak() / 1e9,
                model.target().probes()->peak_unit()->c_str());
  else
    std::printf("what the machine can do was not measured: %s\n\n",
                model.device().isSimulated() ? "it is simulated"
                                             : "the artifact has no kernels for it");
  bool isRecorded = std::ranges::any_of(
      results, [](const BenchResult &result) { return result.launch.has_value(); });
  std::printf("%-8s%8s%7s%7s%12s%10s%9s%9s%9s%s\n", "kind", "tokens", "batch", "depth", "tokens/s",
              "stddev", "GB/s", "of read", "of peak", isRecorded ? "     eager     graph" : "");
  for (const BenchResult &result : results) {
    std::printf("%-8s%8llu%7llu%7llu%12.1f%10.1f%9.2f%9s%9s", result.kind.c_str(),
                static_cast<unsigned long long>(result.tokens),
                static_cast<unsigned long long>(result.batch),
                static_cast<unsigned long long>(result.depth), result.tokensPerSecond,
                result.stddev, result.bytesPerSecond / 1e9,
                percentOf(result.bytesPerSecond, runner.readBandwidth()).c_str(),
                percentOf(result.operationsPerSecond, runner.peak()).c_str());
    for (double rate : {result.eager, result.graph})
      if (result.launch)
        rate > 0 ? std::printf("%10.1f", rate) : std::printf("%10s", "-");
    std::printf("\n");
  }
  for (const Profile &profile : profiles)
    profile.printTable();
}

ErrorOr<int> Bench::execute() {
  auto start = std::chrono::steady_clock::now();
  ErrorOr<std::unique_ptr<Model>> model = open();
  if (!model)
    return model.takeError();
  ErrorOr<BenchRunner> runner = BenchRunner::create(**model, static_cast<uint64_t>(repetitions));
  if (!runner)
    return runner.takeError();
  loadMs = millisecondsSince(start);
  if (ErrorOr<void> fits = fit(*runner); !fits)
    return fits.takeError();
  ErrorOr<double> first = runner->firstStep();
  if (!first)
    return first.takeError();
  firstMs = *first;
  if (ErrorOr<void> measured = measure(*runner); !measured)
    return measured.takeError();
  if (isProfiling || !tracePath.empty())
    if (ErrorOr<void> profiled = runProfile(*runner); !profiled)
      return profiled.takeError();
  if (json)
    printJson(**model, *runner);
  else
    printTable(**model, *runner);
  return done;
}

} // namespace

std::unique_ptr<Subcommand> makeBench() { return std::make_unique<Bench>(); }

} // namespace tawny::tool
