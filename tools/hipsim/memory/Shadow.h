// What is known about each byte of the reserved addresses: whether it may be touched, whether it
// was ever written, and whether the running launch has used it.
#pragma once

#include "tools/hipsim/memory/AddressSpace.h"

#include <atomic>

namespace tawny::hipsim {

/// A page's state. Pages of an allocation that are written as a whole need no bits for their
/// bytes, so that 70 GB which hold zeros cost a byte for each page.
enum PageState : uint8_t {
  pageReadable = 1, ///< every byte is live and initialised: no read of it can be wrong
  pageWritable = 2, ///< and every byte may be written, and its memory is in use already
  pageHasData = 4,  ///< something that is not zero may have been written
};

/// Distinct lines, sectors and bytes of a page that were used.
struct PageUse {
  uint32_t lines = 0, sectors = 0, bytes = 0;
};

/// Tables beside an AddressSpace, as sparse as that itself. Functions that kernels' threads call
/// at the same time say so.
class Shadow {
public:
  static constexpr uint64_t pageBytes = AddressSpace::pageBytes;
  static constexpr uint64_t lineBytes = 128;
  static constexpr uint64_t sectorBytes = 64;

  /// Null where the operating system refuses the reservation. `space` must outlive it.
  static std::unique_ptr<Shadow> create(const AddressSpace &space);
  ~Shadow();
  Shadow(const Shadow &) = delete;
  Shadow &operator=(const Shadow &) = delete;

  /// Declares all of an allocation initialised, such as memory that the host writes.
  void begin(const Allocation &allocation, bool initialised);
  /// Forgets an allocation.
  void end(const Allocation &allocation);

  /// [address, address + bytes), inside `allocation`, has been written. Threads may call it.
  void markInitialised(const Allocation &allocation, uint64_t address, uint64_t bytes,
                       bool hasData);
  /// The page at `address` may hold something other than zeros from now on.
  void markData(uint64_t address) { pages[pageOf(address)] |= pageHasData; }
  /// The first byte of the range that was never written, or its end.
  uint64_t firstUninitialised(uint64_t address, uint64_t bytes) const;
  /// Whether a page inside [address, address + pageBytes) may hold something other than zeros.
  bool hasData(uint64_t address) const { return load(pages + pageOf(address)) & pageHasData; }
  /// Notices that bytes which were written one by one have made a whole page of it.
  void promote(const Allocation &allocation, uint64_t page);

  /// The state of an address's page. Threads may call it.
  uint8_t state(uint64_t address) const { return load(pages + pageOf(address)); }
  uint64_t pageOf(uint64_t address) const { return (address - first) / pageBytes; }
  uint64_t addressOf(uint64_t page) const { return first + page * pageBytes; }

  /// Notes a use of bytes that lie in one page. True for the first use of that page, in this
  /// launch, by reads or by writes. Threads may call it.
  bool use(uint64_t address, uint64_t bytes, bool isWrite) {
    mark(isWrite ? written : read, address - first, bytes);
    uint8_t bit = isWrite ? 2 : 1;
    uint8_t *page = touched + pageOf(address);
    if (load(page) & bit)
      return false;
    return !(std::atomic_ref<uint8_t>(*page).fetch_or(bit, std::memory_order_relaxed) & bit);
  }
  /// What was used of a page since the last call, which forgets it.
  PageUse takeUse(uint64_t page, bool ofWrites);

private:
  Shadow() = default;

  static uint8_t load(const uint8_t *byte) { return __atomic_load_n(byte, __ATOMIC_RELAXED); }
  static void mark(uint8_t *bits, uint64_t offset, uint64_t bytes);

  uint64_t first = 0, pageCount = 0;
  uint8_t *pages = nullptr;       ///< PageState of each page
  uint8_t *touched = nullptr;     ///< of each page: bit 0 read, bit 1 written
  uint8_t *initialised = nullptr; ///< a bit for each byte of pages that are not readable
  uint8_t *read = nullptr;        ///< a bit for each byte
  uint8_t *written = nullptr;     ///< a bit for each byte
};

} // namespace tawny::hipsim
