// Artifacts as the runtime's reader finds them.
#include "runtime/artifact/Artifact.h"
#include "compiler/Compile.h"
#include "compiler/UsageError.h"
#include "dialects/formats/Layouts.h"
#include "tests/compiler/Fixture.h"

#include "llvm/Support/FileSystem.h"

#include <csignal>
#include <cstring>

using namespace tawny;
using namespace tawny::test;

namespace {

using ArtifactTest = CompileTest;

std::unique_ptr<Artifact> open(const std::string &path) {
  ErrorOr<std::unique_ptr<Artifact>> artifact = Artifact::open(path);
  if (artifact)
    return std::move(*artifact);
  ADD_FAILURE() << artifact.error().message;
  return nullptr;
}

TEST_F(ArtifactTest, PassesTheReadersChecks) {
  CompileResult result = compile(sampleOptions("a.tawny"));
  auto artifact = open(path("a.tawny"));
  ASSERT_TRUE(artifact);
  EXPECT_TRUE(bool(artifact->verifyWeights({})));
  EXPECT_EQ(artifact->fileBytes(), result.size.file);
  EXPECT_EQ(artifact->headerBytes(), result.size.header);
  EXPECT_EQ(artifact->weightBytes(), result.size.weights);

  const fb::Artifact &header = artifact->header();
  EXPECT_EQ(header.model()->name()->str(), "alice-llama");
  EXPECT_EQ(header.model()->architecture()->str(), "llama");
  EXPECT_EQ(header.model()->source()->str(), "alice-llama-Q4_K_M.gguf");
  EXPECT_EQ(header.model()->parameters(), 2295552u);
  EXPECT_EQ(header.max_context(), 2048u);
  EXPECT_EQ(header.max_batch(), 32u);
  EXPECT_EQ(header.kv_tokens(), 2048u);
  EXPECT_EQ(header.tokenizer()->token_offsets()->size(), 1024u + 1);
  EXPECT_EQ(header.tokenizer()->bos(), 1);
}

TEST_F(ArtifactTest, HoldsTheTarget) {
  CompileResult result = compile(sampleOptions("a.tawny"));
  auto artifact = open(path("a.tawny"));
  ASSERT_TRUE(artifact);
  const fb::Target &target = *artifact->header().targets()->Get(0);
  EXPECT_EQ(target.name()->str(), "x86-64-v3");
  EXPECT_EQ(target.device()->str(), "cpu");
  EXPECT_EQ(target.activations()->str(), "i8");
  EXPECT_EQ(target.features()->GetAsString(0)->str(), "avx");
  std::span<const std::byte> code = artifact->segment(target.code_segment());
  EXPECT_EQ(std::string(reinterpret_cast<const char *>(code.data()), code.size()),
            "code for x86-64-v3");
  // The probes' kernels come on top of the model's.
  ASSERT_EQ(target.kernels()->size(), result.targets.at(0).kernels + 2);
  EXPECT_EQ(target.kernels()->Get(0)->symbol()->str(),
            "tawny_" + target.kernels()->Get(0)->name()->str());
  EXPECT_EQ(target.kernels()->Get(target.probes()->peak_kernel())->name()->str(), "probe_peak");
  EXPECT_EQ(target.kv()->layers(), 3u);
  EXPECT_GE(uint64_t(target.kv()->pages()) * target.kv()->page_tokens(), 2048u);

  std::vector<std::string> names;
  for (const fb::Program *program : *target.programs())
    names.push_back(program->name()->str());
  EXPECT_EQ(names, (std::vector<std::string>{"step", "decode[1]", "decode[2]", "decode[4]",
                                             "decode[8]", "decode[16]", "decode[32]"}));
  const fb::Program &step = *target.programs()->Get(0);
  EXPECT_GT(step.operations_per_token(), 0u);
  EXPECT_GT(step.operations_per_logit_row(), 0u);
  EXPECT_EQ(step.dispatches()->Get(0)->label()->str(), "token_embd");
}

TEST_F(ArtifactTest, ChecksCountRowsOfTheRightKind) {
  compile(sampleOptions("a.tawny"));
  auto artifact = open(path("a.tawny"));
  ASSERT_TRUE(artifact);
  const fb::Program &step = *artifact->header().targets()->Get(0)->programs()->Get(0);
  auto rowsOf = [&](const char *label) {
    for (const fb::Dispatch *dispatch : *step.dispatches())
      if (dispatch->label()->str() == label)
        for (const fb::Binding *binding : *dispatch->bindings())
          if (binding->check_f32())
            return binding->check_rows();
    ADD_FAILURE() << "no checked binding in " << label;
    return fb::Extent::One;
  };
  EXPECT_EQ(rowsOf("token_embd"), fb::Extent::Tokens);
  EXPECT_EQ(rowsOf("blk.1.attn_output"), fb::Extent::Tokens);
  EXPECT_EQ(rowsOf("output"), fb::Extent::LogitRows);
}

TEST_F(ArtifactTest, WeightsAreThoseOfTheModel) {
  compile(sampleOptions("a.tawny"));
  auto artifact = open(path("a.tawny"));
  ASSERT_TRUE(artifact);
  llvm::Expected<ImportedModel> model = importGgufVocabulary(sampleModel());
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  const auto &weights = *artifact->header().weights();
  EXPECT_EQ(weights.size(), model->file->gguf.tensors.size());
  // The step program starts with the embedding and ends with the head.
  EXPECT_EQ(weights.Get(0)->name()->str(), "token_embd.weight");
  EXPECT_EQ(weights.Get(weights.size() - 1)->name()->str(), "output.weight");
  for (uint32_t i = 0; i < weights.size(); ++i) {
    const fb::Weight &weight = *weights.Get(i);
    const gguf::Tensor *tensor = model->file->gguf.findTensor(weight.name()->str());
    ASSERT_TRUE(tensor) << weight.name()->str();
    LayoutInfo layout = *layoutByName(weight.layout()->string_view());
    const FormatInfo &format = formatInfo(*formatByName(weight.format()->string_view()));
    auto *source =
        reinterpret_cast<const std::byte *>(model->file->bytes().data() + tensor->offset);
    std::vector<std::byte> expected(source, source + tensor->byteSize);
    if (layout.tileRows != 0) {
      expected.assign(packedBytes(layout, format, weight.rows(), weight.columns()), {});
      uint64_t tile = tileBytes(layout, format, weight.columns());
      for (uint64_t row = 0; row < weight.rows(); row += layout.tileRows)
        packTile(layout, format, weight.columns(),
                 std::min<uint64_t>(layout.tileRows, weight.rows() - row),
                 source + row * format.rowBytes(weight.columns()),
                 expected.data() + row / layout.tileRows * tile);
    }
    std::span<const std::byte> stored = artifact->weight(i);
    ASSERT_EQ(stored.size(), expected.size()) << weight.name()->str();
    EXPECT_EQ(std::memcmp(stored.data(), expected.data(), stored.size()), 0)
        << weight.name()->str();
  }
}

TEST_F(ArtifactTest, TargetsOfOneLayoutShareWeights) {
  CompileOptions options = sampleOptions("two.tawny");
  options.targets = {"x86-64-v4", "x86-64-v3"};
  CompileResult two = compile(options);
  CompileResult one = compile(sampleOptions("one.tawny"));
  EXPECT_EQ(two.size.weights, one.size.weights);
  auto artifact = open(path("two.tawny"));
  ASSERT_TRUE(artifact);
  EXPECT_EQ(artifact->header().targets()->size(), 2u);
  EXPECT_EQ(artifact->header().segments()->size(), 3u);
}

TEST_F(ArtifactTest, TargetsOfTwoLayoutsShareVectors) {
  CompileOptions options = sampleOptions("two.tawny");
  options.targets = {"x86-64-v3", "gfx1151"};
  compile(options);
  auto artifact = open(path("two.tawny"));
  ASSERT_TRUE(artifact);
  EXPECT_TRUE(bool(artifact->verifyWeights({})));
  unsigned rows = 0, simd = 0, simt = 0;
  for (const fb::Weight *weight : *artifact->header().weights()) {
    rows += weight->layout()->str() == "rows";
    simd += weight->layout()->str() == "simd16";
    simt += weight->layout()->str() == "simt32";
  }
  EXPECT_EQ(rows, 7u);
  EXPECT_EQ(simd, 23u);
  EXPECT_EQ(simt, 23u);
}

// DESIGN.md, section 5: GPUs of all kinds share a layout, so a file for three of them is about as
// large as the model file, and CPUs add at most as much again.
TEST_F(ArtifactTest, WeightsAreStoredOncePerLayout) {
  auto weightBytes = [&](std::vector<std::string> targets) {
    CompileOptions options = sampleOptions("a.tawny");
    options.targets = std::move(targets);
    return compile(options).size.weights;
  };
  uint64_t one = weightBytes({"gfx1151"});
  EXPECT_EQ(weightBytes({"gfx1151", "gfx908", "sm_90"}), one);
  uint64_t cpu = weightBytes({"x86-64-v3"});
  uint64_t all = weightBytes({"gfx1151", "gfx908", "sm_90", "x86-64-v3"});
  EXPECT_GT(all, std::max(one, cpu));
  EXPECT_LT(all, one + cpu); // vectors have one layout everywhere
  uint64_t source = readFile(sampleModel()).size();
  EXPECT_LT(one, source * 105 / 100);
  EXPECT_LT(all, source * 210 / 100);
}

TEST_F(ArtifactTest, AFallbackIsASegmentBehindItsCode) {
  CompileOptions options = sampleOptions("a.tawny");
  options.targets = {"x86-64-v3", "sm_90", "sm_80"};
  compile(options);
  auto artifact = open(path("a.tawny"));
  ASSERT_TRUE(artifact);
  auto text = [&](uint32_t segment) {
    std::span<const std::byte> bytes = artifact->segment(segment);
    return std::string(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  };
  const auto &targets = *artifact->header().targets();
  EXPECT_EQ(targets[0]->fallback_segment(), -1);
  for (unsigned index : {1, 2}) {
    const fb::Target &target = *targets[index];
    EXPECT_EQ(text(target.code_segment()), "code for " + target.name()->str());
    ASSERT_GE(target.fallback_segment(), 0);
    EXPECT_EQ(text(target.fallback_segment()), "fallback for " + target.name()->str());
  }
}

TEST_F(ArtifactTest, SameInputsGiveTheSameBytes) {
  compile(sampleOptions("a.tawny"));
  compile(sampleOptions("b.tawny"));
  std::string a = readFile(path("a.tawny"));
  EXPECT_FALSE(a.empty());
  EXPECT_TRUE(a == readFile(path("b.tawny")));
}

TEST_F(ArtifactTest, VocabularyAlone) {
  CompileOptions options = sampleOptions("v.tawny");
  options.vocabularyOnly = true;
  compile(options);
  auto artifact = open(path("v.tawny"));
  ASSERT_TRUE(artifact);
  EXPECT_EQ(artifact->header().model()->vocab_size(), 1024u);
  EXPECT_EQ(artifact->weightBytes(), 0u);
}

TEST_F(ArtifactTest, FailureLeavesNothing) {
  CompileOptions options = sampleOptions("a.tawny");
  EXPECT_EQ(errorOf(options, failingCodegen), "no code for 'x86-64-v3'");
  EXPECT_TRUE(filesIn(folder).empty());

  // Nor does a failure touch what was there before.
  compile(options);
  std::string before = readFile(options.output);
  options.input = path("missing.gguf");
  EXPECT_NE(errorOf(options).find("missing.gguf"), std::string::npos);
  EXPECT_EQ(filesIn(folder), std::vector<std::string>{"a.tawny"});
  EXPECT_TRUE(before == readFile(options.output));
}

TEST_F(ArtifactTest, SignalLeavesNothing) {
  CompileOptions options = sampleOptions("a.tawny");
  EXPECT_EXIT(
      {
        CompileEnvironment environment;
        environment.codegen.x86 = fakeCodegen;
        environment.progress = [](uint64_t, uint64_t) { raise(SIGTERM); };
        mlir::MLIRContext context;
        llvm::consumeError(compileModel(context, options, environment).takeError());
      },
      testing::KilledBySignal(SIGTERM), "");
  EXPECT_TRUE(filesIn(folder).empty());
}

TEST_F(ArtifactTest, RefusesOutputsThatAreNoFiles) {
  CompileOptions options = sampleOptions("a.tawny");
  options.vocabularyOnly = true;
  options.output = "/dev/null";
  EXPECT_EQ(errorOf(options),
            "'/dev/null': expected a new or regular file to write to, found something else");
  options.output = path("none/a.tawny");
  EXPECT_EQ(errorOf(options), "'" + options.output + "': No such file or directory");
}

TEST_F(ArtifactTest, NeverOverwritesTheModel) {
  CompileOptions options = sampleOptions("a.tawny");
  options.input = path("model.gguf");
  ASSERT_FALSE(llvm::sys::fs::copy_file(sampleModel(), options.input));
  ASSERT_FALSE(llvm::sys::fs::create_link("model.gguf", options.output));
  EXPECT_EQ(errorOf(options),
            "'" + options.output +
                "': expected an output apart from the model, found the model file itself");
  EXPECT_TRUE(readFile(options.input) == readFile(sampleModel()));
}

TEST_F(ArtifactTest, StagesGiveText) {
  CompileOptions options = sampleOptions("");
  options.targets = {"x86-64-v3", "x86-64-v4"};
  options.stage = Stage::Fused;
  EXPECT_NE(compile(options).text.find("llm.add_rms_norm"), std::string::npos);
  options.stage = Stage::Rt;
  std::string text = compile(options).text;
  EXPECT_NE(text.find("target <\"x86-64-v3\""), std::string::npos);
  EXPECT_NE(text.find("target <\"x86-64-v4\""), std::string::npos);
  options.stage = Stage::Assembly;
  // Best first, as the runtime takes the first target it can run.
  EXPECT_EQ(compile(options).text, "code for x86-64-v4code for x86-64-v3");
  EXPECT_TRUE(filesIn(folder).empty());
}

TEST_F(ArtifactTest, UsageErrors) {
  auto errorWith = [&](auto change) {
    CompileOptions options = sampleOptions("a.tawny");
    change(options);
    return errorOf(options);
  };
  EXPECT_EQ(errorWith([](CompileOptions &options) { options.maxContext = 2049; }),
            "--max-context: expected 1 to 2048 (what the model was trained for), found 2049");
  EXPECT_EQ(errorWith([](CompileOptions &options) { options.activations = "bf16"; }),
            "--activations=bf16 is not built yet for target 'x86-64-v3'; use auto, f32 or i8");
  EXPECT_EQ(
      errorWith([](CompileOptions &options) { options.targets = {"znver5", "znver4", "znver5"}; }),
      "--target: 'znver5' is named twice");
  EXPECT_EQ(errorWith([](CompileOptions &options) { options.targets = {"gfx1151"}; }),
            "--target: target 'gfx1151' is not built into this compiler");
  EXPECT_TRUE(filesIn(folder).empty());
}

} // namespace
