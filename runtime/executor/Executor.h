// Runs batches of sequences on a model.
#pragma once

#include "runtime/artifact/Format.h"
#include "runtime/executor/Model.h"
#include "runtime/executor/Program.h"
#include "runtime/executor/StepPlanner.h"
#include "runtime/kv/KvPool.h"
#include "runtime/support/Error.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tawny {

/// What a step came to.
struct StepResult {
  KvPool::Outcome outcome = KvPool::Outcome::Done;
  /// f32 [rows, vocabulary], in the order of the inputs and their tokens; null where rows is 0 or
  /// they were deferred.
  const float *logits = nullptr;
  uint32_t rows = 0;
  /// [rows, candidatesPerRow], the largest logits of each row, where logits were deferred.
  const format::Candidate *candidates = nullptr;
  uint32_t candidatesPerRow = 0;
  /// What ran, and how often: its costs are those of one part. Null for an empty batch.
  const fb::Program *program = nullptr;
  uint32_t parts = 0;
};

/// Sees what a step launches and how long each launch took.
class LaunchObserver {
public:
  virtual ~LaunchObserver() = default;
  /// One part of a step: `seconds` has one entry per launch.
  virtual void launched(const fb::Program &program, std::span<const Launch> launches,
                        std::span<const double> seconds) = 0;
};

/// Owns the sequences, their KV pool and the scratch of the programs. create() allocates; after
/// that only the text of errors does. For one thread at a time.
class Executor {
public:
  /// The model must outlive the executor. Several executors of one model take the memory of the
  /// plan each.
  static ErrorOr<std::unique_ptr<Executor>> create(Model &model);

  /// Appends each input's tokens to its sequence and computes the wanted logits, which are valid
  /// until the next step. What passes a program's bounds runs in several parts. Unless the outcome
  /// is Done, no sequence has changed: that is an ordinary event of a full pool or sequence, while
  /// an error says that the call was wrong (a token out of range, a sequence twice), that a check
  /// failed or that the device did.
  ErrorOr<StepResult> step(std::span<const SequenceInput> batch);

  /// Sequences are made, forked, truncated and freed here; only step() appends.
  KvPool &sequences() { return pool; }
  const KvPool &sequences() const { return pool; }

  /// From now on logits stay on the device where it has found their largest, which are read
  /// instead: a few hundred bytes of each row for 128 KiB of 32000 tokens. fetchLogits gets the
  /// rest.
  void deferLogits() { defers = true; }
  /// Reads the logits of the last step, if that is still to do.
  ErrorOr<void> fetchLogits(StepResult &last);

  /// How decode steps are launched from now on; the model's options say how at first.
  void setLaunchMode(LaunchMode mode) { launching = mode; }
  /// What LaunchMode::Auto has chosen for the decode program of a batch; nothing before its first
  /// step.
  std::optional<LaunchMode> chosenMode(uint32_t batch) const;
  /// From now on every launch is timed by itself, which makes steps slower, and shown to
  /// `newObserver`; null ends that.
  void observe(LaunchObserver *newObserver) { observer = newObserver; }

private:
  explicit Executor(Model &model);
  ErrorOr<void> allocate();
  ErrorOr<void> validate(std::span<const SequenceInput> batch);
  Program &choose(std::span<const SequenceInput> batch);
  ErrorOr<void> copyPages();
  ErrorOr<void> runParts(Program &program, std::span<const SequenceInput> batch,
                         StepResult &result);
  ErrorOr<void> runPart(Program &program, std::span<const SequenceInput> batch);
  ErrorOr<void> runObserved(Program &program);
  ErrorOr<void> collectLogits(Program &program, StepResult &result);
  ErrorOr<void> collectCandidates(const fb::Program &program, StepResult &result);

  Model &model;
  Device &device;
  KvPool pool;
  Buffer arena, kv, stepTable;
  std::vector<std::byte> stepStaging; ///< for devices whose memory the host cannot write
  Buffer logits;                      ///< f32 rows that are not read in the arena itself
  Buffer candidates;                  ///< those of one part
  std::vector<Program> programs;      ///< step, then decode in ascending size
  StepPlanner planner;
  std::vector<KvAppend> appends;
  std::vector<uint32_t> lengthsBefore;
  std::vector<uint32_t> lastBatch; ///< per sequence slot, the batch that named it last
  uint32_t batchNumber = 0;
  LaunchMode launching;
  bool defers = false;
  LaunchObserver *observer = nullptr;
  std::vector<double> launchSeconds; ///< as the observer gets them
};

} // namespace tawny
