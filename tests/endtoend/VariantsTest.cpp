// Small random models of the llama family, one for each way in which its members differ: what their
// artifacts compute against the reference interpreter.
#include "dialects/formats/ScalarDecode.h"
#include "tests/endtoend/Interpreted.h"
#include "tests/endtoend/Session.h"
#include "tests/models/gguf/Builder.h"

#include "llvm/Support/FileSystem.h"

#include <cmath>
#include <cstdio>
#include <random>

namespace tawny::endtoend {
namespace {

using gguf::test::Builder;
using gguf::test::TensorSpec;

struct Variant {
  const char *name;
  uint32_t heads, kvHeads, headDim;
  uint32_t vocabulary = 96;
  uint32_t rotaryDim = 0; ///< 0: not stated, that is the whole head.
  void (*set)(Builder &) = [](Builder &) {};
};

void PrintTo(const Variant &variant, std::ostream *out) { *out << variant.name; }

const Variant variants[] = {
    {"Base", 4, 2, 64, 96, 0, [](Builder &b) { b.f32("llama.rope.freq_base", 5e5f); }},
    {"Linear", 4, 2, 64, 96, 0, [](Builder &b) { b.f32("llama.rope.scaling.factor", 4); }},
    {"Llama3", 4, 2, 16, 96, 0,
     [](Builder &b) {
       b.f32("llama.rope.freq_base", 5e5f)
           .vector("rope_freqs.weight", {1, 1, 1, 1, 2.694529687894733f, 8, 8, 8});
     }},
    {"Yarn", 2, 2, 64, 96, 0,
     [](Builder &b) {
       b.string("llama.rope.scaling.type", "yarn")
           .f32("llama.rope.scaling.factor", 16)
           .u32("llama.rope.scaling.original_context_length", 64);
     }},
    {"Window", 4, 2, 64, 96, 0, [](Builder &b) { b.u32("llama.attention.sliding_window", 20); }},
    {"WindowOfOne", 2, 1, 32, 96, 0,
     [](Builder &b) { b.u32("llama.attention.sliding_window", 1); }},
    {"WindowOfAPage", 8, 2, 32, 96, 0,
     [](Builder &b) { b.u32("llama.attention.sliding_window", 16); }},
    {"OneKVHead", 8, 1, 64},
    {"OddVocabulary", 2, 2, 32, 211},
    {"PartialRotary", 4, 4, 80, 96, 20},
    {"Heads80", 4, 2, 80},
    {"Heads96", 2, 1, 96},
    {"Heads128", 2, 2, 128},
    {"Heads160", 2, 1, 160},
    {"Heads192", 2, 2, 192},
    {"Heads256", 2, 1, 256},
};

constexpr uint32_t hidden = 64, intermediate = 96, blocks = 2;

/// Weights that keep activations at a size of 1: normal in F16, norms about 1 in F32.
void fill(TensorSpec &tensor, std::mt19937_64 &random) {
  if (!tensor.data.empty())
    return;
  uint64_t elements = 1;
  for (uint64_t size : tensor.dims)
    elements *= size;
  bool isNorm = tensor.type == gguf::TypeF32;
  auto spread = static_cast<float>(isNorm ? 0.1 : 1 / std::sqrt(double(tensor.dims[0])));
  std::normal_distribution<float> normal(isNorm ? 1.0f : 0.0f, spread);
  for (uint64_t i = 0; i < elements; ++i) {
    float value = normal(random);
    if (isNorm) {
      tensor.data += gguf::test::f32Bytes(value);
      continue;
    }
    uint16_t half = floatToHalf(value);
    tensor.data += {static_cast<char>(half & 0xFF), static_cast<char>(half >> 8)};
  }
}

std::string modelOf(const Variant &variant) {
  std::vector<std::string> tokens;
  for (uint32_t i = 0; i < variant.vocabulary; ++i)
    tokens.push_back("t" + std::to_string(i));
  Builder b = gguf::test::tinyLlama(blocks);
  b.u32("llama.embedding_length", hidden)
      .u32("llama.feed_forward_length", intermediate)
      .u32("llama.context_length", 256)
      .u32("llama.attention.head_count", variant.heads)
      .u32("llama.attention.head_count_kv", variant.kvHeads)
      .u32("llama.attention.key_length", variant.headDim)
      .u32("llama.attention.value_length", variant.headDim)
      .strings("tokenizer.ggml.tokens", tokens)
      .floats("tokenizer.ggml.scores", std::vector<float>(tokens.size()))
      .ints("tokenizer.ggml.token_type", std::vector<int32_t>(tokens.size(), 1))
      .tensor("token_embd.weight", {hidden, variant.vocabulary}, gguf::TypeF16)
      .tensor("output_norm.weight", {hidden});
  if (variant.rotaryDim != 0)
    b.u32("llama.rope.dimension_count", variant.rotaryDim);
  const uint64_t queries = uint64_t(variant.heads) * variant.headDim;
  const uint64_t keys = uint64_t(variant.kvHeads) * variant.headDim;
  for (uint32_t block = 0; block < blocks; ++block) {
    std::string prefix = "blk." + std::to_string(block) + ".";
    b.tensor(prefix + "attn_norm.weight", {hidden})
        .tensor(prefix + "attn_q.weight", {hidden, queries}, gguf::TypeF16)
        .tensor(prefix + "attn_k.weight", {hidden, keys}, gguf::TypeF16)
        .tensor(prefix + "attn_v.weight", {hidden, keys}, gguf::TypeF16)
        .tensor(prefix + "attn_output.weight", {queries, hidden}, gguf::TypeF16)
        .tensor(prefix + "ffn_norm.weight", {hidden})
        .tensor(prefix + "ffn_gate.weight", {hidden, intermediate}, gguf::TypeF16)
        .tensor(prefix + "ffn_up.weight", {hidden, intermediate}, gguf::TypeF16)
        .tensor(prefix + "ffn_down.weight", {intermediate, hidden}, gguf::TypeF16);
  }
  variant.set(b);
  std::mt19937_64 random(20265);
  b.fillTensors([&](TensorSpec &tensor) { fill(tensor, random); });
  return b.build();
}

class ModelVariants : public ::testing::TestWithParam<Variant> {
protected:
  void SetUp() override {
    int descriptor = -1;
    ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("tawny-variant", "gguf", descriptor, path));
    llvm::raw_fd_ostream(descriptor, /*shouldClose=*/true) << modelOf(GetParam());
  }
  void TearDown() override { llvm::sys::fs::remove(path); }

  llvm::SmallString<128> path;
};

TEST_P(ModelVariants, AgreeWithTheInterpreter) {
  // Kernels are tested for every target that the machine can run; here it is enough that they fit.
  std::string target = testedTargets().back();
  bool isCpu = deviceOf(target) == std::string("cpu");
  std::vector<std::string> flags = {"--max-batch=1", "--kv-tokens=256"};
  Subject subject{path.str().str(), target, isCpu ? "f32" : "f16", flags};
  InterpretedSequence interpreted(subject);
  Session session(subject);
  ASSERT_TRUE(interpreted.isReady() && session);
  Tokens prompt(60); // A step may want 64 logits.
  for (size_t i = 0; i < prompt.size(); ++i)
    prompt[i] = static_cast<int32_t>(i * i % GetParam().vocabulary);
  tawny_sequence sequence = session.create();
  double error =
      worstRow(session.step(sequence, prompt, Want::All), interpreted.run("step", prompt));
  for (int32_t token : {3, 1, 4, 1, 5, 9}) {
    Logits expected = interpreted.run("decode_1", {token});
    error = std::max(error, worstRow(session.step(sequence, {token}), expected));
  }
  std::printf("%s on %s: NMSE of a row to the interpreter at most %.2e\n", GetParam().name,
              target.c_str(), error);
  EXPECT_LE(error, isCpu ? 1e-7 : 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Llama, ModelVariants, ::testing::ValuesIn(variants),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
} // namespace tawny::endtoend
