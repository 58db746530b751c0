// Looks for what is not finite among the keys and values that a dispatch has written.
#pragma once

#include "runtime/artifact_generated.h"
#include "runtime/device/Device.h"
#include "runtime/support/Error.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tawny {

/// A key or value that is not finite.
struct KvFinding {
  std::string_view pool; ///< keys, values
  uint32_t layer;
  uint32_t page;
  std::string_view value; ///< nan, inf, -inf
};

/// Where a dispatch has written keys and values, all of it or some.
struct KvWrites {
  const fb::KvGeometry &geometry;
  const fb::Binding &binding; ///< of the KV pool
  void *address;              ///< of the binding, on the device
  std::span<const int32_t> slots;
};

/// Searches the pages of the slots, as far as the binding covers them, and returns the first
/// finding. Every one becomes zero: the step fails and gives its slots back, and whoever gets them
/// next is not to be blamed. Pages start as zeros and targets lay them out as they like, so whole
/// pages are searched. `staging` is for devices whose memory the host cannot follow.
ErrorOr<std::optional<KvFinding>> removeNonFinite(Device &device, const KvWrites &writes,
                                                  std::span<float> staging);

} // namespace tawny
