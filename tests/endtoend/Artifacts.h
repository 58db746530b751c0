// Compiles models with the tawnyc binary of this build, each combination once per process.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace tawny::endtoend {

/// What a test runs: a model, and how it is compiled.
struct Subject {
  /// Of alice-llama among the shared models; "sample": the committed file; with a slash, a path.
  std::string format;
  std::string target;      ///< as --target takes it
  std::string activations; ///< as --activations takes it
  /// Bounds of the programs and of the KV pool.
  std::vector<std::string> flags = {"--max-batch=32", "--kv-tokens=8192"};

  /// For messages; flags are not part of it.
  std::string name() const { return format + "/" + target + "/" + activations; }
};

/// For GoogleTest's messages.
inline void PrintTo(const Subject &subject, std::ostream *out) { *out << subject.name(); }

/// The device that a target's code is for, as tawny_options has it: cpu, hip, cuda.
const char *deviceOf(const std::string &target);

/// The targets that this process tests: those of the CPU, or the one that TAWNY_TEST_TARGET names.
std::vector<std::string> testedTargets();

/// The model's GGUF file and its reference outputs.
std::string modelPath(const std::string &format);
std::string referencePath(const std::string &format);

/// Why the subject cannot run here, or nothing: shared models are no part of the repository, and a
/// processor may lack a target's instructions.
std::optional<std::string> reasonToSkip(const Subject &subject);

/// A file among the data of other projects and trained models, which are no part of the repository:
/// in the folder that TAWNY_TEST_DATA names, else in ../shared beside the source.
std::string sharedPath(const std::string &name);

/// Runs tawnyc with the file at `path` and `arguments`; the output file lies in a folder that is
/// removed when the process ends. Empty, with a failure recorded, where tawnyc fails.
std::string compileFile(const std::string &path, const std::vector<std::string> &arguments);

/// The same with the model of `format`.
std::string runCompiler(const std::string &format, const std::vector<std::string> &arguments);

/// The artifact of a subject.
std::string artifactOf(const Subject &subject);

} // namespace tawny::endtoend
