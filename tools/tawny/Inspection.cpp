#include "tools/tawny/Inspection.h"

#include <algorithm>
#include <set>

namespace tawny::tool {

const char *kindName(fb::ProgramKind kind) {
  switch (kind) {
  case fb::ProgramKind::Init:
    return "init";
  case fb::ProgramKind::Step:
    return "step";
  case fb::ProgramKind::Decode:
    return "decode";
  }
  return "unknown";
}

std::string textOf(const flatbuffers::String *text) { return text ? text->str() : std::string(); }

std::vector<WeightGroup> groupWeights(const fb::Artifact &artifact, const fb::Target &target) {
  std::set<uint32_t> readByInit, readBySteps;
  for (const fb::Program *program : *target.programs())
    for (const fb::Dispatch *dispatch : *program->dispatches())
      for (const fb::Binding *binding : *dispatch->bindings())
        if (binding->space() == fb::Space::Weight)
          (program->kind() == fb::ProgramKind::Init ? readByInit : readBySteps)
              .insert(binding->index());
  std::vector<WeightGroup> groups;
  for (uint32_t i = 0; artifact.weights() && i < artifact.weights()->size(); ++i) {
    const fb::Weight &weight = *artifact.weights()->Get(i);
    WeightGroup group = {textOf(weight.format()), textOf(weight.layout()),
                         readBySteps.contains(i)  ? "fused"
                         : readByInit.contains(i) ? "materialized"
                                                  : "unused"};
    auto same = std::ranges::find_if(groups, [&](const WeightGroup &other) {
      return other.format == group.format && other.layout == group.layout &&
             other.dequantized == group.dequantized;
    });
    if (same == groups.end())
      same = groups.insert(groups.end(), group);
    ++same->weights;
    same->elements += weight.rows() * weight.columns();
    same->bytes += weight.bytes();
  }
  return groups;
}

std::vector<MemoryLine> defaultPlan(const Artifact &artifact, const fb::Target &target) {
  const fb::KvGeometry &kv = *target.kv();
  ExecutionBounds bounds = {};
  bounds.kv = {kv.pages(), kv.page_tokens(), 4 * artifact.header().max_batch(),
               artifact.header().max_context()};
  for (const fb::Program *program : *target.programs())
    if (program->kind() != fb::ProgramKind::Init)
      bounds.maxLogitRows = std::max(bounds.maxLogitRows, program->step()->max_logit_rows());
  return planMemory(artifact, target, bounds);
}

static Json modelJson(const Artifact &artifact) {
  const fb::Artifact &header = artifact.header();
  const fb::Model &model = *header.model();
  return {{"name", textOf(model.name())},
          {"architecture", textOf(model.architecture())},
          {"source", textOf(model.source())},
          {"parameters", model.parameters()},
          {"layers", model.layers()},
          {"hidden_size", model.hidden_size()},
          {"intermediate_size", model.intermediate_size()},
          {"heads", model.heads()},
          {"kv_heads", model.kv_heads()},
          {"head_dim", model.head_dim()},
          {"vocab_size", model.vocab_size()},
          {"context_length", model.context_length()}};
}

static Json tokenizerJson(const fb::Tokenizer *tokenizer) {
  if (!tokenizer)
    return nullptr;
  bool isBytePair = tokenizer->kind() == fb::TokenizerKind::BytePair;
  return {{"kind", isBytePair ? "byte-pair" : "sentencepiece"},
          {"pre_tokenizer", isBytePair ? Json(textOf(tokenizer->pre_tokenizer())) : Json()},
          {"tokens", tokenizer->types() ? tokenizer->types()->size() : 0},
          {"bos", tokenizer->bos()},
          {"eos", tokenizer->eos()},
          {"unk", tokenizer->unk()},
          {"pad", tokenizer->pad()},
          {"add_bos", tokenizer->add_bos()},
          {"add_eos", tokenizer->add_eos()}};
}

static Json kernelsJson(const fb::Target &target) {
  Json list = Json::array();
  for (const fb::Kernel *kernel : *target.kernels())
    list.push_back({{"name", textOf(kernel->name())},
                    {"target", textOf(target.name())},
                    {"threads", kernel->threads()},
                    {"vector_registers", kernel->vector_registers()},
                    {"scalar_registers", kernel->scalar_registers()},
                    {"spills", kernel->spills()},
                    {"shared_bytes", kernel->shared_bytes()},
                    {"scratch_bytes", kernel->scratch_bytes()},
                    {"code_bytes", kernel->code_bytes()}});
  return list;
}

static Json programsJson(const fb::Target &target) {
  Json list = Json::array();
  for (const fb::Program *program : *target.programs()) {
    Json object = {{"name", textOf(program->name())},
                   {"kind", kindName(program->kind())},
                   {"dispatches", program->dispatches()->size()},
                   {"arena_bytes", program->arena_bytes()},
                   {"weight_bytes", program->weight_bytes()},
                   {"operations_per_token", program->operations_per_token()},
                   {"operations_per_logit_row", program->operations_per_logit_row()}};
    if (const fb::StepLayout *step = program->step()) {
      object["max_tokens"] = step->max_tokens();
      object["max_sequences"] = step->max_sequences();
      object["max_logit_rows"] = step->max_logit_rows();
    }
    list.push_back(std::move(object));
  }
  return list;
}

static Json targetJson(const Artifact &artifact, const fb::Target &target) {
  Json plan = Json::array(), groups = Json::array(), features = Json::array();
  for (const MemoryLine &line : defaultPlan(artifact, target))
    plan.push_back({{"name", line.name}, {"bytes", line.bytes}, {"mapped", line.mapped}});
  for (const WeightGroup &group : groupWeights(artifact.header(), target))
    groups.push_back({{"format", group.format},
                      {"layout", group.layout},
                      {"dequantized", group.dequantized},
                      {"weights", group.weights},
                      {"elements", group.elements},
                      {"bytes", group.bytes}});
  for (uint32_t i = 0; target.features() && i < target.features()->size(); ++i)
    features.push_back(textOf(target.features()->Get(i)));
  const fb::KvGeometry &kv = *target.kv();
  Json pool = {{"pages", kv.pages()},
               {"page_tokens", kv.page_tokens()},
               {"bytes", kv.bytes()},
               {"element", textOf(kv.element())}};
  return {{"name", textOf(target.name())},
          {"device", textOf(target.device())},
          {"activations", textOf(target.activations())},
          {"features", features},
          {"code_bytes", artifact.segment(target.code_segment()).size()},
          {"fallback_code_bytes",
           target.fallback_segment() < 0 ? 0 : artifact.segment(target.fallback_segment()).size()},
          {"kernels", kernelsJson(target)},
          {"programs", programsJson(target)},
          {"memory_plan", plan},
          {"kv", pool},
          {"dequantization", groups}};
}

static Json layoutsJson(const fb::Artifact &header) {
  Json layouts = Json::object();
  for (uint32_t i = 0; header.weights() && i < header.weights()->size(); ++i) {
    const fb::Weight &weight = *header.weights()->Get(i);
    Json &layout = layouts[textOf(weight.layout())];
    if (layout.is_null())
      layout = {{"weights", 0}, {"bytes", 0}};
    layout["weights"] = layout["weights"].get<uint64_t>() + 1;
    layout["bytes"] = layout["bytes"].get<uint64_t>() + weight.bytes();
  }
  return layouts;
}

Json inspectionJson(const Artifact &artifact) {
  const fb::Artifact &header = artifact.header();
  Json targets = Json::array();
  for (uint32_t i = 0; header.targets() && i < header.targets()->size(); ++i)
    targets.push_back(targetJson(artifact, *header.targets()->Get(i)));
  return {{"file_bytes", artifact.fileBytes()},
          {"header_bytes", artifact.headerBytes()},
          {"weight_bytes", artifact.weightBytes()},
          {"compiler_version", textOf(header.compiler_version())},
          {"generated_weights", artifact.hasGeneratedWeights()},
          {"model", modelJson(artifact)},
          {"tokenizer", tokenizerJson(header.tokenizer())},
          {"chat_template", textOf(header.chat_template())},
          {"max_context", header.max_context()},
          {"max_batch", header.max_batch()},
          {"kv_tokens", header.kv_tokens()},
          {"layouts", layoutsJson(header)},
          {"targets", targets}};
}

} // namespace tawny::tool
