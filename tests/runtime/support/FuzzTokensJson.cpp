// Lists of token ids in both spellings. What is accepted must be in range, and must be accepted
// with the same meaning when it is written again.
#include "runtime/support/TokenIds.h"

#include <cstdlib>

using namespace tawny;

static void require(bool condition) {
  if (!condition)
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  TokenIdLimits limits = {.vocabularySize = 32000, .maxCount = 1000};
  std::string_view text(reinterpret_cast<const char *>(data), size);
  for (bool isJson : {false, true}) {
    auto parse = isJson ? parseTokenJson : parseTokenList;
    auto ids = parse(text, "input", limits);
    if (!ids) {
      require(ids.error().message.starts_with("input: "));
      continue;
    }
    require(ids->size() <= limits.maxCount);
    std::string again = isJson ? "[" : "";
    for (int32_t id : *ids) {
      require(id >= 0 && id < limits.vocabularySize);
      again += std::to_string(id) + ",";
    }
    if (!ids->empty())
      again.pop_back();
    auto second = parse(again + (isJson ? "]" : ""), "again", limits);
    require(second && *second == *ids);
  }
  return 0;
}
