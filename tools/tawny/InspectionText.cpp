// The text of `tawny inspect`.
#include "tools/tawny/Inspection.h"
#include "tools/tawny/Tool.h"

#include <cinttypes>

namespace tawny::tool {

static void printModel(const Artifact &artifact) {
  const fb::Artifact &header = artifact.header();
  const fb::Model &model = *header.model();
  std::printf("model     %s (%s), from %s\n", textOf(model.name()).c_str(),
              textOf(model.architecture()).c_str(), textOf(model.source()).c_str());
  std::printf("          %" PRIu64 " parameters, %u layers, hidden size %u, %u heads over %u KV "
              "heads of %u, trained for %u tokens\n",
              model.parameters(), model.layers(), model.hidden_size(), model.heads(),
              model.kv_heads(), model.head_dim(), model.context_length());
  if (const fb::Tokenizer *tokenizer = header.tokenizer())
    std::printf("tokenizer %u tokens, BOS %d%s, EOS %d, %s%s\n", model.vocab_size(),
                tokenizer->bos(), tokenizer->add_bos() ? " (put in front of prompts)" : "",
                tokenizer->eos(),
                tokenizer->kind() == fb::TokenizerKind::BytePair ? "byte-level BPE after "
                                                                 : "SentencePiece",
                textOf(tokenizer->pre_tokenizer()).c_str());
  else
    std::printf("tokenizer none\n");
  size_t chat = textOf(header.chat_template()).size();
  std::printf("chat      %s\n",
              chat ? (std::to_string(chat) + " bytes of template").c_str() : "no template");
  std::printf(
      "file      %s: header %s, weights %s; written by %s\n",
      formatBytes(artifact.fileBytes()).c_str(), formatBytes(artifact.headerBytes()).c_str(),
      formatBytes(artifact.weightBytes()).c_str(), textOf(header.compiler_version()).c_str());
  if (artifact.hasGeneratedWeights())
    std::printf("weights   none in the file: random numbers made at load, to measure with\n");
  std::printf("bounds    context %u, batch %u, KV pool of %" PRIu64 " tokens\n",
              header.max_context(), header.max_batch(), header.kv_tokens());
}

/// Registers are counted where they bound how many threads run; elsewhere the count is 0.
static std::string countOf(uint32_t registers) {
  return registers ? std::to_string(registers) : std::string("-");
}

static void printKernels(const fb::Target &target) {
  std::printf("\n  %-48s%8s%8s%8s%8s%8s%10s%10s\n", "kernel", "threads", "vector", "scalar",
              "spills", "shared", "scratch", "code");
  uint64_t spills = 0;
  for (const fb::Kernel *kernel : *target.kernels()) {
    spills += kernel->spills();
    std::printf("  %-48s%8u%8s%8s%8u%8" PRIu64 "%10" PRIu64 "%10" PRIu64 "\n",
                textOf(kernel->name()).c_str(), kernel->threads(),
                countOf(kernel->vector_registers()).c_str(),
                countOf(kernel->scalar_registers()).c_str(), kernel->spills(),
                kernel->shared_bytes(), kernel->scratch_bytes(), kernel->code_bytes());
  }
  std::printf("  %u kernels, %" PRIu64 " spills; registers are counts, the rest bytes\n",
              target.kernels()->size(), spills);
}

static void printPrograms(const fb::Target &target) {
  std::printf("\n  %-16s%10s%8s%10s%12s%12s%14s\n", "program", "dispatches", "tokens", "sequences",
              "arena", "weights", "ops/token");
  for (const fb::Program *program : *target.programs())
    std::printf("  %-16s%10u%8u%10u%12s%12s%14" PRIu64 "\n", textOf(program->name()).c_str(),
                program->dispatches()->size(), program->step() ? program->step()->max_tokens() : 0,
                program->step() ? program->step()->max_sequences() : 0,
                formatBytes(program->arena_bytes()).c_str(),
                formatBytes(program->weight_bytes()).c_str(), program->operations_per_token());
}

static void printPlan(const Artifact &artifact, const fb::Target &target) {
  std::printf("\n  %-16s%12s\n", "memory plan", "bytes");
  uint64_t total = 0;
  for (const MemoryLine &line : defaultPlan(artifact, target)) {
    total += line.mapped ? 0 : line.bytes;
    std::printf("  %-16s%12" PRIu64 "%s\n", line.name.c_str(), line.bytes,
                line.mapped ? "  pages of the file" : "");
  }
  std::printf("  %-16s%12" PRIu64 "  allocated\n", "sum", total);
  const fb::KvGeometry &kv = *target.kv();
  std::printf("  KV pool: %u pages of %u tokens, %s\n", kv.pages(), kv.page_tokens(),
              textOf(kv.element()).c_str());
}

static void printWeights(const fb::Artifact &header, const fb::Target &target) {
  std::printf("\n  %-8s%-10s%-14s%8s%14s%12s%12s\n", "format", "layout", "dequantized", "weights",
              "elements", "bytes", "bits each");
  for (const WeightGroup &group : groupWeights(header, target)) {
    double bits = group.elements ? 8 * double(group.bytes) / double(group.elements) : 0;
    std::printf("  %-8s%-10s%-14s%8" PRIu64 "%14" PRIu64 "%12s%12.3f\n", group.format.c_str(),
                group.layout.c_str(), group.dequantized.c_str(), group.weights, group.elements,
                formatBytes(group.bytes).c_str(), bits);
  }
}

void printInspection(const Artifact &artifact) {
  const fb::Artifact &header = artifact.header();
  printModel(artifact);
  if (!header.targets() || header.targets()->size() == 0)
    std::printf("targets   none: the vocabulary alone\n");
  for (uint32_t i = 0; header.targets() && i < header.targets()->size(); ++i) {
    const fb::Target &target = *header.targets()->Get(i);
    std::printf("\ntarget    %s on %s, activations %s, %s of code\n", textOf(target.name()).c_str(),
                textOf(target.device()).c_str(), textOf(target.activations()).c_str(),
                formatBytes(artifact.segment(target.code_segment()).size()).c_str());
    if (target.fallback_segment() >= 0)
      std::printf("  %s of code to fall back on\n",
                  formatBytes(artifact.segment(target.fallback_segment()).size()).c_str());
    std::string features;
    for (uint32_t j = 0; target.features() && j < target.features()->size(); ++j)
      features += " " + textOf(target.features()->Get(j));
    std::printf("  needs%s\n", features.empty() ? " no particular feature" : features.c_str());
    printKernels(target);
    printPrograms(target);
    printPlan(artifact, target);
    printWeights(header, target);
  }
}

} // namespace tawny::tool
