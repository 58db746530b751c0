// The command line of a tool with subcommands: one table gives parsing, checks and --help.
#pragma once

#include "runtime/support/Error.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace tawny {

/// The integers that an option takes.
struct IntegerRange {
  int64_t minimum = 0;
  int64_t maximum = std::numeric_limits<int64_t>::max();
};

/// The numbers that an option takes; infinities and NaN are never taken.
struct RealRange {
  double minimum = 0;
  double maximum = std::numeric_limits<double>::max();
  bool excludesMinimum = false;
};

/// One subcommand: its options and positional arguments, each bound to a variable that keeps its
/// value unless the command line gives another. The variables must outlive the parsing.
///
/// `names` is what the user types, the alternatives separated by commas: "--temp" or "-p,--prompt".
/// A value follows as "--temp=0.8", "--temp 0.8" or "-n 5", whatever character it starts with.
/// `help` is one line and says what the default is where that matters.
class Command {
public:
  Command(std::string name, std::string summary)
      : name(std::move(name)), summary(std::move(summary)) {}

  /// A paragraph that the command's own help shows below the summary.
  Command &details(std::string paragraph);
  /// A switch without a value.
  Command &flag(std::string_view names, bool *target, std::string help);
  /// Any text. `placeholder` stands for the value in the help, as in "--tokens IDS".
  Command &text(std::string_view names, std::string placeholder, std::string *target,
                std::string help);
  Command &integer(std::string_view names, std::string placeholder, int64_t *target,
                   IntegerRange range, std::string help);
  /// An integer of the whole unsigned 64-bit range, such as a seed.
  Command &unsignedInteger(std::string_view names, std::string placeholder, uint64_t *target,
                           std::string help);
  Command &real(std::string_view names, std::string placeholder, double *target, RealRange range,
                std::string help);
  /// A list such as "1,8,32"; an empty item is an error.
  Command &integerList(std::string_view names, std::string placeholder,
                       std::vector<int64_t> *target, IntegerRange range, std::string help);
  /// One of a few words.
  Command &choice(std::string_view names, std::vector<std::string> words, std::string *target,
                  std::string help);
  /// An argument without a name, in the order of declaration. Optional ones must come last.
  Command &positional(std::string placeholder, std::string *target, std::string help,
                      bool required = true);

  /// Whether the command line gave the option or positional argument that has this name.
  bool given(std::string_view optionName) const;

private:
  friend class ArgumentParser;

  struct Option {
    std::vector<std::string> names;
    std::string placeholder; ///< empty for a switch
    std::string help;
    /// Stores the value; the error lacks the option's name, which the parser puts in front.
    std::function<ErrorOr<void>(std::string_view value)> store;
    bool given = false;
  };
  struct Positional {
    std::string placeholder;
    std::string help;
    std::string *target;
    bool required;
    bool given = false;
  };

  Command &add(std::string_view names, std::string placeholder, std::string help,
               std::function<ErrorOr<void>(std::string_view)> store);
  Option *find(std::string_view optionName);

  std::string name;
  std::string summary;
  std::string paragraph;
  std::vector<Option> options;
  std::vector<Positional> positionals;
};

/// What a command line asks for. `text` is for standard output if the kind is Help, and for
/// standard error, without "error: " in front, if it is Usage.
struct ParsedArguments {
  enum class Kind : uint8_t {
    Run,   ///< run `command`; its variables are set
    Help,  ///< print `text` and exit with 0
    Usage, ///< print the error and exit with 2
  };
  Kind kind = Kind::Run;
  std::string command;
  std::string text;
};

/// The subcommands of a tool, and what they share.
class ArgumentParser {
public:
  /// `version` is what --version prints, without the program's name.
  ArgumentParser(std::string program, std::string summary, std::string version)
      : program(std::move(program)), summary(std::move(summary)), version(std::move(version)) {}

  /// Declares a subcommand. The reference stays valid.
  Command &command(std::string name, std::string summary);

  /// Parses `arguments`, which are argv without the program's name. To be called once.
  ParsedArguments parse(const std::vector<std::string> &arguments);
  ParsedArguments parse(int argc, char **argv);

private:
  ParsedArguments usage(std::string message, const Command *command = nullptr) const;
  ParsedArguments parseCommand(Command &command, const std::vector<std::string> &arguments);
  std::string unknownOption(const Command &command, std::string_view optionName) const;
  std::string helpText() const;
  std::string helpText(const Command &command) const;

  std::string program;
  std::string summary;
  std::string version;
  std::deque<Command> commands;
};

/// The word of `words` that is nearest to `typed` by edits (insert, delete, replace or swap
/// characters), if it is near enough to be what was meant; else nothing.
std::string_view nearestWord(std::string_view typed, const std::vector<std::string_view> &words);

} // namespace tawny
