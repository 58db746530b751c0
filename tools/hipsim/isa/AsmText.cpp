#include "tools/hipsim/isa/AsmText.h"

#include "tools/hipsim/isa/Isa.h"

#include <cctype>
#include <cstdlib>

namespace tawny::hipsim {

namespace {

bool startsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool endsWith(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  return text;
}

/// Splits at `separator` outside of brackets, parentheses and quotes.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  size_t first = 0;
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    quoted ^= c == '"';
    depth += (c == '[' || c == '(') - (c == ']' || c == ')');
    if (c == separator && depth == 0 && !quoted) {
      parts.push_back(trim(text.substr(first, i - first)));
      first = i + 1;
    }
  }
  parts.push_back(trim(text.substr(first)));
  return parts;
}

struct NamedRegister {
  std::string_view name;
  uint16_t index, count;
};

constexpr NamedRegister namedRegisters[] = {
    {"vcc", Vcc, 2},
    {"vcc_lo", Vcc, 1},
    {"vcc_hi", Vcc + 1, 1},
    {"exec", Exec, 2},
    {"exec_lo", Exec, 1},
    {"exec_hi", Exec + 1, 1},
    {"m0", M0, 1},
    {"null", Null, 1},
    {"scc", Scc, 1},
    {"src_scc", Scc, 1},
    {"flat_scratch", FlatScratch, 2},
    {"flat_scratch_lo", FlatScratch, 1},
    {"flat_scratch_hi", FlatScratch + 1, 1},
};

/// v5, s[0:3], ttmp7, a[2:3].
bool parseNumbered(std::string_view text, AsmOperand &operand) {
  struct Bank {
    std::string_view prefix;
    AsmOperand::Kind kind;
    uint16_t first;
  };
  constexpr Bank banks[] = {{"ttmp", AsmOperand::Scalar, Ttmp},
                            {"v", AsmOperand::Vector, 0},
                            {"a", AsmOperand::Vector, firstAgpr},
                            {"s", AsmOperand::Scalar, 0}};
  for (const Bank &bank : banks) {
    if (!startsWith(text, bank.prefix))
      continue;
    std::string digits(text.substr(bank.prefix.size()));
    const char *at = digits.c_str();
    bool range = *at == '[';
    char *end = nullptr;
    unsigned long first = std::strtoul(at + range, &end, 10), last = first;
    if (end == at + range)
      continue;
    if (range) {
      if (*end == ':')
        last = std::strtoul(end + 1, &end, 10);
      if (*end++ != ']')
        continue;
    }
    if (*end != '\0' || last < first)
      continue;
    operand.kind = bank.kind;
    operand.index = static_cast<uint16_t>(bank.first + first);
    operand.count = static_cast<uint16_t>(last - first + 1);
    return true;
  }
  return false;
}

/// The windows of flat addresses, as 64-bit constants.
bool parseAperture(std::string_view text, AsmOperand &operand) {
  if (text == "src_shared_base" || text == "src_private_base") {
    operand.kind = AsmOperand::Integer;
    operand.integer = int64_t(text == "src_shared_base" ? sharedAperture : privateAperture);
    return true;
  }
  return false;
}

bool parseRegister(std::string_view text, AsmOperand &operand) {
  if (endsWith(text, ".l") || endsWith(text, ".h")) {
    if (!parseNumbered(text.substr(0, text.size() - 2), operand))
      return false;
    operand.half = text.back() == 'h';
    return true;
  }
  for (const NamedRegister &named : namedRegisters)
    if (text == named.name) {
      operand.kind = AsmOperand::Scalar;
      operand.index = named.index;
      operand.count = named.count;
      return true;
    }
  return parseNumbered(text, operand);
}

bool parseNumber(std::string_view text, AsmOperand &operand) {
  std::string copy(text);
  const char *end = copy.c_str() + copy.size();
  char *stopped = nullptr;
  bool hexadecimal = copy.find("0x") != std::string::npos;
  if (hexadecimal)
    operand.integer = static_cast<int64_t>(std::strtoull(copy.c_str(), &stopped, 16));
  else
    operand.integer = std::strtoll(copy.c_str(), &stopped, 10);
  if (!copy.empty() && stopped == end) {
    operand.kind = AsmOperand::Integer;
    operand.literal = hexadecimal;
    return true;
  }
  operand.real = std::strtod(copy.c_str(), &stopped);
  if (copy.empty() || stopped != end || !(std::isdigit(copy[0]) || copy[0] == '-'))
    return false;
  operand.kind = AsmOperand::Float;
  return true;
}

/// Strips `name(` and `)`.
bool unwrap(std::string_view &text, std::string_view name) {
  if (!startsWith(text, name) || text.size() < name.size() + 2 || text[name.size()] != '(' ||
      text.back() != ')')
    return false;
  text = text.substr(name.size() + 1, text.size() - name.size() - 2);
  return true;
}

AsmOperand parseOperand(std::string_view text) {
  AsmOperand operand;
  operand.text = std::string(text);
  if (text == "off") {
    operand.kind = AsmOperand::Off;
    return operand;
  }
  operand.signExtended = unwrap(text, "sext");
  operand.negated = unwrap(text, "neg");
  // -1 and -4.0 are constants of their own; only a register or |...| is negated by a sign.
  if (text.size() > 1 && text[0] == '-' && !std::isdigit(static_cast<unsigned char>(text[1]))) {
    operand.negated = true;
    text.remove_prefix(1);
  }
  if (text.size() > 2 && text.front() == '|' && text.back() == '|') {
    operand.absolute = true;
    text = text.substr(1, text.size() - 2);
  }
  operand.absolute |= unwrap(text, "abs");
  unwrap(text, "lit");
  if (!parseRegister(text, operand) && !parseAperture(text, operand))
    parseNumber(text, operand);
  return operand;
}

AsmText parseOne(std::string_view line) {
  AsmText result;
  line = trim(line);
  size_t space = line.find_first_of(" \t");
  std::string_view mnemonic = line.substr(0, space);
  std::string_view rest = space == std::string_view::npos ? "" : trim(line.substr(space));
  result.rest = std::string(rest);
  struct Suffix {
    std::string_view text;
    Encoding encoding;
    bool e64;
  };
  constexpr Suffix suffixes[] = {{"_e64_dpp", Encoding::Dpp, true},
                                 {"_e32", Encoding::Plain, false},
                                 {"_e64", Encoding::Plain, true},
                                 {"_dpp", Encoding::Dpp, false},
                                 {"_sdwa", Encoding::Sdwa, false}};
  for (const Suffix &suffix : suffixes)
    if (endsWith(mnemonic, suffix.text)) {
      mnemonic.remove_suffix(suffix.text.size());
      result.encoding = suffix.encoding;
      result.e64 = suffix.e64;
      break;
    }
  result.mnemonic = std::string(mnemonic);
  if (rest.empty())
    return result;
  for (std::string_view part : split(rest, ',')) {
    std::vector<std::string_view> words = split(part, ' ');
    result.operands.push_back(parseOperand(words[0]));
    for (size_t i = 1; i < words.size(); ++i) {
      size_t colon = words[i].find(':');
      if (colon == std::string_view::npos)
        result.modifiers.push_back({std::string(words[i]), ""});
      else
        result.modifiers.push_back(
            {std::string(words[i].substr(0, colon)), std::string(words[i].substr(colon + 1))});
    }
  }
  return result;
}

} // namespace

std::vector<AsmText> AsmText::parse(std::string_view line) {
  std::vector<AsmText> halves;
  size_t dual = line.find(" :: ");
  halves.push_back(parseOne(line.substr(0, dual)));
  if (dual != std::string_view::npos)
    halves.push_back(parseOne(line.substr(dual + 4)));
  return halves;
}

AsmModifier *AsmText::take(std::string_view name) {
  for (AsmModifier &modifier : modifiers)
    if (modifier.name == name) {
      modifier.used = true;
      return &modifier;
    }
  return nullptr;
}

int64_t AsmText::takeNumber(std::string_view name, int64_t absent) {
  AsmModifier *modifier = take(name);
  return modifier ? std::strtoll(modifier->value.c_str(), nullptr, 0) : absent;
}

uint32_t AsmText::takeBits(std::string_view name, uint32_t absent) {
  AsmModifier *modifier = take(name);
  if (!modifier)
    return absent;
  uint32_t bits = absent;
  unsigned position = 0;
  for (int number : parseNumbers(modifier->value)) {
    bits = (bits & ~(1u << position)) | (uint32_t(number != 0) << position);
    ++position;
  }
  return bits;
}

std::vector<int> parseNumbers(std::string_view text) {
  std::vector<int> numbers;
  for (size_t i = 0; i < text.size();) {
    if (!std::isdigit(static_cast<unsigned char>(text[i]))) {
      ++i;
      continue;
    }
    int number = 0;
    for (; i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])); ++i)
      number = number * 10 + (text[i] - '0');
    numbers.push_back(number);
  }
  return numbers;
}

} // namespace tawny::hipsim
