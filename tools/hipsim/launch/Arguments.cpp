#include "tools/hipsim/launch/Arguments.h"

#include <cstring>
#include <string_view>

namespace tawny::hipsim {
namespace {

uint16_t dimensions(const LaunchRequest &request) {
  auto uses = [](uint32_t grid, uint32_t block) { return grid > 1 || block > 1; };
  if (uses(request.grid.z, request.block.z))
    return 3;
  return uses(request.grid.y, request.block.y) ? 2 : 1;
}

/// The value of a hidden argument; 0 for what the simulator has not.
uint64_t hiddenValue(std::string_view kind, const LaunchRequest &request) {
  const std::pair<std::string_view, uint64_t> values[] = {
      {"hidden_block_count_x", request.grid.x},
      {"hidden_block_count_y", request.grid.y},
      {"hidden_block_count_z", request.grid.z},
      {"hidden_group_size_x", request.block.x},
      {"hidden_group_size_y", request.block.y},
      {"hidden_group_size_z", request.block.z},
      {"hidden_grid_dims", dimensions(request)},
      {"hidden_dynamic_lds_size", request.dynamicLdsBytes},
      {"hidden_private_base", privateAperture >> 32},
      {"hidden_shared_base", sharedAperture >> 32},
  };
  for (const auto &[name, value] : values)
    if (kind == name)
      return value;
  return 0;
}

} // namespace

void fillHiddenArguments(LaunchRequest &request) {
  const KernelMetadata &kernel = request.kernel->metadata;
  request.arguments.resize(kernel.argumentBytes);
  for (const KernelArgument &argument : kernel.arguments) {
    if (!argument.hidden())
      continue;
    uint64_t value = hiddenValue(argument.kind, request);
    std::memset(request.arguments.data() + argument.offset, 0, argument.bytes);
    std::memcpy(request.arguments.data() + argument.offset, &value,
                std::min<size_t>(argument.bytes, sizeof(value)));
  }
}

std::array<std::byte, 64> dispatchPacket(const LaunchRequest &request, uint64_t arguments) {
  struct Packet {
    uint16_t header, setup, workgroup[3], reserved;
    uint32_t grid[3], privateBytes, groupBytes;
    uint64_t kernel, arguments, reserved2, completion;
  } packet{};
  static_assert(sizeof(Packet) == 64);
  const Dim3 &grid = request.grid, &block = request.block;
  packet.header = 2; // HSA_PACKET_TYPE_KERNEL_DISPATCH
  packet.setup = dimensions(request);
  packet.workgroup[0] = static_cast<uint16_t>(block.x);
  packet.workgroup[1] = static_cast<uint16_t>(block.y);
  packet.workgroup[2] = static_cast<uint16_t>(block.z);
  packet.grid[0] = grid.x * block.x;
  packet.grid[1] = grid.y * block.y;
  packet.grid[2] = grid.z * block.z;
  packet.privateBytes = request.kernel->descriptor.scratchBytesPerLane;
  packet.groupBytes = request.kernel->descriptor.ldsBytes + request.dynamicLdsBytes;
  packet.kernel = request.kernel->descriptor.entry;
  packet.arguments = arguments;
  std::array<std::byte, 64> bytes;
  std::memcpy(bytes.data(), &packet, sizeof(packet));
  return bytes;
}

} // namespace tawny::hipsim
