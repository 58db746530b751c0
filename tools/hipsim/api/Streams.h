// Work that a program has handed over: operations, streams, events and graphs. An operation runs
// when somebody waits for it, so that a program which forgets to wait sees what was there before.
#pragma once

#include "tools/hipsim/launch/Launcher.h"

#include <hip/hip_runtime_api.h>

#include <chrono>
#include <deque>
#include <memory>
#include <variant>
#include <vector>

namespace tawny::hipsim {

struct Event;
struct Stream;

/// Keeps the code loaded for as long as an operation needs it.
struct KernelOperation {
  std::shared_ptr<const LoadedCode> code;
  LaunchRequest request;
};

/// A copy; addresses that are not the device's are the host's.
struct CopyOperation {
  uint64_t to = 0, from = 0, bytes = 0;
};

struct FillOperation {
  uint64_t to = 0, count = 0;
  uint32_t value = 0;
  uint8_t unit = 1; ///< bytes of one value: 1, 2, 4
};

/// An event is recorded; `number` tells its recordings apart.
struct RecordOperation {
  std::shared_ptr<Event> event;
  uint64_t number = 0;
};

/// What follows waits for a recording of an event, in whatever stream that is.
struct WaitOperation {
  std::shared_ptr<Event> event;
  uint64_t number = 0;
};

using Operation =
    std::variant<KernelOperation, CopyOperation, FillOperation, RecordOperation, WaitOperation>;

/// hipEvent_t.
struct Event {
  bool timed = true;
  uint64_t recorded = 0; ///< the newest recording; 0: none
  uint64_t reached = 0;  ///< the newest one that has run
  Stream *stream = nullptr;
  std::chrono::steady_clock::time_point time; ///< of `reached`
};

/// hipGraph_t and hipGraphExec_t: operations in the order in which one stream captured them.
struct Graph {
  std::vector<Operation> operations;
};

/// hipStream_t, and the null stream.
struct Stream {
  bool nonBlocking = false;
  std::deque<Operation> pending;
  std::unique_ptr<Graph> capture; ///< while the stream captures
  bool captureInvalid = false;    ///< a call in between was none that can be captured
};

} // namespace tawny::hipsim
