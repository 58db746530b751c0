// Which workgroup of a launch has read and written each byte: between workgroups nothing orders
// accesses, so a byte that two of them touch, one of them writing, holds what chance decides.
#pragma once

#include "tools/hipsim/memory/AddressSpace.h"

namespace tawny::hipsim {

/// Eight bytes for each byte that kernels touch; nothing for others. Threads may call touch().
class RaceTable {
public:
  /// Null where the operating system refuses the reservation. `space` must outlive it.
  static std::unique_ptr<RaceTable> create(const AddressSpace &space);
  ~RaceTable();
  RaceTable(const RaceTable &) = delete;
  RaceTable &operator=(const RaceTable &) = delete;

  /// Notes an access by workgroup `number`, and whether it races with that of another one.
  bool touch(uint64_t address, uint64_t bytes, bool isWrite, uint32_t number);
  /// Forgets a page, which the next launch finds untouched.
  void forget(uint64_t address);

private:
  RaceTable() = default;

  uint64_t first = 0, bytes = 0;
  uint32_t *writers = nullptr; ///< by byte: the last writer's number, plus one
  uint32_t *readers = nullptr; ///< the same, or `several`
};

} // namespace tawny::hipsim
