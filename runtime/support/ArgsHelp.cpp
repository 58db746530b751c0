// What a command line's table says to a person: help, and what a mistyped word may have meant.
#include "runtime/support/Args.h"

#include <algorithm>

namespace tawny {

/// Appends words and a line break. Lines have at most 100 columns; all start at `column`, where the
/// first one already stands.
static void appendWrapped(std::string &out, size_t column, std::string_view text) {
  constexpr size_t lineEnd = 100;
  size_t position = column;
  while (!text.empty()) {
    size_t space = text.find(' ');
    std::string_view word = text.substr(0, space);
    if (position + word.size() > lineEnd && position > column) {
      out.back() = '\n';
      out.append(column, ' ');
      position = column;
    }
    out += word;
    position += word.size() + 1;
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    if (!text.empty())
      out += ' ';
  }
  out += '\n';
}

/// Appends "  LEFT   RIGHT" with the right column at a fixed place; a left part that is too long
/// gets a line of its own.
static void appendRow(std::string &out, const std::string &left, std::string_view right) {
  constexpr size_t column = 32;
  out += "  " + left;
  size_t position = left.size() + 2;
  if (position + 1 > column) {
    out += '\n';
    position = 0;
  }
  out.append(column - position, ' ');
  appendWrapped(out, column, right);
}

std::string ArgumentParser::helpText() const {
  std::string out =
      program + ": " + summary + "\n\nusage: " + program + " COMMAND [ARGUMENTS]\n\ncommands:\n";
  for (const Command &command : commands)
    appendRow(out, command.name, command.summary);
  out += "\n'" + program + " COMMAND --help' shows the options of a command;";
  out += " '" + program + " --version' the version.\n";
  return out;
}

std::string ArgumentParser::helpText(const Command &command) const {
  std::string out = "usage: " + program + " " + command.name;
  for (const Command::Positional &positional : command.positionals)
    out += positional.required ? " " + positional.placeholder : " [" + positional.placeholder + "]";
  out += " [OPTIONS]\n\n" + command.summary + "\n";
  if (!command.paragraph.empty()) {
    out += '\n';
    appendWrapped(out, 0, command.paragraph);
  }
  if (!command.positionals.empty())
    out += "\narguments:\n";
  for (const Command::Positional &positional : command.positionals)
    appendRow(out, positional.placeholder, positional.help);
  out += "\noptions:\n";
  for (const Command::Option &option : command.options) {
    std::string left;
    for (const std::string &name : option.names)
      left += (left.empty() ? "" : ", ") + name;
    if (!option.placeholder.empty())
      left += (left.starts_with("--") ? "=" : " ") + option.placeholder;
    appendRow(out, left, option.help);
  }
  appendRow(out, "-h, --help", "show this text");
  return out;
}

/// How many characters must be inserted, deleted, replaced or swapped with their neighbour, each at
/// most once (the optimal string alignment distance).
static size_t editDistance(std::string_view a, std::string_view b) {
  size_t width = b.size() + 1;
  std::vector<size_t> distances((a.size() + 1) * width);
  auto at = [&](size_t i, size_t j) -> size_t & { return distances[i * width + j]; };
  for (size_t i = 0; i <= a.size(); ++i)
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        at(i, j) = i + j;
        continue;
      }
      size_t replaced = at(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1);
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
    }
  return at(a.size(), b.size());
}

std::string_view nearestWord(std::string_view typed, const std::vector<std::string_view> &words) {
  // Longer than any word anybody declares; also bounds the time of a comparison.
  constexpr size_t maxTyped = 64;
  if (typed.size() > maxTyped)
    return {};
  std::string_view nearest;
  // A third of the letters, without the leading dashes, may be wrong, or one, but not all.
  size_t letters = typed.size() - std::min(typed.size(), typed.find_first_not_of('-'));
  size_t best = std::min(std::max<size_t>(1, letters / 3) + 1, letters);
  for (std::string_view word : words) {
    size_t distance = editDistance(typed, word);
    if (distance < best) {
      best = distance;
      nearest = word;
    }
  }
  return nearest;
}

} // namespace tawny
