#include "compiler/Compile.h"

#include "compiler/Bounds.h"
#include "compiler/Diagnostics.h"
#include "compiler/UsageError.h"
#include "passes/Pipelines.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"

namespace tawny {
namespace {

/// A target with what its linears compute in.
struct Selection {
  const TargetInfo *target;
  std::string activations;
};

/// What linears of a target may compute in is what its kernels exist for.
llvm::Expected<std::string> chooseActivations(const TargetInfo &target, llvm::StringRef wanted) {
  if (wanted == "auto")
    return target.activations.str();
  bool exists =
      wanted == "f32" || wanted == "i8" || (wanted == "f16" && target.family != TargetFamily::X86);
  if (exists)
    return wanted.str();
  return makeUsageError("--activations=" + wanted + " is not built yet for target '" + target.name +
                        "'; use auto, f32 or i8");
}

llvm::Expected<std::vector<Selection>> selectTargets(const CompileOptions &options,
                                                     const CodegenTable &codegen) {
  std::vector<Selection> selected;
  llvm::SmallPtrSet<const TargetInfo *, 4> seen;
  for (const std::string &name : options.targets) {
    llvm::Expected<const TargetInfo *> target = findTarget(name);
    if (!target)
      return makeUsageError("--target: " + llvm::toString(target.takeError()));
    if (options.stage > Stage::Rt && !codegen[(*target)->family])
      return makeUsageError("--target: target '" + name + "' is not built into this compiler");
    if (!seen.insert(*target).second)
      return makeUsageError("--target: '" + (*target)->name + "' is named twice" +
                            (name == "cpu" ? " ('cpu' is this machine)" : ""));
    llvm::Expected<std::string> activations = chooseActivations(**target, options.activations);
    if (!activations)
      return activations.takeError();
    selected.push_back({*target, std::move(*activations)});
  }
  // The runtime takes the first target it can run, and the table has the most capable first.
  llvm::sort(selected, [](const Selection &left, const Selection &right) {
    return left.target < right.target;
  });
  return selected;
}

/// One compilation, from the model to its artifact or to the stage that was asked for.
class Compilation {
public:
  Compilation(mlir::MLIRContext &context, const CompileOptions &options,
              const CompileEnvironment &environment)
      : context(context), options(options), environment(environment), diagnostics(context) {}

  llvm::Expected<CompileResult> run();

private:
  llvm::Error compileTarget(const Selection &selection, const Bounds &bounds);
  llvm::Error runPipeline(mlir::ModuleOp module, const char *name,
                          llvm::function_ref<void(mlir::OpPassManager &)> build);
  llvm::Error write(const ArtifactContents &contents);
  llvm::Expected<CompileResult> finish() {
    result.model = model.info;
    return std::move(result);
  }
  void print(mlir::ModuleOp module) {
    llvm::raw_string_ostream stream(result.text);
    module.print(stream);
    stream << '\n';
  }

  mlir::MLIRContext &context;
  const CompileOptions &options;
  const CompileEnvironment &environment;
  DiagnosticCollector diagnostics;
  ImportedModel model;
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules; ///< Those of `programs`.
  std::vector<TargetProgram> programs;
  CompileResult result;
};

llvm::Error Compilation::runPipeline(mlir::ModuleOp module, const char *name,
                                     llvm::function_ref<void(mlir::OpPassManager &)> build) {
  mlir::PassManager manager(&context, mlir::ModuleOp::getOperationName());
  build(manager);
  bool configured = !environment.configure || mlir::succeeded(environment.configure(manager));
  if (configured && mlir::succeeded(manager.run(module)))
    return llvm::Error::success();
  return diagnostics.takeError(name);
}

/// Tiles of attention that a decode is split into on a GPU: four for each compute unit, of which
/// each holds three or four at once.
static int64_t attentionTiles(const TargetInfo &target) {
  constexpr unsigned someUnits = 32; // where no document counts them
  return 4 * std::max(target.product.computeUnits, someUnits);
}

llvm::Error Compilation::compileTarget(const Selection &selection, const Bounds &bounds) {
  const TargetInfo &target = *selection.target;
  modules.emplace_back(model.module->clone());
  mlir::ModuleOp module = *modules.back();
  LowerToRtOptions lowering;
  lowering.target = target.name.str();
  lowering.layout = target.layout.str();
  lowering.activations = selection.activations;
  lowering.kv =
      target.family == TargetFamily::X86 && selection.activations == "f32" ? "f32" : "f16";
  if (target.family == TargetFamily::X86) {
    lowering.attentionSameRanges = true;
  } else {
    lowering.attentionTiles = attentionTiles(target);
    // The rows that a workgroup has on a matrix unit (compiler/codegen/simt/AttentionMatrix.cpp).
    lowering.attentionQueryRows = 64;
  }
  // A GPU finds the best tokens faster than it sends all logits to the host; 40 are enough for the
  // usual --top-k.
  lowering.candidates = target.family == TargetFamily::X86 ? 0 : 40;
  lowering.maxContext = bounds.maxContext;
  lowering.maxBatch = bounds.maxBatch;
  lowering.kvTokens = static_cast<int64_t>(bounds.kvTokens);
  if (llvm::Error error =
          runPipeline(module, "tawny-lower-to-rt", [&](mlir::OpPassManager &manager) {
            buildLowerToRtPipeline(manager, lowering);
          }))
    return error;
  if (options.stage == Stage::Rt) {
    print(module);
    return llvm::Error::success();
  }

  llvm::Expected<RtModule> rt = readRtModule(module);
  if (!rt)
    return rt.takeError();
  CodegenOptions codegen;
  codegen.configure = environment.configure;
  codegen.maxContext = bounds.maxContext;
  codegen.stage = options.stage == Stage::Kernels    ? CodegenStage::Kernels
                  : options.stage == Stage::Llvm     ? CodegenStage::Llvm
                  : options.stage == Stage::Assembly ? CodegenStage::Assembly
                                                     : CodegenStage::Object;
  llvm::Expected<CodeObject> code =
      environment.codegen[target.family](rt->executable, target, codegen);
  if (!code)
    return diagnostics.addTo(code.takeError());
  if (options.stage != Stage::Artifact) {
    result.text += code->bytes;
    return llvm::Error::success();
  }
  result.targets.push_back({target.name.str(), code->kernels.size(), rt->programs.size(),
                            static_cast<uint64_t>(code->bytes.size())});
  programs.push_back({&target, std::move(*rt), std::move(*code)});
  return llvm::Error::success();
}

llvm::Error Compilation::write(const ArtifactContents &contents) {
  llvm::Expected<ArtifactSize> size = writeArtifact(contents, options.output, environment.progress);
  if (!size)
    return size.takeError();
  result.size = *size;
  return llvm::Error::success();
}

llvm::Expected<CompileResult> Compilation::run() {
  if (options.vocabularyOnly) {
    llvm::Expected<ImportedModel> imported = importGgufVocabulary(options.input);
    if (!imported)
      return imported.takeError();
    model = std::move(*imported);
    if (llvm::Error error = write({model, {}}))
      return error;
    return finish();
  }

  llvm::Expected<std::vector<Selection>> selected = selectTargets(options, environment.codegen);
  if (!selected)
    return selected.takeError();
  llvm::Expected<ImportedModel> imported = options.synthetic
                                               ? importSynthetic(context, *options.synthetic)
                                               : importGguf(context, options.input);
  if (!imported)
    return imported.takeError();
  model = std::move(*imported);
  if (mlir::failed(mlir::verify(*model.module)))
    return diagnostics.takeError("import");
  llvm::Expected<Bounds> bounds = chooseBounds(model.info.contextLength, options.maxContext,
                                               options.maxBatch, options.kvTokens);
  if (!bounds)
    return makeUsageError(llvm::toString(bounds.takeError()));
  if (options.stage == Stage::Llm) {
    print(*model.module);
    return finish();
  }
  if (llvm::Error error =
          runPipeline(*model.module, "tawny-fuse", [](mlir::OpPassManager &manager) {
            buildFusePipeline(manager, FuseOptions());
          }))
    return error;
  if (options.stage == Stage::Fused) {
    print(*model.module);
    return finish();
  }
  for (const Selection &selection : *selected)
    if (llvm::Error error = compileTarget(selection, *bounds))
      return error;
  if (options.stage == Stage::Artifact)
    if (llvm::Error error = write({model, programs, bounds->maxContext, bounds->maxBatch,
                                   bounds->kvTokens, options.generateAtLoad}))
      return error;
  return finish();
}

} // namespace

llvm::Expected<CompileResult> compileModel(mlir::MLIRContext &context,
                                           const CompileOptions &options,
                                           const CompileEnvironment &environment) {
  return Compilation(context, options, environment).run();
}

} // namespace tawny
