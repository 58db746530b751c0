// Safetensors files. What is accepted must consist of tensors that lie in the file and have the
// size that their shapes say.
#include "runtime/support/Safetensors.h"

#include <cstdlib>

using namespace tawny;

static void require(bool condition) {
  if (!condition)
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view file(reinterpret_cast<const char *>(data), size);
  auto content = readSafetensors(file, "input");
  if (!content) {
    require(content.error().message.starts_with("input: "));
    return 0;
  }
  size_t total = 0;
  for (const auto &[name, tensor] : content->tensors) {
    uint64_t count = 1;
    for (uint64_t extent : tensor.shape)
      count *= extent;
    require(tensor.bytes.size() == count * 4);
    require(tensor.floats().size() + tensor.integers().size() == count);
    if (count != 0)
      require(tensor.bytes.data() >= file.data() &&
              tensor.bytes.data() + tensor.bytes.size() <= file.data() + file.size());
    total += tensor.bytes.size();
  }
  require(total <= size);
  return 0;
}
