#include "tools/tawny/BenchRunner.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace tawny::tool {

using Clock = std::chrono::steady_clock;

static double secondsSince(Clock::time_point start) {
  std::chrono::duration<double> elapsed = Clock::now() - start;
  return std::max(elapsed.count(), 1e-9);
}

ErrorOr<BenchRunner> BenchRunner::create(Model &model, uint64_t repetitions) {
  ErrorOr<std::unique_ptr<Executor>> executor = Executor::create(model);
  if (!executor)
    return executor.takeError();
  ErrorOr<ReadProbe> probe = ReadProbe::create(model);
  if (!probe)
    return probe.takeError();
  return BenchRunner(model, std::move(*executor), std::move(*probe), repetitions);
}

std::vector<int32_t> BenchRunner::randomTokens(uint64_t count) {
  std::vector<int32_t> tokens(count);
  for (int32_t &token : tokens)
    token = static_cast<int32_t>(random() % model->vocabulary());
  return tokens;
}

uint64_t BenchRunner::room(uint64_t batch) const {
  const KvPool::Bounds &bounds = model->bounds().kv;
  return std::min<uint64_t>(bounds.pages / batch * bounds.pageTokens, bounds.maxTokens);
}

ErrorOr<void> BenchRunner::step(std::span<const SequenceInput> batch) {
  ErrorOr<StepResult> result = executor->step(batch);
  if (!result)
    return result.takeError();
  if (result->outcome != KvPool::Outcome::Done)
    return makeError("the KV pool is full: give a smaller --depth or --batch, or compile with a "
                     "larger --kv-tokens");
  return {};
}

/// Makes `batch` sequences of `depth` tokens, none of which shares memory with another.
ErrorOr<void> BenchRunner::start(uint64_t batch, uint64_t depth) {
  std::vector<uint8_t> noLogits(depth);
  for (uint64_t i = 0; i < batch; ++i) {
    std::optional<SequenceId> sequence = executor->sequences().create();
    if (!sequence)
      return makeError("expected room for %llu sequences, found %llu",
                       static_cast<unsigned long long>(batch), static_cast<unsigned long long>(i));
    sequences.push_back(*sequence);
    if (depth == 0)
      continue;
    std::vector<int32_t> tokens = randomTokens(depth);
    SequenceInput input = {*sequence, tokens, noLogits.data()};
    if (ErrorOr<void> filled = step({&input, 1}); !filled)
      return filled;
  }
  return {};
}

void BenchRunner::finish() {
  for (SequenceId sequence : sequences)
    executor->sequences().free(sequence);
  sequences.clear();
}

/// The program that Executor::step takes for the batch, and what it reads in all parts.
StepCost BenchRunner::costOf(std::span<const SequenceInput> batch, uint64_t length) const {
  const fb::Program *chosen = nullptr;
  for (const fb::Program *program : *model->target().programs()) {
    bool isFitting = program->kind() == fb::ProgramKind::Step ||
                     (program->kind() == fb::ProgramKind::Decode && isDecode(batch) &&
                      batch.size() <= program->step()->max_sequences());
    bool isBetter = !chosen || chosen->kind() == fb::ProgramKind::Step ||
                    (program->kind() == fb::ProgramKind::Decode &&
                     program->step()->max_sequences() < chosen->step()->max_sequences());
    if (isFitting && isBetter)
      chosen = program;
  }
  const fb::KvGeometry &kv = *model->target().kv();
  double tokenBytes = double(kv.layers()) * double(kv.k_page_bytes() + kv.v_page_bytes()) /
                      double(kv.page_tokens());
  StepCost cost;
  StepPlanner planner(chosen->step()->max_sequences());
  planner.begin(batch, *chosen->step());
  while (planner.next()) {
    cost.bytes += double(chosen->weight_bytes());
    cost.operations +=
        double(planner.extents().tokens) * double(chosen->operations_per_token()) +
        double(planner.extents().logitRows) * double(chosen->operations_per_logit_row());
    // Each sequence's keys and values are counted once per part, up to its last token there.
    for (const Slice &slice : planner.slices())
      cost.bytes += tokenBytes * (double(length) + double(slice.firstToken) + slice.tokens);
  }
  return cost;
}

void BenchRunner::summarise(BenchResult &result, const std::vector<double> &rates) {
  auto count = static_cast<double>(rates.size());
  double sum = 0, squares = 0;
  for (double rate : rates)
    sum += rate;
  result.tokensPerSecond = sum / count;
  for (double rate : rates)
    squares += (rate - result.tokensPerSecond) * (rate - result.tokensPerSecond);
  result.stddev = rates.size() > 1 ? std::sqrt(squares / (count - 1)) : 0;
  double tokensPerStep =
      result.kind == "prefill" ? static_cast<double>(result.tokens) : double(result.batch);
  double stepsPerSecond = result.tokensPerSecond / tokensPerStep;
  result.bytesPerSecond = result.step.bytes * stepsPerSecond;
  result.operationsPerSecond = result.step.operations * stepsPerSecond;
}

ErrorOr<double> BenchRunner::firstStep() {
  if (ErrorOr<void> started = start(1, 0); !started)
    return started.takeError();
  std::vector<int32_t> token = randomTokens(1);
  SequenceInput input = {sequences[0], token, nullptr};
  // Not the step that measures how to launch.
  executor->setLaunchMode(LaunchMode::Eager);
  Clock::time_point begin = Clock::now();
  if (ErrorOr<void> computed = step({&input, 1}); !computed)
    return computed.takeError();
  double milliseconds = 1e3 * secondsSince(begin);
  executor->setLaunchMode(model->launchMode());
  finish();
  return milliseconds;
}

ErrorOr<BenchResult> BenchRunner::prefill(uint64_t tokens, uint64_t depth) {
  BenchResult result;
  result.kind = "prefill";
  result.tokens = tokens;
  result.batch = 1;
  result.depth = depth;
  if (ErrorOr<void> measured = measureMachine(); !measured)
    return measured.takeError();
  if (ErrorOr<void> started = start(1, depth); !started)
    return started.takeError();
  std::vector<double> rates;
  // The first repetition warms up and is not counted.
  for (uint64_t repetition = 0; repetition <= repetitions; ++repetition) {
    std::vector<int32_t> ids = randomTokens(tokens);
    SequenceInput input = {sequences[0], ids, nullptr};
    result.step = costOf({&input, 1}, depth);
    Clock::time_point begin = Clock::now();
    if (ErrorOr<void> computed = step({&input, 1}); !computed)
      return computed.takeError();
    double seconds = secondsSince(begin);
    executor->sequences().truncate(sequences[0], static_cast<uint32_t>(depth));
    ErrorOr<double> read = probe.pass();
    if (!read)
      return read.takeError();
    if (repetition == 0)
      continue;
    rates.push_back(static_cast<double>(tokens) / seconds);
    reads.push_back(*read);
  }
  finish();
  summarise(result, rates);
  return result;
}

/// One token for each sequence; the batch points into `tokens`.
std::vector<SequenceInput> BenchRunner::decodeBatch(std::span<const int32_t> tokens) const {
  std::vector<SequenceInput> batch;
  for (size_t i = 0; i < sequences.size(); ++i)
    batch.push_back({sequences[i], tokens.subspan(i, 1), nullptr});
  return batch;
}

/// The mean of what timeDecode's steps cost, found outside the time that is measured.
StepCost BenchRunner::decodeCost(uint64_t tokens, uint64_t depth) {
  uint64_t most = room(sequences.size());
  std::vector<int32_t> ids(sequences.size());
  std::vector<SequenceInput> batch = decodeBatch(ids);
  StepCost sum;
  for (uint64_t i = 0; i < tokens; ++i) {
    StepCost cost = costOf(batch, depth + i % (most - depth));
    sum.bytes += cost.bytes;
    sum.operations += cost.operations;
  }
  return {sum.bytes / double(tokens), sum.operations / double(tokens)};
}

/// Seconds of `tokens` steps of all sequences, which have `depth` tokens before and after.
ErrorOr<double> BenchRunner::timeDecode(uint64_t tokens, uint64_t depth) {
  uint64_t most = room(sequences.size());
  auto rewind = [&] {
    for (SequenceId sequence : sequences)
      executor->sequences().truncate(sequence, static_cast<uint32_t>(depth));
  };
  std::vector<int32_t> ids = randomTokens(sequences.size());
  std::vector<SequenceInput> batch = decodeBatch(ids);
  Clock::time_point begin = Clock::now();
  for (uint64_t i = 0; i < tokens; ++i) {
    if (executor->sequences().length(sequences[0]) >= most)
      rewind();
    if (ErrorOr<void> computed = step(batch); !computed)
      return computed.takeError();
  }
  double seconds = secondsSince(begin);
  rewind();
  return seconds;
}

/// Tokens per second of each repetition but the first, which warms up.
ErrorOr<std::vector<double>> BenchRunner::decodeRates(uint64_t tokens, uint64_t batch,
                                                      uint64_t depth) {
  std::vector<double> rates;
  for (uint64_t repetition = 0; repetition <= repetitions; ++repetition) {
    ErrorOr<double> seconds = timeDecode(tokens, depth);
    if (!seconds)
      return seconds.takeError();
    ErrorOr<double> read = probe.pass();
    if (!read)
      return read.takeError();
    if (repetition == 0)
      continue;
    rates.push_back(static_cast<double>(tokens * batch) / *seconds);
    reads.push_back(*read);
  }
  return rates;
}

static double meanOf(const std::vector<double> &values) {
  double sum = 0;
  for (double value : values)
    sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

/// On a device that can record launches both ways are measured, unless the user wants one of them;
/// the rates are those of the way that the model takes by itself.
ErrorOr<std::vector<double>> BenchRunner::decodeRates(BenchResult &result) {
  uint64_t tokens = result.tokens, batch = result.batch, depth = result.depth;
  if (!model->device().canRecord() || model->checks())
    return decodeRates(tokens, batch, depth);
  LaunchMode wanted = model->launchMode();
  bool isBoth = wanted == LaunchMode::Auto && !model->device().isSimulated();
  if (wanted == LaunchMode::Auto) {
    executor->setLaunchMode(LaunchMode::Auto);
    ErrorOr<double> first = timeDecode(1, depth);
    if (!first)
      return first.takeError();
    wanted = executor->chosenMode(static_cast<uint32_t>(batch)).value_or(LaunchMode::Eager);
  }
  std::vector<double> chosen;
  for (LaunchMode mode : {LaunchMode::Eager, LaunchMode::Graph}) {
    if (mode != wanted && !isBoth)
      continue;
    executor->setLaunchMode(mode);
    ErrorOr<std::vector<double>> rates = decodeRates(tokens, batch, depth);
    if (!rates && mode == wanted)
      return rates;
    if (!rates) // The device cannot do this one, which is why the other was chosen.
      continue;
    (mode == LaunchMode::Eager ? result.eager : result.graph) = meanOf(*rates);
    if (mode == wanted)
      chosen = std::move(*rates);
  }
  executor->setLaunchMode(model->launchMode());
  result.launch = wanted;
  return chosen;
}

ErrorOr<BenchResult> BenchRunner::decode(uint64_t tokens, uint64_t batch, uint64_t depth) {
  BenchResult result;
  result.kind = "decode";
  result.tokens = tokens;
  result.batch = batch;
  result.depth = depth;
  if (ErrorOr<void> measured = measureMachine(); !measured)
    return measured.takeError();
  if (ErrorOr<void> started = start(batch, depth); !started)
    return started.takeError();
  result.step = decodeCost(tokens, depth);
  ErrorOr<std::vector<double>> rates = decodeRates(result);
  if (!rates)
    return rates.takeError();
  finish();
  summarise(result, *rates);
  return result;
}

ErrorOr<void> BenchRunner::profile(Profile &observer, uint64_t tokens, uint64_t batch,
                                   uint64_t depth) {
  if (ErrorOr<void> started = start(std::max<uint64_t>(batch, 1), depth); !started)
    return started;
  // The first round warms up and is not seen. A simulator needs none.
  bool isWarm = model->device().isSimulated();
  for (Profile *seeing : {static_cast<Profile *>(nullptr), &observer}) {
    if (!seeing && isWarm)
      continue;
    executor->observe(seeing);
    if (seeing)
      seeing->start();
    ErrorOr<void> ran;
    if (batch == 0) {
      std::vector<int32_t> ids = randomTokens(tokens);
      SequenceInput input = {sequences[0], ids, nullptr};
      ran = step({&input, 1});
      executor->sequences().truncate(sequences[0], static_cast<uint32_t>(depth));
    } else {
      ErrorOr<double> seconds = timeDecode(tokens, depth);
      ran = seconds ? ErrorOr<void>() : seconds.takeError();
    }
    executor->observe(nullptr);
    if (seeing)
      seeing->finish();
    if (!ran)
      return ran;
  }
  finish();
  return {};
}

} // namespace tawny::tool
