// Feeds arbitrary bytes to everything that reads a GGUF file.
#include "tests/models/gguf/Touch.h"

extern "C" __attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t *data,
                                                                             size_t size) {
  tawny::gguf::test::touchEverything(llvm::ArrayRef<uint8_t>(data, size));
  return 0;
}
