// What the subcommands of `tawny` share: common options, opening models, text, exit statuses.
#pragma once

#include "runtime/include/tawny.h"
#include "runtime/support/Args.h"
#include "runtime/support/Error.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tawny::tool {

/// Exit statuses, a contract with scripts. An interrupted run has done what it was asked to up to
/// there, but a script that goes on to the next command would surprise who pressed Ctrl-C, so it
/// says what shells say of a command that SIGINT ended: 128 + 2.
enum ExitStatus : int { done = 0, failed = 1, usage = 2, interruptedByUser = 130 };

/// Options that every subcommand takes, and when the program began.
struct CommonOptions {
  std::chrono::steady_clock::time_point start;
  std::string device = "cpu";
  std::string launch = "auto";
  int64_t threads = 0;
  bool quiet = false;
  bool check = false;
};

/// One subcommand: declares its options, then runs once they are parsed.
class Subcommand {
public:
  virtual ~Subcommand() = default;

  /// The word on the command line.
  virtual const char *name() const = 0;

  /// Adds the subcommand with its own options to `parser`.
  virtual Command &declare(ArgumentParser &parser) = 0;

  /// Finds combinations of options that make no sense; such an error is one of usage.
  virtual ErrorOr<void> validate(const Command &command) { return {}; }

  /// Does the work and returns the exit status.
  virtual ErrorOr<int> execute() = 0;

  CommonOptions common;
};

std::unique_ptr<Subcommand> makeRun();
std::unique_ptr<Subcommand> makeBench();
std::unique_ptr<Subcommand> makeLogits();
std::unique_ptr<Subcommand> makePerplexity();
std::unique_ptr<Subcommand> makeTokenize();
std::unique_ptr<Subcommand> makeDetokenize();
std::unique_ptr<Subcommand> makeInspect();
std::unique_ptr<Subcommand> makeDevices();

struct CloseModel {
  void operator()(tawny_model *model) const { tawny_close(model); }
};
using ModelHandle = std::unique_ptr<tawny_model, CloseModel>;

/// The options that `common` asks for; callers add theirs.
tawny_options optionsFor(const CommonOptions &common);

/// Opens the artifact with a bar that shows how much is read. An error also where the user pressed
/// Ctrl-C meanwhile; interrupted() tells.
ErrorOr<ModelHandle> openModel(const std::string &path, tawny_options options, bool quiet);

tawny_model_info infoOf(const tawny_model *model);

/// Why the model's last call failed.
Error lastError(const tawny_model *model);

/// Tokens of `text`.
ErrorOr<std::vector<int32_t>> tokenize(tawny_model *model, std::string_view text, bool bos,
                                       bool special);

/// The bytes of `tokens`; see tawny_detokenize for the flags.
ErrorOr<std::string> detokenize(tawny_model *model, std::span<const int32_t> tokens, bool special,
                                bool continuation);

/// The token ids of a --tokens option, each below the model's vocabulary.
ErrorOr<std::vector<int32_t>> readTokens(const tawny_model *model, const std::string &argument);

/// Writes bytes to standard output as they are.
void print(std::string_view text);

/// Bytes for people: "1.6 MiB".
std::string formatBytes(uint64_t bytes);

/// Milliseconds since `start`.
double millisecondsSince(std::chrono::steady_clock::time_point start);

/// From now on Ctrl-C asks to stop instead of ending the process; the second one ends it.
void catchInterrupt();
/// Whether Ctrl-C was pressed since.
bool interrupted();

} // namespace tawny::tool
