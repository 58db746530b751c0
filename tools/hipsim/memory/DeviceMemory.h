// The memory of the simulated device: allocations within a limit, copies, and what is known about
// every byte.
#pragma once

#include "tools/hipsim/memory/Shadow.h"

namespace tawny::hipsim {

/// Calls that change allocations come from one thread at a time, while no kernel runs.
class DeviceMemory {
public:
  /// Null where the operating system refuses the address space.
  static std::unique_ptr<DeviceMemory> create(uint64_t limitBytes);

  /// Memory of the device; 0 where the limit would be passed. Nothing in it is initialised.
  uint64_t allocate(uint64_t bytes);
  /// Memory of the host that kernels can address; it does not count towards the limit.
  void *allocateHost(uint64_t bytes);
  /// Room for a code object's segments or for kernel arguments, neither counted nor initialised.
  Allocation *allocateInternal(uint64_t bytes, AllocationKind kind);
  /// Makes memory of the caller addressable; false where a part of it already is.
  bool registerHost(void *memory, uint64_t bytes);
  /// Ends the allocation of this kind that starts at `address`; false where there is none.
  bool release(uint64_t address, AllocationKind kind);

  /// Copies to device memory. Pages of zeros that were never used stay without memory, and so does
  /// what fill() sets to zero there. The ranges must be inside an allocation, as below.
  void write(uint64_t to, const void *from, uint64_t bytes);
  void read(void *to, uint64_t from, uint64_t bytes) const;
  /// Copies within the device; bytes that were never written stay so.
  void copy(uint64_t to, uint64_t from, uint64_t bytes);
  /// `initialises` is whether the bytes count as written.
  void fill(uint64_t to, uint8_t value, uint64_t bytes, bool initialises = true);

  uint64_t limit() const { return limitBytes; }
  uint64_t used() const { return usedBytes; }

  AddressSpace &addresses() { return *space; }
  const AddressSpace &addresses() const { return *space; }
  Shadow &shadow() { return *known; }
  const Shadow &shadow() const { return *known; }

private:
  DeviceMemory() = default;

  std::unique_ptr<AddressSpace> space;
  std::unique_ptr<Shadow> known;
  uint64_t limitBytes = 0, usedBytes = 0;
};

} // namespace tawny::hipsim
