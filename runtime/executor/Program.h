// A program of the artifact with addresses in it, ready to launch.
#pragma once

#include "runtime/artifact_generated.h"
#include "runtime/device/Device.h"
#include "runtime/support/Error.h"

#include <cstdint>
#include <span>
#include <vector>

namespace tawny {

/// How much of each extent a step has.
struct Extents {
  uint32_t tokens = 0;
  uint32_t sequences = 0;
  uint32_t logitRows = 0;
  uint32_t attentionBlocks = 0;

  uint64_t of(fb::Extent extent) const;
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
  ErrorOr<void> run(Device &device, const Extents &extents);

  /// The same, one dispatch at a time: stops at the first one that wrote a value that is not finite
  /// to a binding marked check_f32. `staging` is for devices whose memory the host cannot follow.
  ErrorOr<void> runChecked(Device &device, const Extents &extents, std::span<float> staging);

  // Launches point into this object's own arrays, which a move keeps in place.
  Program(Program &&) = default;
  Program &operator=(Program &&) = default;
  Program(const Program &) = delete;
  Program &operator=(const Program &) = delete;

  const fb::Program &encoded() const { return *program; }

private:
  void setTiles(const Extents &extents);
  ErrorOr<void> checkDispatch(Device &device, uint32_t index, const Extents &extents,
                              std::span<float> staging);

  const fb::Target *target;
  const fb::Program *program;
  std::vector<void *> addresses; ///< of all bindings of all dispatches
  std::vector<Launch> launches;
};

} // namespace tawny
