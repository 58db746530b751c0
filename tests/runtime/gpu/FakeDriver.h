// What the fake driver lets a test see and decide. Found with dlsym in its library.
#pragma once

#include <cstddef>
#include <cstdint>

/// The driver has an infinite queue: copies, fills, launches and events wait in it until somebody
/// waits for them, so a program that reuses memory too early computes nonsense.
struct FakeDriverControls {
  /// All to the beginning: no failures, no calls, 64 MiB free; memory in use stays.
  void (*reset)();
  /// The `call`-th call of `function` from now on (1 is the next) gives `status`; 0 ends that.
  void (*failAt)(const char *function, uint64_t call, int status);
  /// The launch number `launch` from now on (1 is the next) fails when it is run, and all after it.
  void (*loseAtLaunch)(uint64_t launch, int status);
  void (*setMemory)(size_t bytes);
  /// From now on each call of `function` takes at least so long.
  void (*delay)(const char *function, unsigned microseconds);
  /// How often `function` was called since the reset, by the name it is exported under.
  uint64_t (*calls)(const char *function);
  /// Allocations and pinned ranges, modules, streams, events and graphs that exist.
  uint64_t (*live)();
  /// Whether the calling thread is in a function of the driver.
  bool (*isInside)();
  /// What is wrong with how the driver was used since the reset, or "".
  const char *(*misuse)();
};

#define FAKE_DRIVER_CONTROLS "fakeDriverControls"

extern "C" const FakeDriverControls *fakeDriverControls();
