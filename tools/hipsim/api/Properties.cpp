#include "tools/hipsim/api/Properties.h"

#include <climits>
#include <cstdio>
#include <cstring>

namespace tawny::hipsim {
namespace {

constexpr int ldsBytes = 65536;
constexpr int workgroupLimit = 1024;
constexpr int threadsPerMultiprocessor = 2048;
constexpr int registersPerBlock = 65536;
constexpr int pciDomain = 0xffff, pciBus = 0xff, pciDevice = 0x1f;
constexpr int timerKHz = 100000;
constexpr int kilo = 1000;

/// Puts a value at an offset of a structure that no header here declares.
template <typename T> void put(void *structure, size_t offset, T value) {
  std::memcpy(static_cast<char *>(structure) + offset, &value, sizeof(T));
}

void putText(void *structure, size_t offset, const std::string &text) {
  std::snprintf(static_cast<char *>(structure) + offset, 256, "%s", text.c_str());
}

/// The first two digits of the chip's version, and the rest: gfx1151 is 11.5.
void version(const Card &card, int &major, int &minor) {
  std::string digits = card.name + 3;
  major = std::stoi(digits.substr(0, digits.size() - 2));
  minor = digits[digits.size() - 2] - '0';
}

} // namespace

void fillProperties5(const Simulator &simulator, hipDeviceProp_t &properties) {
  const Card &card = *simulator.card;
  properties = {};
  std::snprintf(properties.name, sizeof(properties.name), "%s", card.product);
  std::snprintf(properties.gcnArchName, sizeof(properties.gcnArchName), "%s",
                archName(card).c_str());
  properties.totalGlobalMem = simulator.memory->limit();
  properties.sharedMemPerBlock = ldsBytes;
  properties.regsPerBlock = registersPerBlock;
  properties.warpSize = static_cast<int>(card.waveSize);
  properties.maxThreadsPerBlock = workgroupLimit;
  for (int i = 0; i < 3; ++i) {
    properties.maxThreadsDim[i] = workgroupLimit;
    properties.maxGridSize[i] = INT_MAX;
  }
  properties.clockRate = static_cast<int>(card.clockMHz) * kilo;
  properties.memoryClockRate = static_cast<int>(card.memoryClockMHz) * kilo;
  properties.memoryBusWidth = static_cast<int>(card.busBits);
  version(card, properties.major, properties.minor);
  properties.multiProcessorCount = static_cast<int>(card.multiprocessors);
  properties.l2CacheSize = static_cast<int>(card.l2KiB) * 1024;
  properties.maxThreadsPerMultiProcessor = threadsPerMultiprocessor;
  properties.clockInstructionRate = timerKHz;
  properties.concurrentKernels = 1;
  properties.pciDomainID = pciDomain;
  properties.pciBusID = pciBus;
  properties.pciDeviceID = pciDevice;
  properties.maxSharedMemoryPerMultiProcessor = ldsBytes;
  properties.canMapHostMemory = 1;
  properties.integrated = card.integrated;
}

// Offsets: hipDeviceProp_t of hip_runtime_api.h since ROCm 6.0, on x86-64.
void fillProperties6(const Simulator &simulator, void *properties) {
  hipDeviceProp_t known;
  fillProperties5(simulator, known);
  std::memset(properties, 0, properties6Bytes);
  putText(properties, 0, known.name);
  put(properties, 288, known.totalGlobalMem);
  put(properties, 296, known.sharedMemPerBlock);
  put(properties, 304, known.regsPerBlock);
  put(properties, 308, known.warpSize);
  put(properties, 320, known.maxThreadsPerBlock);
  for (size_t i = 0; i < 3; ++i) {
    put(properties, 324 + 4 * i, known.maxThreadsDim[i]);
    put(properties, 336 + 4 * i, known.maxGridSize[i]);
  }
  put(properties, 348, known.clockRate);
  put(properties, 360, known.major);
  put(properties, 364, known.minor);
  put(properties, 388, known.multiProcessorCount);
  put(properties, 396, known.integrated);
  put(properties, 400, known.canMapHostMemory);
  put(properties, 576, known.concurrentKernels);
  put(properties, 584, known.pciBusID);
  put(properties, 588, known.pciDeviceID);
  put(properties, 592, known.pciDomainID);
  put(properties, 604, int{1}); // unifiedAddressing
  put(properties, 608, known.memoryClockRate);
  put(properties, 612, known.memoryBusWidth);
  put(properties, 616, known.l2CacheSize);
  put(properties, 624, known.maxThreadsPerMultiProcessor);
  put(properties, 640, known.maxSharedMemoryPerMultiProcessor);
  put(properties, 648, known.regsPerBlock);
  putText(properties, 1160, known.gcnArchName);
  put(properties, 1416, known.maxSharedMemoryPerMultiProcessor);
  put(properties, 1424, known.clockInstructionRate);
}

bool attribute(const Simulator &simulator, hipDeviceAttribute_t attribute, int &value) {
  hipDeviceProp_t known;
  fillProperties5(simulator, known);
  switch (attribute) {
  case hipDeviceAttributeCanMapHostMemory:
  case hipDeviceAttributeConcurrentKernels:
  case hipDeviceAttributeUnifiedAddressing:
    value = 1;
    return true;
  case hipDeviceAttributeClockRate:
    value = known.clockRate;
    return true;
  case hipDeviceAttributeIntegrated:
    value = known.integrated;
    return true;
  case hipDeviceAttributeL2CacheSize:
    value = known.l2CacheSize;
    return true;
  case hipDeviceAttributeComputeCapabilityMajor:
    value = known.major;
    return true;
  case hipDeviceAttributeComputeCapabilityMinor:
    value = known.minor;
    return true;
  case hipDeviceAttributeMaxBlockDimX:
  case hipDeviceAttributeMaxBlockDimY:
  case hipDeviceAttributeMaxBlockDimZ:
  case hipDeviceAttributeMaxThreadsPerBlock:
    value = known.maxThreadsPerBlock;
    return true;
  case hipDeviceAttributeMaxGridDimX:
  case hipDeviceAttributeMaxGridDimY:
  case hipDeviceAttributeMaxGridDimZ:
    value = known.maxGridSize[0];
    return true;
  case hipDeviceAttributeMaxThreadsPerMultiProcessor:
    value = known.maxThreadsPerMultiProcessor;
    return true;
  case hipDeviceAttributeMemoryBusWidth:
    value = known.memoryBusWidth;
    return true;
  case hipDeviceAttributeMemoryClockRate:
    value = known.memoryClockRate;
    return true;
  case hipDeviceAttributeMultiprocessorCount:
  case hipDeviceAttributePhysicalMultiProcessorCount:
    value = known.multiProcessorCount;
    return true;
  case hipDeviceAttributeMaxRegistersPerBlock:
    value = known.regsPerBlock;
    return true;
  case hipDeviceAttributeMaxSharedMemoryPerBlock:
  case hipDeviceAttributeMaxSharedMemoryPerMultiprocessor:
    value = ldsBytes;
    return true;
  case hipDeviceAttributeWarpSize:
    value = known.warpSize;
    return true;
  default:
    return false;
  }
}

} // namespace tawny::hipsim
