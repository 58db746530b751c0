// The time of each kernel of a few steps.
#pragma once

#include "runtime/executor/Executor.h"
#include "runtime/support/Json.h"
#include "tools/tawny/SimulatorCounters.h"

#include <optional>
#include <string>
#include <vector>

namespace tawny::tool {

/// Collects what an executor launches, kernel by kernel and in order.
class Profile final : public LaunchObserver {
public:
  /// `title` says what the steps are.
  explicit Profile(std::string title) : title(std::move(title)) {}

  void launched(const fb::Program &program, std::span<const Launch> launches,
                std::span<const double> seconds) override;

  /// To be called when the steps start and when they are over: under HIP's simulator its counters
  /// are those of these steps.
  void start();
  void finish();

  /// The kernels by time, the longest first, on standard output.
  void printTable() const;
  /// {"steps", "title", "kernels": [{"name", "launches", "seconds", "share", "weight_bytes"}]} and,
  /// under the simulator, "counters", a list with an object per kernel.
  Json json() const;
  /// Appends the launches as events of Chrome's trace format, from `start` on, in microseconds.
  /// Returns where they end.
  double appendEvents(Json &events, double start) const;

private:
  struct Kernel {
    std::string name;
    uint64_t launches = 0;
    double seconds = 0;
    uint64_t weightBytes = 0; ///< of all launches, each weight once per launch
  };
  struct Event {
    const fb::Program *program;
    Launch launch;
    double seconds;
  };

  std::vector<Kernel> sorted() const;

  std::string title;
  uint64_t parts = 0;
  std::vector<Kernel> kernels;
  std::vector<Event> events;
  std::optional<SimulatorCounters> simulator;
  std::vector<CountedKernel> counted;
};

/// Writes the launches of all profiles, one after another, to a file that chrome://tracing and
/// Perfetto open.
ErrorOr<void> writeTrace(const std::string &path, const std::vector<Profile> &profiles);

} // namespace tawny::tool
