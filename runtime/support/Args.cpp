#include "runtime/support/Args.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>

namespace tawny {

/// "'TEXT'", shortened so that a message stays readable.
static std::string quoted(std::string_view text) {
  size_t shown = 60;
  // Not within a character.
  while (shown < text.size() && shown > 0 && (text[shown] & 0xC0) == 0x80)
    --shown;
  return "'" + std::string(text.substr(0, shown)) + (text.size() > shown ? "…'" : "'");
}

static std::string describeNumber(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%g", value);
  return text;
}

static ErrorOr<int64_t> parseInteger(std::string_view text, IntegerRange range) {
  int64_t value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool isNumber = end == text.data() + text.size() && code != std::errc::invalid_argument;
  if (isNumber && code == std::errc() && value >= range.minimum && value <= range.maximum)
    return value;
  std::string bounds =
      range.maximum == std::numeric_limits<int64_t>::max()
          ? "of at least " + std::to_string(range.minimum)
          : "from " + std::to_string(range.minimum) + " to " + std::to_string(range.maximum);
  return makeError("needs an integer %s, not %s", bounds.c_str(), quoted(text).c_str());
}

static ErrorOr<double> parseReal(std::string_view text, RealRange range) {
  double value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool isNumber = end == text.data() + text.size() && code == std::errc() && std::isfinite(value);
  bool above = range.excludesMinimum ? value > range.minimum : value >= range.minimum;
  if (isNumber && above && value <= range.maximum)
    return value;
  std::string bounds = range.excludesMinimum ? "above " : "of at least ";
  bounds += describeNumber(range.minimum);
  if (range.maximum != std::numeric_limits<double>::max())
    bounds += " and at most " + describeNumber(range.maximum);
  return makeError("needs a number %s, not %s", bounds.c_str(), quoted(text).c_str());
}

template <typename Each> static void forEachItem(std::string_view list, Each each) {
  while (true) {
    size_t comma = list.find(',');
    each(list.substr(0, comma));
    if (comma == std::string_view::npos)
      return;
    list.remove_prefix(comma + 1);
  }
}

Command &Command::add(std::string_view names, std::string placeholder, std::string help,
                      std::function<ErrorOr<void>(std::string_view)> store) {
  Option option;
  forEachItem(names, [&](std::string_view one) {
    assert(one.size() > 1 && one[0] == '-' && !find(one) && "a new name that starts with '-'");
    option.names.emplace_back(one);
  });
  option.placeholder = std::move(placeholder);
  option.help = std::move(help);
  option.store = std::move(store);
  options.push_back(std::move(option));
  return *this;
}

Command &Command::flag(std::string_view names, bool *target, std::string help) {
  return add(names, "", std::move(help), [target](std::string_view) -> ErrorOr<void> {
    *target = true;
    return {};
  });
}

Command &Command::text(std::string_view names, std::string placeholder, std::string *target,
                       std::string help) {
  return add(names, std::move(placeholder), std::move(help),
             [target](std::string_view value) -> ErrorOr<void> {
               *target = value;
               return {};
             });
}

Command &Command::integer(std::string_view names, std::string placeholder, int64_t *target,
                          IntegerRange range, std::string help) {
  return add(names, std::move(placeholder), std::move(help),
             [target, range](std::string_view value) -> ErrorOr<void> {
               auto number = parseInteger(value, range);
               if (!number)
                 return number.takeError();
               *target = *number;
               return {};
             });
}

Command &Command::unsignedInteger(std::string_view names, std::string placeholder, uint64_t *target,
                                  std::string help) {
  return add(names, std::move(placeholder), std::move(help),
             [target](std::string_view value) -> ErrorOr<void> {
               uint64_t number = 0;
               auto *end = value.data() + value.size();
               auto [stop, code] = std::from_chars(value.data(), end, number);
               if (stop != end || code != std::errc())
                 return makeError("needs an integer from 0 to %llu, not %s",
                                  static_cast<unsigned long long>(UINT64_MAX),
                                  quoted(value).c_str());
               *target = number;
               return {};
             });
}

Command &Command::real(std::string_view names, std::string placeholder, double *target,
                       RealRange range, std::string help) {
  return add(names, std::move(placeholder), std::move(help),
             [target, range](std::string_view value) -> ErrorOr<void> {
               auto number = parseReal(value, range);
               if (!number)
                 return number.takeError();
               *target = *number;
               return {};
             });
}

Command &Command::integerList(std::string_view names, std::string placeholder,
                              std::vector<int64_t> *target, IntegerRange range, std::string help) {
  return add(names, std::move(placeholder), std::move(help),
             [target, range](std::string_view value) -> ErrorOr<void> {
               std::vector<int64_t> numbers;
               ErrorOr<void> result;
               forEachItem(value, [&](std::string_view item) {
                 auto number = parseInteger(item, range);
                 if (number)
                   numbers.push_back(*number);
                 else if (result)
                   result = makeError("is a list with commas, each item of which %s",
                                      number.error().message.c_str());
               });
               if (result)
                 *target = std::move(numbers);
               return result;
             });
}

Command &Command::choice(std::string_view names, std::vector<std::string> words,
                         std::string *target, std::string help) {
  std::string placeholder;
  for (const std::string &word : words)
    placeholder += (placeholder.empty() ? "" : "|") + word;
  return add(
      names, placeholder, std::move(help),
      [target, words = std::move(words), placeholder](std::string_view value) -> ErrorOr<void> {
        if (std::find(words.begin(), words.end(), value) == words.end())
          return makeError("needs one of %s, not %s", placeholder.c_str(), quoted(value).c_str());
        *target = value;
        return {};
      });
}

Command &Command::details(std::string text) {
  paragraph = std::move(text);
  return *this;
}

Command &Command::positional(std::string placeholder, std::string *target, std::string help,
                             bool required) {
  assert((!required || positionals.empty() || positionals.back().required) &&
         "optional arguments come last");
  positionals.push_back({std::move(placeholder), std::move(help), target, required});
  return *this;
}

Command::Option *Command::find(std::string_view optionName) {
  for (Option &option : options)
    for (const std::string &one : option.names)
      if (one == optionName)
        return &option;
  return nullptr;
}

bool Command::given(std::string_view optionName) const {
  for (const Option &option : options)
    for (const std::string &one : option.names)
      if (one == optionName)
        return option.given;
  for (const Positional &positional : positionals)
    if (positional.placeholder == optionName)
      return positional.given;
  return false;
}

Command &ArgumentParser::command(std::string name, std::string summary) {
  return commands.emplace_back(std::move(name), std::move(summary));
}

ParsedArguments ArgumentParser::usage(std::string message, const Command *command) const {
  message += "\nsee '" + program + (command ? " " + command->name : "") + " --help'";
  return {ParsedArguments::Kind::Usage, command ? command->name : "", std::move(message)};
}

ParsedArguments ArgumentParser::parse(int argc, char **argv) {
  return parse(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
}

ParsedArguments ArgumentParser::parse(const std::vector<std::string> &arguments) {
  if (arguments.empty())
    return usage("a command is missing");
  const std::string &first = arguments[0];
  if (first == "--help" || first == "-h" || (first == "help" && arguments.size() == 1))
    return {ParsedArguments::Kind::Help, "", helpText()};
  if (first == "--version")
    return {ParsedArguments::Kind::Help, "", program + " " + version + "\n"};
  const std::string &wanted = first == "help" ? arguments[1] : first;
  for (Command &command : commands) {
    if (command.name != wanted)
      continue;
    if (first == "help")
      return {ParsedArguments::Kind::Help, command.name, helpText(command)};
    return parseCommand(command, {arguments.begin() + 1, arguments.end()});
  }
  std::vector<std::string_view> names;
  names.reserve(commands.size());
  for (const Command &command : commands)
    names.push_back(command.name);
  std::string message = "there is no command " + quoted(wanted);
  if (std::string_view near = nearestWord(wanted, names); !near.empty())
    message += "; did you mean '" + std::string(near) + "'?";
  return usage(std::move(message));
}

std::string ArgumentParser::unknownOption(const Command &command,
                                          std::string_view optionName) const {
  std::vector<std::string_view> names = {"--help"};
  for (const Command::Option &option : command.options)
    names.insert(names.end(), option.names.begin(), option.names.end());
  std::string message = "there is no option " + quoted(optionName);
  if (std::string_view near = nearestWord(optionName, names); !near.empty())
    message += "; did you mean '" + std::string(near) + "'?";
  return message;
}

ParsedArguments ArgumentParser::parseCommand(Command &command,
                                             const std::vector<std::string> &arguments) {
  size_t nextPositional = 0;
  bool optionsEnded = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string_view argument = arguments[i];
    // "-" alone is a value: standard input.
    if (optionsEnded || argument.size() < 2 || argument[0] != '-') {
      if (nextPositional == command.positionals.size())
        return usage("the argument " + quoted(argument) + " is one too many", &command);
      Command::Positional &positional = command.positionals[nextPositional++];
      *positional.target = argument;
      positional.given = true;
      continue;
    }
    if (argument == "--") {
      optionsEnded = true;
      continue;
    }
    if (argument == "--help" || argument == "-h")
      return {ParsedArguments::Kind::Help, command.name, helpText(command)};

    size_t equals = argument.starts_with("--") ? argument.find('=') : std::string_view::npos;
    std::string optionName(argument.substr(0, equals));
    Command::Option *option = command.find(optionName);
    if (!option)
      return usage(unknownOption(command, optionName), &command);
    if (option->given)
      return usage(optionName + " is given twice", &command);
    option->given = true;
    std::string_view value;
    if (equals != std::string_view::npos)
      value = argument.substr(equals + 1);
    if (option->placeholder.empty()) {
      if (equals != std::string_view::npos)
        return usage(optionName + " takes no value", &command);
    } else if (equals == std::string_view::npos) {
      if (++i == arguments.size())
        return usage(optionName + " needs a value: " + option->placeholder, &command);
      value = arguments[i];
    }
    if (auto stored = option->store(value); !stored)
      return usage(optionName + " " + stored.error().message, &command);
  }
  for (const Command::Positional &positional : command.positionals)
    if (positional.required && !positional.given)
      return usage("the argument " + positional.placeholder + " is missing", &command);
  return {ParsedArguments::Kind::Run, command.name, ""};
}

} // namespace tawny
