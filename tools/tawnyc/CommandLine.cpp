#include "tools/tawnyc/CommandLine.h"

#include "compiler/UsageError.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace cl = llvm::cl;

namespace tawny {
namespace {

constexpr const char *overview =
    "Tawny's compiler: a language model becomes one file with code and weights\n\n"
    "  tawnyc model.gguf -o model.tawny\n"
    "      for this machine's processor; `tawny run model.tawny -p TEXT` executes it\n"
    "  tawnyc model.gguf -o model.tawny --target=znver5,x86-64-v3 --max-context=8192\n"
    "      for two processors; the weights are stored once\n"
    "  tawnyc model.gguf --emit=fused\n"
    "      print the model after fusion; stages are llm, fused, rt, kernels, llvm, asm\n"
    "  tawnyc vocabulary.gguf -o vocabulary.tawny --vocab-only\n"
    "      the tokenizer alone\n"
    "  tawnyc --synthetic=llama-2-7b:Q4_K_M -o random.tawny\n"
    "      random weights of that shape, to measure with\n";

constexpr const char *epilogue =
    "\nMLIR's own options work too, such as --mlir-print-ir-after-all and --mlir-timing;\n"
    "--help-hidden lists all. Exit status: 0 done, 1 failed, 2 usage.\n";

/// The options, registered while this lives. An option that a contract promises but this build
/// lacks is `missing`: giving it is an error that says so.
struct Options {
  cl::OptionCategory category{"Options"};

  cl::opt<std::string> input{cl::Positional, cl::desc("MODEL"), cl::cat(category)};
  cl::opt<std::string> output{"o", cl::desc("The file to write; text stages print without it"),
                              cl::value_desc("file"), cl::cat(category)};
  cl::list<std::string> targets{
      "target", cl::CommaSeparated, cl::value_desc("name,..."), cl::cat(category),
      cl::desc("Processors to compile for (default: cpu, which is this machine's)")};
  // Numbers and stages are texts here, so that this file words what is wrong with them.
  cl::opt<std::string> maxContext{"max-context", cl::value_desc("tokens"), cl::cat(category),
                                  cl::desc("Tokens of a sequence at most (default: the model's, "
                                           "at most 4096)")};
  cl::opt<std::string> maxBatch{"max-batch", cl::value_desc("sequences"), cl::cat(category),
                                cl::desc("Sequences of a step at most (default: 32)")};
  cl::opt<std::string> kvTokens{"kv-tokens", cl::value_desc("tokens"), cl::cat(category),
                                cl::desc("Tokens in the KV pool, over all sequences (default: one "
                                         "full context)")};
  cl::opt<std::string> activations{"activations", cl::value_desc("type"), cl::init("auto"),
                                   cl::cat(category),
                                   cl::desc("What linears compute in: auto (the target's fastest "
                                            "that is accurate), f32, f16, bf16 or i8")};
  cl::opt<std::string> dequant{"dequant", cl::value_desc("where"), cl::init("auto"),
                               cl::cat(category),
                               cl::desc("Where weights are dequantised: auto, fused (in the kernel "
                                        "that reads them), materialized or staged")};
  cl::opt<std::string> emit{
      "emit", cl::value_desc("stage"), cl::init("artifact"), cl::cat(category),
      cl::desc(
          "Stop at a stage and print it: llm (the model as imported), fused, rt (programs with "
          "a place for every byte), kernels (in MLIR's own dialects), llvm, asm or artifact "
          "(the default: write the file)")};
  cl::opt<bool> vocabularyOnly{"vocab-only", cl::cat(category),
                               cl::desc("Write the tokenizer alone; works for any architecture")};
  cl::opt<bool> quiet{"quiet", cl::cat(category), cl::desc("No progress bar and no summary")};

  cl::opt<std::string> memoryBudget{"memory-budget", cl::value_desc("bytes"), cl::cat(category),
                                    cl::desc("Not built yet")};
  cl::opt<std::string> synthetic{"synthetic", cl::value_desc("preset:recipe"), cl::cat(category),
                                 cl::desc("Instead of MODEL: one of a published model's shape with "
                                          "random weights, such as llama-2-7b:Q4_K_M")};
  cl::opt<bool> generateAtLoad{"synthetic-at-load", cl::cat(category),
                               cl::desc("With --synthetic: leave the weights out of the artifact; "
                                        "they are made when it is loaded")};
  cl::opt<std::string> report{"report", cl::value_desc("file"), cl::cat(category),
                              cl::desc("Not built yet")};

  cl::extrahelp extra{epilogue};
};

/// What LLVM's parser says, worded as this tool words errors: the first line alone, without the
/// program's name and the pointer to --help that callers add.
std::string firstComplaint(llvm::StringRef text, llvm::StringRef program) {
  llvm::StringRef line = text.trim().split('\n').first;
  line.consume_front(llvm::sys::path::filename(program));
  line.consume_front(": ");
  line = line.split("  Try: ").first;
  llvm::StringRef hint = text.trim().split("Did you mean ").second;
  std::string complaint = line.rtrim(".!").str();
  if (!complaint.empty())
    complaint[0] = llvm::toLower(complaint[0]);
  return hint.empty() ? complaint : complaint + "; did you mean " + hint.str();
}

llvm::Error checkWord(llvm::StringRef option, llvm::StringRef value,
                      llvm::ArrayRef<llvm::StringRef> words) {
  if (llvm::is_contained(words, value))
    return llvm::Error::success();
  return makeUsageError("--" + option + ": expected " + llvm::join(words, ", ") + ", found '" +
                        value + "'");
}

/// What the command line promises and this build lacks. Which activations a target has is for the
/// compiler to say.
llvm::Error checkBuilt(const Options &options) {
  for (const cl::opt<std::string> *option : {&options.memoryBudget, &options.report})
    if (option->getNumOccurrences() != 0)
      return makeUsageError("--" + option->ArgStr + " is not built yet");
  if (llvm::Error error =
          checkWord("activations", options.activations, {"auto", "f32", "f16", "bf16", "i8"}))
    return error;
  if (llvm::Error error =
          checkWord("dequant", options.dequant, {"auto", "fused", "materialized", "staged"}))
    return error;
  if (options.dequant == "materialized" || options.dequant == "staged")
    return makeUsageError("--dequant=" + llvm::Twine(options.dequant) +
                          " is not built yet; use auto or fused");
  return llvm::Error::success();
}

llvm::Error parseCount(const cl::opt<std::string> &option, std::optional<uint64_t> &result) {
  if (option.getNumOccurrences() == 0)
    return llvm::Error::success();
  uint64_t value;
  if (llvm::StringRef(option).getAsInteger(10, value))
    return makeUsageError("--" + option.ArgStr + ": expected a number, found '" +
                          llvm::Twine(option) + "'");
  result = value;
  return llvm::Error::success();
}

llvm::Error parseStage(const Options &options, Stage &stage) {
  constexpr std::pair<llvm::StringRef, Stage> stages[] = {
      {"llm", Stage::Llm},          {"fused", Stage::Fused}, {"rt", Stage::Rt},
      {"kernels", Stage::Kernels},  {"llvm", Stage::Llvm},   {"asm", Stage::Assembly},
      {"artifact", Stage::Artifact}};
  llvm::SmallVector<llvm::StringRef> names;
  for (auto [name, value] : stages) {
    names.push_back(name);
    if (name == options.emit)
      stage = value;
  }
  return checkWord("emit", options.emit, names);
}

llvm::Error parseSynthetic(const Options &options, CompileOptions &compile) {
  compile.generateAtLoad = options.generateAtLoad;
  if (options.synthetic.getNumOccurrences() == 0)
    return options.generateAtLoad
               ? makeUsageError("--synthetic-at-load: expected --synthetic=PRESET:RECIPE with it")
               : llvm::Error::success();
  if (!compile.input.empty())
    return makeUsageError("--synthetic: expected no MODEL beside it, found '" + compile.input +
                          "'");
  if (compile.vocabularyOnly)
    return makeUsageError("--synthetic: expected a model with weights, found --vocab-only");
  llvm::Expected<synthetic::Model> model = synthetic::parseModel(options.synthetic);
  if (!model)
    return makeUsageError("--synthetic: " + llvm::toString(model.takeError()));
  compile.synthetic = std::move(*model);
  return llvm::Error::success();
}

llvm::Error checkFiles(const CompileOptions &options) {
  if (options.input.empty() && !options.synthetic)
    return makeUsageError("expected a model, found none; try `tawnyc --help`");
  if (llvm::sys::fs::is_directory(options.input))
    return makeUsageError("'" + options.input +
                          "': folders of safetensors are not built yet; expected a .gguf file");
  // A stage is written over what the file holds, which the model would not survive.
  bool same = false;
  if (!llvm::sys::fs::equivalent(options.input, options.output, same) && same)
    return makeUsageError("-o '" + options.output +
                          "': expected an output apart from the model, found the model itself");
  if (options.stage == Stage::Artifact && options.output.empty())
    return makeUsageError("expected -o OUT.tawny, found no name for the artifact");
  if (options.vocabularyOnly && options.stage != Stage::Artifact)
    return makeUsageError("--vocab-only makes an artifact, so --emit has nothing to print");
  return llvm::Error::success();
}

/// Runs checks in turn up to the first error.
template <typename First, typename... Rest> llvm::Error firstError(First first, Rest... rest) {
  llvm::Error error = first();
  if constexpr (sizeof...(rest) != 0)
    if (!error)
      return firstError(rest...);
  return error;
}

} // namespace

llvm::Expected<CommandLine> parseCommandLine(int argc, char **argv) {
  // LLVM's option registry refers to these as long as the program runs.
  static Options options;
  mlir::registerAsmPrinterCLOptions();
  mlir::registerMLIRContextCLOptions();
  mlir::registerPassManagerCLOptions();
  mlir::registerDefaultTimingManagerCLOptions();
  cl::HideUnrelatedOptions(options.category);
  cl::SetVersionPrinter([](llvm::raw_ostream &stream) { stream << "tawnyc " TAWNY_VERSION "\n"; });
  std::string complaints;
  llvm::raw_string_ostream stream(complaints);
  if (!cl::ParseCommandLineOptions(argc, argv, overview, &stream))
    return makeUsageError(complaints.empty() ? "an option cannot be read, as said above"
                                             : firstComplaint(complaints, argv[0]));
  CommandLine command;
  command.quiet = options.quiet;
  CompileOptions &compile = command.compile;
  compile.input = options.input;
  compile.output = options.output;
  if (!options.targets.empty())
    compile.targets.assign(options.targets.begin(), options.targets.end());
  compile.activations = options.activations;
  compile.vocabularyOnly = options.vocabularyOnly;
  if (llvm::Error error = firstError(
          [&] { return checkBuilt(options); }, [&] { return parseStage(options, compile.stage); },
          [&] { return parseCount(options.maxContext, compile.maxContext); },
          [&] { return parseCount(options.maxBatch, compile.maxBatch); },
          [&] { return parseCount(options.kvTokens, compile.kvTokens); },
          [&] { return parseSynthetic(options, compile); }, [&] { return checkFiles(compile); }))
    return error;
  return command;
}

} // namespace tawny
