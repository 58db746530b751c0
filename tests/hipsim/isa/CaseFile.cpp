#include "tests/hipsim/isa/CaseFile.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace tawny::hipsim::test {

namespace {

std::vector<std::string> split(const std::string &text, char separator) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  std::string part;
  while (std::getline(stream, part, separator))
    parts.push_back(part);
  return parts;
}

/// Splits at bars with spaces around; |v0| is an operand.
std::vector<std::string> splitAtBars(const std::string &text) {
  std::vector<std::string> parts;
  size_t first = 0;
  for (size_t at; (at = text.find(" | ", first)) != std::string::npos; first = at + 2)
    parts.push_back(text.substr(first, at - first));
  parts.push_back(text.substr(first));
  return parts;
}

std::vector<std::string> words(const std::string &text) {
  std::vector<std::string> found;
  std::stringstream stream(text);
  std::string word;
  while (stream >> word)
    found.push_back(word);
  return found;
}

bool takeSuffix(std::string &text, const std::string &suffix) {
  if (text.size() <= suffix.size() ||
      text.compare(text.size() - suffix.size(), suffix.size(), suffix) != 0)
    return false;
  text.resize(text.size() - suffix.size());
  return true;
}

bool parseReal(const std::string &text, double &value) {
  char *end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0';
}

/// One dword. A suffix makes it a float: f, h (a half), dl and dh (the words of a double); a colon
/// joins two halves.
bool parseDword(std::string text, uint32_t &value) {
  if (size_t colon = text.find(':'); colon != std::string::npos) {
    uint32_t low = 0, high = 0;
    if (!parseDword(text.substr(0, colon), low) || !parseDword(text.substr(colon + 1), high))
      return false;
    value = (low & 0xffff) | high << 16;
    return true;
  }
  char *end = nullptr;
  value = static_cast<uint32_t>(std::strtoll(text.c_str(), &end, 0));
  if (!text.empty() && *end == '\0')
    return true;
  double real = 0;
  bool lowWord = takeSuffix(text, "dl");
  if (lowWord || takeSuffix(text, "dh")) {
    auto bits = parseReal(text, real) ? std::bit_cast<uint64_t>(real) : 0;
    value = static_cast<uint32_t>(lowWord ? bits : bits >> 32);
    return parseReal(text, real);
  }
  if (takeSuffix(text, "h")) {
    value = std::bit_cast<uint16_t>(static_cast<_Float16>(parseReal(text, real) ? real : 0));
    return parseReal(text, real);
  }
  // `inf` ends in f as it is.
  if (text != "inf" && text != "-inf" && text != "nan" && !takeSuffix(text, "f"))
    return false;
  value = std::bit_cast<uint32_t>(static_cast<float>(parseReal(text, real) ? real : 0));
  return parseReal(text, real);
}

bool parseRegisters(const std::string &text, std::vector<Values> &registers) {
  for (const std::string &word : words(text)) {
    size_t equals = word.find('=');
    if (equals == std::string::npos)
      return false;
    Values values{word.substr(0, equals), {}};
    for (const std::string &part : split(word.substr(equals + 1), ',')) {
      uint32_t value = 0;
      // 7*0 is seven zeros.
      size_t star = part.find('*');
      unsigned count =
          star == std::string::npos ? 1 : unsigned(std::strtoul(part.c_str(), nullptr, 10));
      if (!parseDword(star == std::string::npos ? part : part.substr(star + 1), value))
        return false;
      values.values.insert(values.values.end(), count, value);
    }
    if (values.values.empty())
      return false;
    registers.push_back(std::move(values));
  }
  return true;
}

} // namespace

CaseFile readCases(const std::string &path) {
  CaseFile file;
  std::ifstream stream(path);
  if (!stream) {
    file.error = "cannot be opened";
    return file;
  }
  std::vector<std::string> chips;
  std::string text;
  for (unsigned number = 1; std::getline(stream, text); ++number) {
    if (text.empty() || text[0] == '#')
      continue;
    if (text.rfind("chips:", 0) == 0) {
      chips = words(text.substr(6));
      continue;
    }
    std::vector<std::string> parts = splitAtBars(text);
    CaseFile::Line line{number, chips, {}};
    if (parts.size() != 3 || !parseRegisters(parts[1], line.test.before) ||
        !parseRegisters(parts[2], line.test.after) || line.test.after.empty() || chips.empty()) {
      file.error = "line " + std::to_string(number) + " is not `code | before | after`: " + text;
      return file;
    }
    for (const std::string &instruction : split(parts[0], ';'))
      line.test.code += instruction + "\n";
    file.lines.push_back(std::move(line));
  }
  return file;
}

} // namespace tawny::hipsim::test
