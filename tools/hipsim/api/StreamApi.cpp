// Streams and events.
#include "tools/hipsim/api/Call.h"

using namespace tawny::hipsim;

namespace {

hipError_t createStream(Simulator &simulator, hipStream_t *stream, unsigned flags) {
  if (!stream || flags & ~unsigned{hipStreamNonBlocking})
    return hipErrorInvalidValue;
  auto created = std::make_shared<Stream>();
  created->nonBlocking = flags & hipStreamNonBlocking;
  *stream = reinterpret_cast<hipStream_t>(simulator.streams.add(std::move(created)));
  return hipSuccess;
}

hipError_t createEvent(Simulator &simulator, hipEvent_t *event, unsigned flags) {
  if (!event)
    return hipErrorInvalidValue;
  auto created = std::make_shared<Event>();
  created->timed = !(flags & hipEventDisableTiming);
  *event = reinterpret_cast<hipEvent_t>(simulator.events.add(std::move(created)));
  return hipSuccess;
}

/// Runs what stands in front of an event's newest recording.
hipError_t reach(Simulator &simulator, Event &event) {
  if (event.reached < event.recorded && event.stream)
    return simulator.finish(*event.stream);
  return simulator.lost;
}

} // namespace

hipError_t hipStreamCreate(hipStream_t *stream) {
  return call("hipStreamCreate", Needs::Healthy, [&](Simulator &simulator) {
    return createStream(simulator, stream, hipStreamDefault);
  });
}

hipError_t hipStreamCreateWithFlags(hipStream_t *stream, unsigned flags) {
  return call("hipStreamCreateWithFlags", Needs::Healthy,
              [&](Simulator &simulator) { return createStream(simulator, stream, flags); });
}

hipError_t hipStreamDestroy(hipStream_t handle) {
  return call("hipStreamDestroy", Needs::Device, [&](Simulator &simulator) {
    std::shared_ptr<Stream> stream = simulator.streams.find(handle);
    if (!stream)
      return hipErrorInvalidHandle;
    (void)simulator.finish(*stream); // what has failed is known to those who wait
    for (const auto &[address, event] : simulator.events)
      if (event->stream == stream.get())
        event->stream = nullptr;
    simulator.streams.take(handle);
    return hipSuccess;
  });
}

hipError_t hipStreamSynchronize(hipStream_t handle) {
  return call("hipStreamSynchronize", Needs::Healthy, [&](Simulator &simulator) {
    Stream *stream = simulator.stream(handle);
    if (!stream)
      return hipErrorInvalidHandle;
    if (stream->capture) {
      stream->captureInvalid = true;
      return hipErrorStreamCaptureUnsupported;
    }
    return handle ? simulator.finish(*stream) : simulator.finishBlocking();
  });
}

hipError_t hipStreamQuery(hipStream_t handle) {
  return call("hipStreamQuery", Needs::Healthy, [&](Simulator &simulator) {
    Stream *stream = simulator.stream(handle);
    return stream ? simulator.finish(*stream) : hipErrorInvalidHandle;
  });
}

hipError_t hipStreamWaitEvent(hipStream_t handle, hipEvent_t event, unsigned flags) {
  return call("hipStreamWaitEvent", Needs::Healthy, [&](Simulator &simulator) {
    Stream *stream = simulator.stream(handle);
    std::shared_ptr<Event> awaited = simulator.events.find(event);
    if (!stream || !awaited)
      return hipErrorInvalidHandle;
    bool fromCapture = awaited->stream && awaited->stream->capture;
    if ((stream->capture != nullptr) != fromCapture)
      return hipErrorStreamCaptureIsolation;
    return simulator.enqueue(*stream, WaitOperation{awaited, awaited->recorded});
  });
}

hipError_t hipEventCreate(hipEvent_t *event) {
  return call("hipEventCreate", Needs::Healthy,
              [&](Simulator &simulator) { return createEvent(simulator, event, hipEventDefault); });
}

hipError_t hipEventCreateWithFlags(hipEvent_t *event, unsigned flags) {
  return call("hipEventCreateWithFlags", Needs::Healthy,
              [&](Simulator &simulator) { return createEvent(simulator, event, flags); });
}

hipError_t hipEventDestroy(hipEvent_t event) {
  return call("hipEventDestroy", Needs::Device, [&](Simulator &simulator) {
    return simulator.events.take(event) ? hipSuccess : hipErrorInvalidHandle;
  });
}

hipError_t hipEventRecord(hipEvent_t handle, hipStream_t stream) {
  return call("hipEventRecord", Needs::Healthy, [&](Simulator &simulator) {
    std::shared_ptr<Event> event = simulator.events.find(handle);
    Stream *target = simulator.stream(stream);
    if (!event || !target)
      return hipErrorInvalidHandle;
    event->stream = target;
    return simulator.enqueue(*target, RecordOperation{event, ++event->recorded});
  });
}

hipError_t hipEventSynchronize(hipEvent_t handle) {
  return call("hipEventSynchronize", Needs::Healthy, [&](Simulator &simulator) {
    std::shared_ptr<Event> event = simulator.events.find(handle);
    return event ? reach(simulator, *event) : hipErrorInvalidHandle;
  });
}

/// Asking makes progress: what is asked about runs now, and is done.
hipError_t hipEventQuery(hipEvent_t handle) {
  return call("hipEventQuery", Needs::Healthy, [&](Simulator &simulator) {
    std::shared_ptr<Event> event = simulator.events.find(handle);
    return event ? reach(simulator, *event) : hipErrorInvalidHandle;
  });
}

/// Times are the simulating host's.
hipError_t hipEventElapsedTime(float *milliseconds, hipEvent_t from, hipEvent_t to) {
  return call("hipEventElapsedTime", Needs::Healthy, [&](Simulator &simulator) {
    std::shared_ptr<Event> first = simulator.events.find(from), last = simulator.events.find(to);
    if (!milliseconds)
      return hipErrorInvalidValue;
    if (!first || !last || !first->timed || !last->timed || !first->recorded || !last->recorded)
      return hipErrorInvalidHandle;
    if (first->reached < first->recorded || last->reached < last->recorded)
      return hipErrorNotReady;
    *milliseconds = std::chrono::duration<float, std::milli>(last->time - first->time).count();
    return hipSuccess;
  });
}
