// The compiler from file to file: what tawnyc does, as a function.
#pragma once

#include "compiler/ArtifactWriter.h"
#include "compiler/codegen/Codegen.h"

#include "mlir/IR/MLIRContext.h"

#include <optional>
#include <string>
#include <vector>

namespace tawny {

/// How far compilation goes. Each stage but the last is printed, for every target where it differs
/// by target. In the order in which they come.
enum class Stage {
  Llm,      ///< As imported.
  Fused,    ///< After `tawny-fuse`.
  Rt,       ///< After `tawny-lower-to-rt`.
  Kernels,  ///< Kernels in upstream dialects.
  Llvm,     ///< Kernels in LLVM IR.
  Assembly, ///< Kernels in assembly.
  Artifact,
};

/// What to compile, and into what. Defaults are those of the command line.
struct CompileOptions {
  std::string input;
  /// Compiled instead of `input`.
  std::optional<synthetic::Model> synthetic;
  /// The artifact of a synthetic model says how its weights are made instead of holding them.
  bool generateAtLoad = false;
  /// The artifact; not used by the other stages.
  std::string output;
  std::vector<std::string> targets = {"cpu"};
  std::optional<uint64_t> maxContext; ///< Tokens of a sequence; min(the model's, 4096).
  std::optional<uint64_t> maxBatch;   ///< Sequences of a step; 32.
  std::optional<uint64_t> kvTokens;   ///< Tokens in the KV pool; one full context.
  std::string activations = "auto";   ///< auto, f32, i8, …: what linears compute in.
  Stage stage = Stage::Artifact;
  bool vocabularyOnly = false;
};

/// What surrounds a compilation.
struct CompileEnvironment {
  CodegenTable codegen;
  /// See CodegenOptions::configure.
  std::function<llvm::LogicalResult(mlir::PassManager &)> configure;
  WriteProgress progress;
};

/// What was made.
struct CompileResult {
  struct Target {
    std::string name;
    size_t kernels;
    size_t programs;
    uint64_t codeBytes;
  };
  std::string text; ///< Of the stages that are printed.
  ModelInfo model;
  std::vector<Target> targets;
  ArtifactSize size; ///< Of an artifact.
};

/// Compiles a model. Options are checked against the target table, the model and the bounds of the
/// artifact's format; the error says what to change. Nothing is left of an artifact that fails.
llvm::Expected<CompileResult> compileModel(mlir::MLIRContext &context,
                                           const CompileOptions &options,
                                           const CompileEnvironment &environment);

} // namespace tawny
