// The simulated device's addresses: which allocations are live, and where their bytes really are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>

namespace tawny::hipsim {

/// What an allocation is for.
enum class AllocationKind : uint8_t {
  Device,     ///< hipMalloc: the host cannot follow its addresses
  Host,       ///< hipHostMalloc: host and device share the address
  Registered, ///< hipHostRegister: the caller's memory
  Code,       ///< a segment of a code object
  Arguments,  ///< the kernel arguments of a launch
};

/// A live range of device addresses.
struct Allocation {
  uint64_t base;
  uint64_t bytes; ///< as asked for: the next byte is already out of bounds
  AllocationKind kind;
  uint64_t writableFrom, writableTo; ///< kernels may write in between; all of it but for code

  uint64_t end() const { return base + bytes; }
  /// Whether all of [address, address + size) is inside.
  bool holds(uint64_t address, uint64_t size) const {
    return address >= base && size <= bytes && address - base <= bytes - size;
  }
  bool writable(uint64_t address, uint64_t size) const {
    return address >= writableFrom && address + size <= writableTo;
  }
};

/// How an address relates to the allocation closest to it.
struct Nearest {
  const Allocation *allocation = nullptr; ///< null: there is none
  bool freed = false;                     ///< it was one, and was given back
};

/// A range of addresses that is reserved once and never given to anything else. Its first part is
/// the device's alone: it is mapped without access, and its bytes lie elsewhere, so that a host
/// that follows a device pointer crashes as it would beside a discrete card. The second part is
/// host memory that the device can address. Physical pages appear when they are first written.
class AddressSpace {
public:
  /// Room for `deviceBytes` of the device and a third of that for the host. Null where the
  /// operating system refuses the reservation.
  static std::unique_ptr<AddressSpace> create(uint64_t deviceBytes);
  ~AddressSpace();
  AddressSpace(const AddressSpace &) = delete;
  AddressSpace &operator=(const AddressSpace &) = delete;

  static constexpr uint64_t pageBytes = 4096;
  /// Never given to two allocations at once, nor to anybody between them.
  static constexpr uint64_t guardBytes = 65536;

  /// A new allocation aligned to a page, with a guard on both sides; null where no hole is large
  /// enough. Addresses of freed allocations come last.
  Allocation *allocate(uint64_t bytes, AllocationKind kind);
  /// Makes the caller's memory addressable; null where a part of it already is.
  const Allocation *registerHost(uint64_t base, uint64_t bytes);
  /// Ends the allocation that starts at `base`; its physical pages are given back.
  void release(const Allocation *allocation);

  /// The live allocation that holds all of [address, address + size), or null.
  const Allocation *find(uint64_t address, uint64_t size) const;
  /// The live allocation that starts at `base`, or null.
  const Allocation *findBase(uint64_t base) const;
  /// The allocation closest to `address`, live ones first where they are equally close.
  Nearest nearest(uint64_t address) const;

  /// Where the byte at a device address lies in this process.
  std::byte *host(uint64_t address) const {
    return reinterpret_cast<std::byte *>(address - first < deviceBytes ? address + toBacking
                                                                       : address);
  }
  /// Whether `address` is inside the reserved range; its shadow exists only then.
  bool reserved(uint64_t address) const { return address - first < totalBytes; }
  uint64_t begin() const { return first; }
  uint64_t size() const { return totalBytes; }
  const std::map<uint64_t, Allocation> &allocations() const { return live; }

private:
  AddressSpace() = default;
  uint64_t place(uint64_t bytes, uint64_t from, uint64_t to, uint64_t &next);

  uint64_t first = 0, totalBytes = 0, deviceBytes = 0;
  uint64_t toBacking = 0; ///< added to a device address gives the byte's own
  uint64_t nextDevice = 0, nextHost = 0;
  std::map<uint64_t, Allocation> live; ///< by base
  std::deque<Allocation> freed;        ///< the latest ones
};

} // namespace tawny::hipsim
