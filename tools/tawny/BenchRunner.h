// Times prefill and decode of one model, and the machine under it, turn by turn.
#pragma once

#include "runtime/executor/Executor.h"
#include "runtime/executor/Model.h"
#include "runtime/support/Error.h"
#include "tools/tawny/Profile.h"

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace tawny::tool {

/// What a step moves and does, from the artifact: weights of the program that runs, once per part
/// that the step is cut into, and the KV that attention reads.
struct StepCost {
  double bytes = 0;
  double operations = 0;
};

struct BenchResult {
  std::string kind; ///< prefill or decode
  uint64_t tokens = 0;
  uint64_t batch = 0;
  uint64_t depth = 0;
  double tokensPerSecond = 0; ///< mean of the repetitions
  double stddev = 0;
  StepCost step; ///< mean of a repetition's steps
  double bytesPerSecond = 0;
  double operationsPerSecond = 0;
  /// Of a decode on a device that can record launches: tokens per second either way, 0 where that
  /// was not measured, and which way the rest of this structure is about.
  double eager = 0, graph = 0;
  std::optional<LaunchMode> launch;
};

/// Reads the mapped weights with the artifact's own kernel on the device's own threads. What a step
/// reads is what is read here, so both find it in the same caches.
class ReadProbe {
public:
  /// Without launches where the target has no kernels to measure with or nothing is to be timed.
  static ErrorOr<ReadProbe> create(Model &model);

  /// Whether pass() measures anything.
  bool isThere() const { return !launches.empty(); }

  /// One timed pass, at least 256 MiB long, of a GPU 4 GiB: small weights are read many times in
  /// it. In bytes per second.
  ErrorOr<double> pass();

private:
  explicit ReadProbe(Model &model) : model(&model) {}

  Model *model;
  Buffer sink;
  std::vector<void *> addresses;
  std::vector<Launch> launches;
  uint64_t bytes = 0;
};

/// Tokens are random with a fixed seed: what they are does not change the work.
class BenchRunner {
public:
  static ErrorOr<BenchRunner> create(Model &model, uint64_t repetitions);

  /// Milliseconds of a first step with one token, before anything else runs.
  ErrorOr<double> firstStep();

  /// `tokens` new tokens of one sequence that has `depth`, in one step.
  ErrorOr<BenchResult> prefill(uint64_t tokens, uint64_t depth);

  /// `tokens` steps of one token for each of `batch` sequences that have `depth`. Where the pool or
  /// the context is full earlier, the sequences fall back to `depth` and go on.
  ErrorOr<BenchResult> decode(uint64_t tokens, uint64_t batch, uint64_t depth);

  /// Tokens that each of `batch` sequences can have.
  uint64_t room(uint64_t batch) const;

  /// Runs every launch of a few steps between two events: a prefill of `tokens` where `batch` is 0,
  /// else `tokens` decodes.
  ErrorOr<void> profile(Profile &observer, uint64_t tokens, uint64_t batch, uint64_t depth);

  /// The median of all passes between the repetitions so far, in bytes per second; 0 where nothing
  /// could be measured.
  double readBandwidth() const { return medianOf(reads); }
  /// The median of one measurement per result, in operations per second.
  double peak() const { return medianOf(peaks); }

private:
  BenchRunner(Model &model, std::unique_ptr<Executor> executor, ReadProbe probe,
              uint64_t repetitions)
      : model(&model), executor(std::move(executor)), probe(std::move(probe)),
        repetitions(repetitions) {}

  static double medianOf(std::vector<double> values);
  ErrorOr<void> start(uint64_t batch, uint64_t depth);
  void finish();
  ErrorOr<void> step(std::span<const SequenceInput> batch);
  ErrorOr<void> measureMachine();
  /// Of a step in which each input's sequence has `length` tokens before.
  StepCost costOf(std::span<const SequenceInput> batch, uint64_t length) const;
  std::vector<int32_t> randomTokens(uint64_t count);
  std::vector<SequenceInput> decodeBatch(std::span<const int32_t> tokens) const;
  StepCost decodeCost(uint64_t tokens, uint64_t depth);
  ErrorOr<double> timeDecode(uint64_t tokens, uint64_t depth);
  ErrorOr<std::vector<double>> decodeRates(uint64_t tokens, uint64_t batch, uint64_t depth);
  ErrorOr<std::vector<double>> decodeRates(BenchResult &result);
  static void summarise(BenchResult &result, const std::vector<double> &rates);

  Model *model;
  std::unique_ptr<Executor> executor;
  ReadProbe probe;
  uint64_t repetitions;
  std::minstd_rand random{1};
  std::vector<SequenceId> sequences;
  std::vector<double> reads, peaks;
};

} // namespace tawny::tool
