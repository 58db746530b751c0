// How a wave starts (LLVM, User Guide for AMDGPU Backend, "Initial Kernel Execution State").
#include "tools/hipsim/isa/Workgroup.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tawny::hipsim {

namespace {

/// KERNEL_CODE_PROPERTIES.
enum Property : uint16_t {
  PrivateSegmentBuffer = 1 << 0,
  DispatchPtr = 1 << 1,
  QueuePtr = 1 << 2,
  KernargSegmentPtr = 1 << 3,
  DispatchId = 1 << 4,
  FlatScratchInit = 1 << 5,
  PrivateSegmentSize = 1 << 6,
};

/// What registers hold that nothing has set: a NaN in every format, so that its use shows.
constexpr uint32_t unset = 0xffbadbad;

} // namespace

void Workgroup::start(Dim3 workgroup) {
  id = workgroup;
  lds.reset(launch.kernel.ldsBytes + launch.dynamicLdsBytes, unsigned(waves.size()));
  size_t scratchBytes =
      waves.size() * launch.kernel.waveSize * size_t(launch.kernel.scratchBytesPerLane);
  scratchData.assign((scratchBytes + 3) / 4, unset);
  for (unsigned i = 0; i < waves.size(); ++i)
    initialise(waves[i], i);
}

void Workgroup::initialise(Wave &wave, unsigned number) {
  const KernelDescriptor &kernel = launch.kernel;
  wave = Wave();
  wave.group = this;
  wave.chip = &program.chip();
  wave.blocks = static_cast<uint8_t>(kernel.waveSize / blockLanes);
  size_t words = size_t(wave.blocks) * numVectors * blockLanes;
  wave.vectors = vectors.get() + number * words;
  wave.index = number;
  wave.pc = wave.instructionPc = kernel.entry;
  std::fill_n(wave.vectors, words, unset);
  std::fill_n(wave.scalars, 124, unset);
  // FP_ROUND and FP_DENORM, then DX10_CLAMP and IEEE, which gfx12 does not have.
  wave.mode = kernel.rsrc1 >> 12 & 0xff;
  if (wave.chip->family == Family::Gfx12)
    wave.mode |= 1 << 8;
  else
    wave.mode |= (kernel.rsrc1 >> 21 & 1) << 8 | (kernel.rsrc1 >> 23 & 1) << 9;

  uint32_t items = launch.block.x * launch.block.y * launch.block.z;
  uint64_t exec = 0;
  unsigned wanted = kernel.rsrc2 >> 11 & 3;
  for (unsigned lane = 0; lane < kernel.waveSize; ++lane) {
    uint32_t item = number * kernel.waveSize + lane;
    if (item >= items)
      break;
    exec |= uint64_t(1) << lane;
    uint32_t x = item % launch.block.x, y = item / launch.block.x % launch.block.y;
    uint32_t z = item / (launch.block.x * launch.block.y);
    if (wave.chip->packedWorkItemIds) {
      wave.lane(0, lane) = x | y << 10 | z << 20;
      continue;
    }
    wave.lane(0, lane) = x;
    if (wanted >= 1)
      wave.lane(1, lane) = y;
    if (wanted >= 2)
      wave.lane(2, lane) = z;
  }
  wave.setScalar64(Exec, exec);
  initialiseScalars(wave);
}

void Workgroup::initialiseScalars(Wave &wave) {
  const KernelDescriptor &kernel = launch.kernel;
  unsigned next = 0;
  auto add64 = [&](uint64_t value) {
    wave.setScalar64(next, value);
    next += 2;
  };
  if (kernel.properties & PrivateSegmentBuffer) {
    // A buffer descriptor that VectorMemory.cpp recognises by its base.
    add64(scratchBufferBase);
    add64(~uint64_t(0));
  }
  if (kernel.properties & DispatchPtr)
    add64(launch.dispatchAddress);
  if (kernel.properties & QueuePtr)
    add64(0); // there is none: an access shows
  if (kernel.properties & KernargSegmentPtr)
    add64(launch.kernargAddress);
  if (kernel.properties & DispatchId)
    add64(0);
  if (kernel.properties & FlatScratchInit)
    add64(0);
  if (kernel.properties & PrivateSegmentSize)
    wave.scalars[next++] = kernel.scratchBytesPerLane;
  unsigned user = kernel.rsrc2 >> 1 & 0x1f;
  next = std::max(next, user);
  if (wave.chip->architectedWorkgroupIds) {
    wave.scalars[Ttmp + 9] = id.x;
    wave.scalars[Ttmp + 7] = (id.y & 0xffff) | id.z << 16;
    return;
  }
  const uint32_t ids[] = {id.x, id.y, id.z};
  for (unsigned i = 0; i < 3; ++i)
    if (kernel.rsrc2 >> (7 + i) & 1)
      wave.scalars[next++] = ids[i];
  if (kernel.rsrc2 >> 10 & 1) // workgroup info: the number of waves is all that is in it
    wave.scalars[next++] = uint32_t(waves.size());
  if (kernel.rsrc2 & 1 && !wave.chip->architectedFlatScratch)
    wave.scalars[next++] = 0; // the wave's offset in scratch, which is apart for each
}

namespace {

template <typename T> T field(std::span<const std::byte> bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

ErrorOr<void> checkDescriptor(const KernelDescriptor &kernel, uint16_t preload) {
  if (preload & 0x7f)
    return makeError("the kernel wants %u dwords of its arguments in registers, which is not "
                     "modelled",
                     preload & 0x7f);
  uint32_t round = kernel.rsrc1 >> 12 & 0xf, single = kernel.rsrc1 >> 16 & 3;
  if (round != 0)
    return makeError("the kernel starts with FP_ROUND %u; only rounding to nearest (0) is "
                     "modelled",
                     round);
  if ((single != 0 && single != 3) || (kernel.rsrc1 >> 18 & 3) != 3)
    return makeError("the kernel starts with FP_DENORM %u; f32 denormals must be all flushed or "
                     "all kept, those of f16 and f64 kept",
                     kernel.rsrc1 >> 16 & 0xf);
  return {};
}

} // namespace

ErrorOr<KernelDescriptor> CodeImage::descriptor(uint64_t address) const {
  constexpr size_t size = 64;
  std::span<const std::byte> image = state->bytes();
  uint64_t offset = address - state->address();
  if (address < state->address() || offset > image.size() || image.size() - offset < size)
    return makeError("a kernel descriptor at 0x%llx is outside of the code object",
                     static_cast<unsigned long long>(address));
  std::span<const std::byte> bytes = image.subspan(offset, size);
  const Chip &chip = state->chip();
  KernelDescriptor kernel;
  kernel.ldsBytes = field<uint32_t>(bytes, 0);
  kernel.scratchBytesPerLane = field<uint32_t>(bytes, 4);
  kernel.kernargBytes = field<uint32_t>(bytes, 8);
  kernel.entry = address + field<int64_t>(bytes, 16);
  kernel.rsrc3 = field<uint32_t>(bytes, 44);
  kernel.rsrc1 = field<uint32_t>(bytes, 48);
  kernel.rsrc2 = field<uint32_t>(bytes, 52);
  kernel.properties = field<uint16_t>(bytes, 56);
  kernel.waveSize = kernel.properties >> 10 & 1 ? 32 : 64;
  uint32_t granule = kernel.waveSize == 32 || chip.unifiedRegisters ? 8 : 4;
  kernel.vectorRegisters = ((kernel.rsrc1 & 0x3f) + 1) * granule;
  if (chip.unifiedRegisters)
    kernel.agprOffset = ((kernel.rsrc3 & 0x3f) + 1) * 4;
  if (auto checked = checkDescriptor(kernel, field<uint16_t>(bytes, 58)); !checked)
    return checked.takeError();
  return kernel;
}

} // namespace tawny::hipsim
