#include "runtime/executor/KvCheck.h"

#include <algorithm>
#include <cstddef>

namespace tawny {
namespace {

/// The bits of f16, bf16 or f32 that are all set where a number is not finite.
struct ExponentBits {
  uint64_t elementBytes;
  uint32_t mask;
};

ExponentBits exponentOf(std::string_view element) {
  if (element == "f32")
    return {sizeof(uint32_t), 0x7F800000};
  return {sizeof(uint16_t), element == "bf16" ? 0x7F80u : 0x7C00u};
}

class KvSearch {
public:
  KvSearch(Device &device, const KvWrites &writes, std::span<float> staging)
      : device(device), writes(writes), staging(std::as_writable_bytes(staging)),
        exponent(exponentOf(writes.geometry.element()->string_view())) {}

  ErrorOr<std::optional<KvFinding>> run();

private:
  ErrorOr<void> searchPages(std::string_view pool, uint32_t layer, uint64_t start,
                            uint64_t pageBytes);
  ErrorOr<void> searchPage(const KvFinding &place, std::byte *address, uint64_t bytes);
  bool clear(const KvFinding &place, std::span<std::byte> values);
  template <typename Bits> bool clearAs(const KvFinding &place, std::span<std::byte> values);

  Device &device;
  const KvWrites &writes;
  std::span<std::byte> staging;
  ExponentBits exponent;
  std::optional<KvFinding> first;
};

ErrorOr<std::optional<KvFinding>> KvSearch::run() {
  const fb::KvGeometry &geometry = writes.geometry;
  for (uint32_t layer = 0; layer < geometry.layers(); ++layer) {
    uint64_t keys = layer * geometry.layer_bytes();
    uint64_t values = keys + geometry.pages() * geometry.k_page_bytes();
    if (ErrorOr<void> done = searchPages("keys", layer, keys, geometry.k_page_bytes()); !done)
      return done.takeError();
    if (ErrorOr<void> done = searchPages("values", layer, values, geometry.v_page_bytes()); !done)
      return done.takeError();
  }
  return first;
}

/// Searches the slots' pages, the first of all pages being at `start` of the KV pool.
ErrorOr<void> KvSearch::searchPages(std::string_view pool, uint32_t layer, uint64_t start,
                                    uint64_t pageBytes) {
  const uint64_t begin = writes.binding.offset(), end = begin + writes.binding.bytes();
  uint32_t last = writes.geometry.pages();
  for (int32_t slot : writes.slots) {
    uint32_t page = static_cast<uint32_t>(slot) / writes.geometry.page_tokens();
    uint64_t offset = start + page * pageBytes;
    if (page == last || offset < begin || offset + pageBytes > end)
      continue;
    last = page;
    auto *address = static_cast<std::byte *>(writes.address) + (offset - begin);
    if (ErrorOr<void> done = searchPage({pool, layer, page, ""}, address, pageBytes); !done)
      return done;
  }
  return {};
}

ErrorOr<void> KvSearch::searchPage(const KvFinding &place, std::byte *address, uint64_t bytes) {
  if (auto *visible = static_cast<std::byte *>(device.hostView(address))) {
    clear(place, {visible, bytes});
    return {};
  }
  for (uint64_t done = 0; done < bytes;) {
    std::span<std::byte> piece = staging.first(std::min<uint64_t>(staging.size(), bytes - done));
    if (ErrorOr<void> read = device.read(piece, address + done); !read)
      return read;
    if (clear(place, piece))
      if (ErrorOr<void> written = device.write(address + done, piece); !written)
        return written;
    done += piece.size();
  }
  return {};
}

bool KvSearch::clear(const KvFinding &place, std::span<std::byte> values) {
  return exponent.elementBytes == sizeof(uint32_t) ? clearAs<uint32_t>(place, values)
                                                   : clearAs<uint16_t>(place, values);
}

/// Makes zeros of what is not finite; true if there was any.
template <typename Bits>
bool KvSearch::clearAs(const KvFinding &place, std::span<std::byte> values) {
  const uint32_t fraction = exponent.mask & -exponent.mask;
  bool found = false;
  std::span<Bits> elements(reinterpret_cast<Bits *>(values.data()), values.size() / sizeof(Bits));
  for (Bits &bits : elements) {
    if ((bits & exponent.mask) != exponent.mask)
      continue;
    if (!first) {
      bool isNan = bits % fraction != 0, isNegative = bits >> (8 * sizeof(Bits) - 1) != 0;
      first = place;
      first->value = isNan ? "nan" : isNegative ? "-inf" : "inf";
    }
    bits = 0;
    found = true;
  }
  return found;
}

} // namespace

ErrorOr<std::optional<KvFinding>> removeNonFinite(Device &device, const KvWrites &writes,
                                                  std::span<float> staging) {
  return KvSearch(device, writes, staging).run();
}

} // namespace tawny
