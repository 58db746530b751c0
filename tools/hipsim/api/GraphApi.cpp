// Capture of a stream, and replay.
#include "tools/hipsim/api/Call.h"

using namespace tawny::hipsim;

namespace {

hipError_t instantiate(Simulator &simulator, hipGraphExec_t *executable, hipGraph_t handle) {
  std::shared_ptr<Graph> graph = simulator.graphs.find(handle);
  if (!executable || !graph)
    return hipErrorInvalidValue;
  auto copy = std::make_shared<Graph>(*graph);
  *executable = reinterpret_cast<hipGraphExec_t>(simulator.executables.add(std::move(copy)));
  return hipSuccess;
}

} // namespace

hipError_t hipStreamBeginCapture(hipStream_t handle, hipStreamCaptureMode mode) {
  return call("hipStreamBeginCapture", Needs::Healthy, [&](Simulator &simulator) {
    Stream *stream = simulator.stream(handle);
    if (!stream)
      return hipErrorInvalidHandle;
    if (!handle)
      return hipErrorStreamCaptureUnsupported;
    if (stream->capture)
      return hipErrorIllegalState;
    stream->capture = std::make_unique<Graph>();
    stream->captureInvalid = false;
    return hipSuccess;
  });
}

hipError_t hipStreamEndCapture(hipStream_t handle, hipGraph_t *graph) {
  return call("hipStreamEndCapture", Needs::Healthy, [&](Simulator &simulator) {
    Stream *stream = simulator.stream(handle);
    if (!graph)
      return hipErrorInvalidValue;
    *graph = nullptr;
    if (!stream)
      return hipErrorInvalidHandle;
    if (!stream->capture)
      return hipErrorIllegalState;
    std::shared_ptr<Graph> captured = std::move(stream->capture);
    if (stream->captureInvalid)
      return hipErrorStreamCaptureInvalidated;
    *graph = reinterpret_cast<hipGraph_t>(simulator.graphs.add(std::move(captured)));
    return hipSuccess;
  });
}

hipError_t hipStreamIsCapturing(hipStream_t handle, hipStreamCaptureStatus *status) {
  return call("hipStreamIsCapturing", Needs::Device, [&](Simulator &simulator) {
    Stream *stream = simulator.stream(handle);
    if (!status)
      return hipErrorInvalidValue;
    if (!stream)
      return hipErrorInvalidHandle;
    *status = !stream->capture         ? hipStreamCaptureStatusNone
              : stream->captureInvalid ? hipStreamCaptureStatusInvalidated
                                       : hipStreamCaptureStatusActive;
    return hipSuccess;
  });
}

hipError_t hipGraphInstantiate(hipGraphExec_t *executable, hipGraph_t graph, hipGraphNode_t *node,
                               char *log, size_t logBytes) {
  return call("hipGraphInstantiate", Needs::Healthy, [&](Simulator &simulator) {
    if (node)
      *node = nullptr;
    if (log && logBytes)
      *log = 0;
    return instantiate(simulator, executable, graph);
  });
}

hipError_t hipGraphInstantiateWithFlags(hipGraphExec_t *executable, hipGraph_t graph,
                                        unsigned long long flags) {
  return call("hipGraphInstantiateWithFlags", Needs::Healthy,
              [&](Simulator &simulator) { return instantiate(simulator, executable, graph); });
}

hipError_t hipGraphLaunch(hipGraphExec_t handle, hipStream_t stream) {
  return call("hipGraphLaunch", Needs::Healthy, [&](Simulator &simulator) {
    std::shared_ptr<Graph> graph = simulator.executables.find(handle);
    Stream *target = simulator.stream(stream);
    if (!graph)
      return hipErrorInvalidValue;
    if (!target)
      return hipErrorInvalidHandle;
    for (const Operation &operation : graph->operations)
      if (hipError_t error = simulator.enqueue(*target, operation); error != hipSuccess)
        return error;
    return hipSuccess;
  });
}

/// The number of operations; there are no handles for them.
hipError_t hipGraphGetNodes(hipGraph_t handle, hipGraphNode_t *nodes, size_t *count) {
  return call("hipGraphGetNodes", Needs::Device, [&](Simulator &simulator) {
    std::shared_ptr<Graph> graph = simulator.graphs.find(handle);
    if (!graph || !count)
      return hipErrorInvalidValue;
    if (nodes)
      return hipErrorNotSupported;
    *count = graph->operations.size();
    return hipSuccess;
  });
}

hipError_t hipGraphExecDestroy(hipGraphExec_t handle) {
  return call("hipGraphExecDestroy", Needs::Device, [&](Simulator &simulator) {
    return simulator.executables.take(handle) ? hipSuccess : hipErrorInvalidValue;
  });
}

hipError_t hipGraphDestroy(hipGraph_t handle) {
  return call("hipGraphDestroy", Needs::Device, [&](Simulator &simulator) {
    return simulator.graphs.take(handle) ? hipSuccess : hipErrorInvalidValue;
  });
}
