#include "runtime/device/SystemFiles.h"

#include <cstdio>
#include <cstdlib>

namespace tawny {

std::optional<std::string> readSystemText(const std::string &path) {
  std::FILE *file = std::fopen(path.c_str(), "re");
  if (!file)
    return std::nullopt;
  std::string text;
  char block[4096];
  while (size_t bytes = std::fread(block, 1, sizeof(block), file))
    text.append(block, bytes);
  std::fclose(file);
  return text;
}

std::optional<int64_t> readSystemInteger(const std::string &path) {
  std::optional<std::string> text = readSystemText(path);
  if (!text)
    return std::nullopt;
  char *end;
  long long value = std::strtoll(text->c_str(), &end, 10);
  if (end == text->c_str())
    return std::nullopt;
  return value;
}

} // namespace tawny
