// An artifact on a device: code loaded, weights in place, `init` run.
#pragma once

#include "runtime/artifact/Artifact.h"
#include "runtime/device/Device.h"
#include "runtime/executor/MemoryPlan.h"
#include "runtime/executor/Program.h"
#include "runtime/support/Error.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tawny {

/// How a model is opened.
struct ModelOptions {
  std::string device = "cpu";
  unsigned threads = 0;      ///< of the CPU; 0 is one per physical core
  uint32_t maxSequences = 0; ///< 0 is four times the artifact's max_batch
  uint32_t maxLogitRows = 0; ///< rows of one call; 0 is as many as the largest program makes
  bool check = false;        ///< look for values that are not finite after each dispatch
  bool prefault = true;      ///< read all weights before open returns
  LaunchMode launch = LaunchMode::Auto;
  ProgressFunction progress; ///< told about the reading of weights
};

/// What all executors of a model share; it does not change once opened.
class Model {
public:
  /// Opens the artifact and the device. Everything is checked and summed before the first large
  /// allocation; a model that does not fit is refused with the sum.
  static ErrorOr<std::unique_ptr<Model>> open(const std::string &path, const ModelOptions &options);
  /// The same for an artifact and a device that are open; `options` names neither.
  static ErrorOr<std::unique_ptr<Model>> create(std::unique_ptr<Artifact> artifact,
                                                std::unique_ptr<Device> device,
                                                const ModelOptions &options);

  const Artifact &artifact() const { return *file; }
  const fb::Artifact &header() const { return file->header(); }
  const fb::Target &target() const { return *chosen; }
  Device &device() { return *processor; }
  const Device &device() const { return *processor; }

  std::span<const MemoryLine> memoryPlan() const { return plan; }
  const ExecutionBounds &bounds() const { return limits; }
  bool checks() const { return checkOutputs; }
  LaunchMode launchMode() const { return launching; }
  uint32_t vocabulary() const { return header().model()->vocab_size(); }
  /// Sequences with one new token each that a decode program takes at once.
  uint32_t maxBatch() const;

  /// Handles of the target's kernels, in its order.
  std::span<const KernelHandle> kernels() const { return kernelHandles; }
  /// Spaces with the weights and what `init` made in them; the rest is the executor's.
  Spaces sharedSpaces() const;
  /// The segments of weights that the target reads.
  std::span<const Buffer> weightSegments() const { return segments; }
  /// For Program::runChecked; empty unless checks().
  std::span<float> checkStaging() { return staging; }

private:
  Model(std::unique_ptr<Artifact> artifact, std::unique_ptr<Device> device)
      : processor(std::move(device)), file(std::move(artifact)) {}
  ErrorOr<void> setBounds(const ModelOptions &options);
  ErrorOr<void> load(const ModelOptions &options);
  ErrorOr<void> loadCode();
  ErrorOr<void> placeWeights(const ModelOptions &options);
  ErrorOr<void> runInit();

  // Buffers and code are given back to the device, so it is declared, and lives, around them.
  std::unique_ptr<Device> processor;
  std::unique_ptr<Artifact> file;
  const fb::Target *chosen = nullptr;
  ExecutionBounds limits = {};
  bool checkOutputs = false;
  LaunchMode launching = LaunchMode::Auto;
  std::vector<MemoryLine> plan;
  std::unique_ptr<LoadedCode> code;
  std::vector<KernelHandle> kernelHandles;
  std::vector<Buffer> segments;
  std::vector<void *> weightAddresses; ///< per entry of Artifact.weights
  Buffer resident;
  std::vector<float> staging;
};

} // namespace tawny
