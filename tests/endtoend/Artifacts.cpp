#include "tests/endtoend/Artifacts.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace tawny::endtoend {
namespace {

/// Under the build folder; gone when the process ends. What crashed tests left goes, too.
class TemporaryFolder {
public:
  TemporaryFolder() : folder(TAWNY_ARTIFACT_FOLDER "/" + std::to_string(getpid())) {
    std::filesystem::create_directories(folder);
    std::error_code ignored;
    for (const auto &entry : std::filesystem::directory_iterator(TAWNY_ARTIFACT_FOLDER)) {
      pid_t owner = std::atoi(entry.path().filename().c_str());
      if (owner > 0 && kill(owner, 0) != 0 && errno == ESRCH)
        std::filesystem::remove_all(entry.path(), ignored);
    }
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::string newFile() { return folder + "/" + std::to_string(++files); }

private:
  std::string folder;
  int files = 0;
};

/// The exit status, or -1 where the command did not run to its end.
int runCommand(const std::vector<std::string> &command) {
  std::vector<char *> arguments;
  for (const std::string &word : command)
    arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child;
  if (posix_spawn(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0)
    return -1;
  int status;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
    return -1;
  return WEXITSTATUS(status);
}

constexpr const char *sample = TAWNY_SOURCE_DIR "/models/samples/alice-llama-Q4_K_M";

} // namespace

std::string sharedPath(const std::string &name) {
  const char *folder = std::getenv("TAWNY_TEST_DATA");
  return (folder ? std::string(folder) : TAWNY_SOURCE_DIR "/../shared") + "/" + name;
}

std::string modelPath(const std::string &format) {
  if (format.find('/') != std::string::npos)
    return format;
  return format == "sample" ? std::string(sample) + ".gguf"
                            : sharedPath("models/alice-llama/gguf/alice-llama-") + format + ".gguf";
}

std::string referencePath(const std::string &format) {
  return format == "sample" ? std::string(sample) + ".ref.safetensors"
                            : sharedPath("models/alice-llama/ref/") + format + ".safetensors";
}

const char *deviceOf(const std::string &target) {
  if (target.starts_with("gfx"))
    return "hip";
  return target.starts_with("sm_") ? "cuda" : "cpu";
}

std::vector<std::string> testedTargets() {
  if (const char *target = std::getenv("TAWNY_TEST_TARGET"))
    return {target};
  return {"x86-64-v3", "x86-64-v4", "cpu"};
}

std::optional<std::string> reasonToSkip(const Subject &subject) {
  if (subject.target == "x86-64-v4" && !__builtin_cpu_supports("x86-64-v4"))
    return "this processor is not of x86-64-v4";
  if (!__builtin_cpu_supports("x86-64-v3"))
    return "this processor is not of x86-64-v3";
  for (const std::string &path : {modelPath(subject.format), referencePath(subject.format)})
    if (!std::filesystem::exists(path))
      return "there is no " + path + "; TAWNY_TEST_DATA names the folder of the shared models";
  return std::nullopt;
}

std::string runCompiler(const std::string &format, const std::vector<std::string> &arguments) {
  return compileFile(modelPath(format), arguments);
}

std::string compileFile(const std::string &path, const std::vector<std::string> &arguments) {
  static TemporaryFolder folder;
  std::string output = folder.newFile();
  std::vector<std::string> command = {TAWNY_COMPILER, path, "--quiet", "-o", output};
  command.insert(command.end(), arguments.begin(), arguments.end());
  int status = runCommand(command);
  std::string line;
  for (const std::string &word : command)
    line += word + " ";
  EXPECT_EQ(status, 0) << line;
  return status == 0 ? output : "";
}

std::string artifactOf(const Subject &subject) {
  std::vector<std::string> arguments = {"--target=" + subject.target,
                                        "--activations=" + subject.activations};
  arguments.insert(arguments.end(), subject.flags.begin(), subject.flags.end());
  static std::map<std::pair<std::string, std::vector<std::string>>, std::string> made;
  auto [entry, isNew] = made.try_emplace({subject.format, arguments});
  if (isNew)
    entry->second = runCompiler(subject.format, arguments);
  return entry->second;
}

} // namespace tawny::endtoend
