// The command `tawny`: parses, hands over to a subcommand, and turns its outcome into an exit
// status.
#include "runtime/device/Device.h"
#include "tools/tawny/Tool.h"

#include <cerrno>
#include <cstring>

using namespace tawny;
using namespace tawny::tool;

static void declareCommon(Command &command, CommonOptions &common) {
  constexpr int64_t mostThreads = 4096;
  command
      .text("--device", "cpu|hip[:N]|cuda[:N]", &common.device,
            "what computes (default: cpu); 'tawny devices' shows what there is")
      .integer("--threads", "N", &common.threads, {1, mostThreads},
               "threads of the CPU (default: one per physical core that this process may use)")
      .choice("--launch", {"auto", "eager", "graph"}, &common.launch,
              "how a GPU gets the kernels of a decode step: one by one, or as a recorded graph "
              "(default: auto, the faster of both in the first step)")
      .flag("--quiet", &common.quiet, "no progress, no statistics; warnings and errors stay")
      .flag("--check", &common.check,
            "stop at the first dispatch that writes a value that is not finite, and name it; slow");
}

static int usageError(const std::string &message) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  return ExitStatus::usage;
}

/// What names no device is an error of usage; a device that is not there is one of opening it.
static ErrorOr<void> checkDevice(const std::string &device) {
  if (parseDeviceName(device))
    return {};
  return makeError("--device needs one of cpu, hip[:N] or cuda[:N], not '%s'", device.c_str());
}

static int execute(Subcommand &subcommand, const Command &command) {
  ErrorOr<void> valid = checkDevice(subcommand.common.device);
  if (valid)
    valid = subcommand.validate(command);
  if (!valid)
    return usageError(valid.error().message + "\nsee 'tawny " + subcommand.name() + " --help'");
  ErrorOr<int> status = subcommand.execute();
  // What was written so far comes before the error, also where both go to one file.
  bool isWritten = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (!status) {
    std::fprintf(stderr, "error: %s\n", status.error().message.c_str());
    return interrupted() ? ExitStatus::interruptedByUser : ExitStatus::failed;
  }
  if (isWritten)
    return *status;
  std::fprintf(stderr, "error: cannot write to standard output: %s\n", std::strerror(errno));
  return ExitStatus::failed;
}

int main(int argc, char **argv) {
  auto start = std::chrono::steady_clock::now();
  ArgumentParser parser("tawny",
                        "runs models that tawnyc compiled. To start: tawny run MODEL.tawny -p "
                        "\"Once upon a time\"",
                        TAWNY_VERSION);
  std::unique_ptr<Subcommand> subcommands[] = {makeRun(),        makeBench(),    makeLogits(),
                                               makePerplexity(), makeTokenize(), makeDetokenize(),
                                               makeInspect(),    makeDevices()};
  std::vector<Command *> commands;
  for (std::unique_ptr<Subcommand> &subcommand : subcommands) {
    commands.push_back(&subcommand->declare(parser));
    declareCommon(*commands.back(), subcommand->common);
    subcommand->common.start = start;
  }
  ParsedArguments parsed = parser.parse(argc, argv);
  if (parsed.kind == ParsedArguments::Kind::Usage)
    return usageError(parsed.text);
  if (parsed.kind == ParsedArguments::Kind::Help) {
    print(parsed.text);
    return ExitStatus::done;
  }
  for (size_t i = 0; i < commands.size(); ++i)
    if (parsed.command == subcommands[i]->name())
      return execute(*subcommands[i], *commands[i]);
  return usageError("there is no command '" + parsed.command + "'");
}
