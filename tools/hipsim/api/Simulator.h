// The simulated device and everything that a program has made on it. One per process.
#pragma once

#include "tools/hipsim/api/Streams.h"

#include <map>
#include <mutex>
#include <set>
#include <string>

namespace tawny::hipsim {

/// Objects that a program holds by their address; another address is refused, never followed.
template <typename T> class Handles {
public:
  T *add(std::shared_ptr<T> object) {
    T *address = object.get();
    objects.emplace(address, std::move(object));
    return address;
  }
  std::shared_ptr<T> find(const void *handle) const {
    auto entry = objects.find(handle);
    return entry == objects.end() ? nullptr : entry->second;
  }
  std::shared_ptr<T> take(const void *handle) {
    std::shared_ptr<T> object = find(handle);
    objects.erase(handle);
    return object;
  }
  auto begin() const { return objects.begin(); }
  auto end() const { return objects.end(); }
  void clear() { objects.clear(); }

private:
  std::map<const void *, std::shared_ptr<T>> objects;
};

/// A kernel that hipModuleGetFunction handed out.
struct Function {
  std::weak_ptr<const LoadedCode> code;
  const LoadedKernel *kernel = nullptr;
};

/// State behind all functions of the library; they hold its mutex while they run.
class Simulator {
public:
  /// The process's simulator, from the environment as it was at first use.
  static Simulator &get();
  /// Forgets everything and reads the environment again: for tests.
  static void restart();

  explicit Simulator(const Options &options);
  ~Simulator();

  const Options options;
  const Card *card = nullptr; ///< null: there is no device
  std::unique_ptr<DeviceMemory> memory;
  std::unique_ptr<Launcher> launcher;
  Handles<Stream> streams;
  Handles<Event> events;
  Handles<const LoadedCode> modules;
  Handles<Function> functions;
  Handles<Graph> graphs, executables;
  /// What every call answers once a kernel has failed, as the device does not recover.
  hipError_t lost = hipSuccess;

  /// The stream behind a handle, or null.
  Stream *stream(hipStream_t handle);
  /// Adds an operation to a stream, or to the graph that the stream captures.
  hipError_t enqueue(Stream &stream, Operation operation);
  /// Runs what a stream, or every stream, has pending.
  hipError_t finish(Stream &stream);
  hipError_t finishAll();
  /// Runs what the null stream waits for: its own and that of streams that are not non-blocking.
  hipError_t finishBlocking();
  /// Whether any stream captures; calls that cannot be captured invalidate it.
  bool invalidateCaptures();
  /// The error that HIPSIM_FAIL plans for this call of a function, or success.
  hipError_t plannedFailure(const char *function);

private:
  hipError_t run(Operation &operation);
  hipError_t runKernel(KernelOperation &operation);
  void runCopy(const CopyOperation &operation);
  void runFill(const FillOperation &operation);

  Stream nullStream;
  uint64_t launches = 0;
  std::map<std::string, uint64_t> calls; ///< of functions that HIPSIM_FAIL names
};

/// Serialises all calls.
std::mutex &apiMutex();

} // namespace tawny::hipsim
