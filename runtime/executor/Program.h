// A program of the artifact with addresses in it, ready to launch.
#pragma once

#include "runtime/artifact_generated.h"
#include "runtime/device/Device.h"
#include "runtime/support/Error.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tawny {

/// How the launches of a step are handed to a device that can record them: one by one, or as a
/// recording. Auto measures both when a decode program first runs and keeps the faster.
enum class LaunchMode : uint8_t { Auto, Eager, Graph };

/// The mode that a command line names: auto, eager, graph.
ErrorOr<LaunchMode> launchModeOf(std::string_view name);

/// How much of each extent a step has.
struct Extents {
  uint32_t tokens = 0;
  uint32_t sequences = 0;
  uint32_t logitRows = 0;
  uint32_t attentionBlocks = 0;

  uint64_t of(fb::Extent extent) const;
  bool operator==(const Extents &) const = default;
};

/// Where each space of a binding starts on the device.
struct Spaces {
  std::span<void *const> weights; ///< one address per entry of Artifact.weights, null where unused
  void *arena = nullptr;
  void *kv = nullptr;
  void *step = nullptr;
  void *resident = nullptr;
};

/// Owns the launches of one program. Between steps only their numbers of tiles change.
class Program {
public:
  /// `kernels` has one handle per kernel of the target.
  Program(const fb::Target &target, const fb::Program &program,
          std::span<const KernelHandle> kernels, const Spaces &spaces);

  /// Submits all dispatches. The next run() or submit of the device may follow at once, but not a
  /// use of this object's launches elsewhere.
  ErrorOr<void> run(Device &device, const Extents &extents, LaunchMode mode = LaunchMode::Eager);

  /// The same, one dispatch at a time: stops at the first one that wrote a value that is not finite
  /// to a binding marked check_f32, or to a page of keys or values with one of `kvSlots`, the slots
  /// of the step. `staging` is for devices whose memory the host cannot follow.
  ErrorOr<void> runChecked(Device &device, const Extents &extents, std::span<float> staging,
                           std::span<const int32_t> kvSlots = {});

  // Launches point into this object's own arrays, which a move keeps in place.
  Program(Program &&) = default;
  Program &operator=(Program &&) = default;
  Program(const Program &) = delete;
  Program &operator=(const Program &) = delete;

  const fb::Program &encoded() const { return *program; }
  /// What Auto has chosen; nothing before it had to.
  std::optional<LaunchMode> choice() const { return chosen; }

  /// What stands in front of what runs: sets the tiles and gives the launches.
  std::span<const Launch> launchesFor(const Extents &extents) {
    setTiles(extents);
    return launches;
  }

private:
  /// The launches of one set of extents, recorded.
  struct Recorded {
    Extents extents;
    Recording recording;
    uint64_t lastUse = 0;
  };

  void setTiles(const Extents &extents);
  ErrorOr<LaunchMode> measureModes(Device &device, const Extents &extents);
  ErrorOr<const Recording *> recordingFor(Device &device, const Extents &extents);
  ErrorOr<void> runOnce(Device &device, const Extents &extents, LaunchMode mode);
  ErrorOr<void> checkRows(Device &device, uint32_t index, const Extents &extents,
                          std::span<float> staging);
  ErrorOr<void> checkPages(Device &device, uint32_t index, std::span<float> staging,
                           std::span<const int32_t> kvSlots);

  const fb::Target *target;
  const fb::Program *program;
  std::vector<void *> addresses; ///< of all bindings of all dispatches
  std::vector<Launch> launches;
  /// A program for 32 sequences takes batches of 17 to 32; the one used longest ago makes room.
  std::array<Recorded, 16> recordings;
  uint64_t uses = 0;
  std::optional<LaunchMode> chosen;
};

} // namespace tawny
