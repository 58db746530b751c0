// Feeds damaged code objects to the simulator's loader: everything up to the instructions.
#include "tools/hipsim/codeobject/ElfImage.h"
#include "tools/hipsim/codeobject/Metadata.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using namespace tawny::hipsim;
  auto image = layOutElf({reinterpret_cast<const std::byte *>(data), size});
  if (!image)
    return 0;
  constexpr uint64_t somewhere = uint64_t{1} << 40;
  tawny::ErrorOr<void> relocated = image->relocate(somewhere);
  auto kernels = readMetadata(image->metadata);
  volatile bool sink = static_cast<bool>(relocated) && static_cast<bool>(kernels);
  (void)sink;
  return 0;
}
