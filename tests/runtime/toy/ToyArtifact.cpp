#include "tests/runtime/toy/ToyArtifact.h"

#include "runtime/artifact/Format.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace tawny::test {
namespace {

constexpr uint64_t rowBytes = TOY_ROW_FLOATS * sizeof(float);
constexpr uint64_t hiddenBytes = TOY_STEP_TOKENS * rowBytes;
constexpr uint64_t logitsBytes = TOY_STEP_LOGIT_ROWS * TOY_VOCABULARY * sizeof(float);
constexpr uint64_t weightBytes = TOY_ROW_FLOATS * sizeof(float);

uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

template <typename T> std::unique_ptr<T> make(T value) {
  return std::make_unique<T>(std::move(value));
}

std::unique_ptr<fb::StepLayoutT> layout(uint32_t tokens, uint32_t sequences, uint32_t logitRows,
                                        uint32_t blocks) {
  fb::StepLayoutT step;
  step.max_tokens = tokens;
  step.max_sequences = sequences;
  step.max_logit_rows = logitRows;
  step.max_attention_blocks = blocks;
  step.max_pages = TOY_MAX_PAGES;
  step.attention_block_rows = TOY_BLOCK_ROWS;
  auto place = [&](uint64_t elements) {
    uint64_t offset = step.bytes;
    step.bytes += alignUp(elements * sizeof(int32_t), format::dataAlignment);
    return offset;
  };
  step.counts = place(16);
  step.tokens = place(tokens);
  step.positions = place(tokens);
  step.kv_slots = place(tokens);
  step.attention_blocks = place(uint64_t(blocks) * 4);
  step.block_tables = place(uint64_t(sequences) * TOY_MAX_PAGES);
  step.logit_rows = place(logitRows);
  return make(std::move(step));
}

std::unique_ptr<fb::BindingT> bind(fb::Space space, uint64_t offset, uint64_t bytes,
                                   fb::Access access = fb::Access::Read) {
  fb::BindingT binding;
  binding.space = space;
  binding.offset = offset;
  binding.bytes = bytes;
  binding.access = access;
  return make(std::move(binding));
}

/// An array of the step table.
std::unique_ptr<fb::BindingT> bindStep(uint64_t offset, uint64_t elements) {
  return bind(fb::Space::Step, offset, elements * sizeof(int32_t));
}

std::unique_ptr<fb::BindingT> bindRows(uint64_t offset, uint64_t bytes, uint64_t bytesPerRow,
                                       fb::Extent rows) {
  auto binding = bind(fb::Space::Arena, offset, bytes, fb::Access::Write);
  binding->check_f32 = true;
  binding->row_bytes = bytesPerRow;
  binding->check_rows = rows;
  return binding;
}

enum Kernel : uint32_t { Init, Append, Attend, LogitsStep, LogitsDecode, ReadProbe, PeakProbe };

fb::DispatchT dispatch(Kernel kernel, const char *label, fb::Grid grid) {
  fb::DispatchT dispatch;
  dispatch.kernel = kernel;
  dispatch.label = label;
  dispatch.grid = make(std::move(grid));
  return dispatch;
}

std::unique_ptr<fb::ProgramT> computing(const char *name, fb::ProgramKind kind,
                                        std::unique_ptr<fb::StepLayoutT> step) {
  constexpr uint64_t kvBytes = TOY_LAYERS * TOY_LAYER_BYTES;
  fb::ProgramT program;
  program.name = name;
  program.kind = kind;
  program.arena_bytes = hiddenBytes + logitsBytes;
  program.logits_offset = hiddenBytes;
  program.weight_bytes = weightBytes;
  program.operations_per_token = 2;
  program.operations_per_logit_row = 2 * TOY_VOCABULARY;

  fb::DispatchT append = dispatch(Append, "append", fb::Grid(1, 1, fb::Extent::Tokens));
  append.bindings.push_back(bindStep(step->tokens, step->max_tokens));
  append.bindings.push_back(bindStep(step->positions, step->max_tokens));
  append.bindings.push_back(bindStep(step->kv_slots, step->max_tokens));
  append.bindings.push_back(bind(fb::Space::Kv, 0, kvBytes, fb::Access::ReadWrite));

  fb::DispatchT attend = dispatch(Attend, "attend", fb::Grid(1, 1, fb::Extent::AttentionBlocks));
  attend.bindings.push_back(bindStep(step->tokens, step->max_tokens));
  attend.bindings.push_back(bindStep(step->attention_blocks, step->max_attention_blocks * 4));
  attend.bindings.push_back(bindStep(step->block_tables, step->max_sequences * TOY_MAX_PAGES));
  attend.bindings.push_back(bind(fb::Space::Kv, 0, kvBytes));
  attend.bindings.push_back(bindRows(0, hiddenBytes, rowBytes, fb::Extent::Tokens));

  bool decode = kind == fb::ProgramKind::Decode;
  fb::DispatchT head =
      dispatch(decode ? LogitsDecode : LogitsStep, "head", fb::Grid(1, 1, fb::Extent::LogitRows));
  head.bindings.push_back(bindStep(step->counts, 16));
  head.bindings.push_back(bindStep(step->logit_rows, step->max_logit_rows));
  head.bindings.push_back(bind(fb::Space::Arena, 0, hiddenBytes));
  head.bindings.push_back(bind(fb::Space::Weight, 0, weightBytes));
  head.bindings.push_back(bind(fb::Space::Resident, 0, weightBytes));
  head.bindings.push_back(
      bindRows(hiddenBytes, logitsBytes, TOY_VOCABULARY * sizeof(float), fb::Extent::LogitRows));
  for (fb::DispatchT *next : {&append, &attend, &head})
    program.dispatches.push_back(make(std::move(*next)));
  program.step = std::move(step);
  return make(std::move(program));
}

std::unique_ptr<fb::ProgramT> initProgram() {
  fb::ProgramT program;
  program.name = "init";
  program.kind = fb::ProgramKind::Init;
  fb::DispatchT init = dispatch(Init, "materialise", fb::Grid(TOY_ROW_FLOATS, 1, fb::Extent::One));
  init.bindings.push_back(bind(fb::Space::Weight, 0, weightBytes));
  init.bindings.push_back(bind(fb::Space::Resident, 0, weightBytes, fb::Access::Write));
  init.bindings.back()->check_f32 = true;
  program.dispatches.push_back(make(std::move(init)));
  return make(std::move(program));
}

std::unique_ptr<fb::KernelT> kernel(const char *symbol, std::vector<fb::Access> bindings) {
  fb::KernelT kernel;
  kernel.name = std::string(symbol).substr(4);
  kernel.symbol = symbol;
  kernel.bindings = std::move(bindings);
  kernel.threads = 1;
  kernel.scratch_bytes = 128;
  return make(std::move(kernel));
}

std::unique_ptr<fb::KvGeometryT> geometry() {
  fb::KvGeometryT kv;
  kv.layers = TOY_LAYERS;
  kv.kv_heads = 1;
  kv.head_dim = TOY_ROW_FLOATS;
  kv.page_tokens = TOY_PAGE_TOKENS;
  kv.pages = TOY_PAGES;
  kv.k_page_bytes = kv.v_page_bytes = TOY_PAGE_BYTES;
  kv.layer_bytes = TOY_LAYER_BYTES;
  kv.bytes = TOY_LAYERS * TOY_LAYER_BYTES;
  kv.element = "f32";
  return make(std::move(kv));
}

std::unique_ptr<fb::TargetT> toyTarget(const std::string &device) {
  using enum fb::Access;
  fb::TargetT target;
  target.name = "toy-" + device;
  target.device = device;
  target.features = {device == "cpu" ? "sse2" : device == "hip" ? "gfx1151" : "sm_80"};
  target.activations = "f32";
  target.code_segment = 1;
  // In the order of the enum above.
  target.kernels.push_back(kernel("toy_init", {Read, Write}));
  target.kernels.push_back(kernel("toy_append", {Read, Read, Read, ReadWrite}));
  target.kernels.push_back(kernel("toy_attend", {Read, Read, Read, Read, Write}));
  target.kernels.push_back(kernel("toy_logits_step", {Read, Read, Read, Read, Read, Write}));
  target.kernels.push_back(kernel("toy_logits_decode", {Read, Read, Read, Read, Read, Write}));
  target.kernels.push_back(kernel("toy_read", {Read, ReadWrite}));
  target.kernels.push_back(kernel("toy_peak", {ReadWrite}));
  target.kv = geometry();
  target.resident_bytes = weightBytes;
  target.programs.push_back(initProgram());
  target.programs.push_back(
      computing("step", fb::ProgramKind::Step,
                layout(TOY_STEP_TOKENS, TOY_STEP_SEQUENCES, TOY_STEP_LOGIT_ROWS, TOY_STEP_BLOCKS)));
  for (uint32_t bucket : {1, 2, 4})
    target.programs.push_back(computing(("decode[" + std::to_string(bucket) + "]").c_str(),
                                        fb::ProgramKind::Decode,
                                        layout(bucket, bucket, bucket, bucket)));
  fb::ProbesT probes;
  probes.read_kernel = ReadProbe;
  probes.read_tile_bytes = TOY_READ_TILE_BYTES;
  probes.peak_kernel = PeakProbe;
  probes.peak_tile_operations = TOY_PEAK_TILE_OPERATIONS;
  probes.peak_unit = "imul";
  target.probes = make(std::move(probes));
  return make(std::move(target));
}

std::unique_ptr<fb::SegmentT> segment(fb::SegmentKind kind) {
  fb::SegmentT segment;
  segment.kind = kind;
  return make(std::move(segment));
}

std::vector<std::byte> bytesOf(std::span<const float> values) {
  std::span<const std::byte> bytes = std::as_bytes(values);
  return {bytes.begin(), bytes.end()};
}

constexpr float weightValue(int column) { return static_cast<float>(column % 16); }

} // namespace

ToyFile toyVocabulary() {
  fb::TokenizerT tokenizer;
  auto add = [&](std::string_view text, uint8_t type) {
    tokenizer.token_text.insert(tokenizer.token_text.end(), text.begin(), text.end());
    tokenizer.token_offsets.push_back(static_cast<uint32_t>(tokenizer.token_text.size()));
    tokenizer.scores.push_back(-static_cast<float>(tokenizer.types.size()));
    tokenizer.types.push_back(type);
  };
  tokenizer.token_offsets.push_back(0);
  constexpr uint8_t normal = 1, unknown = 2, control = 3;
  add("<unk>", unknown);
  add("<s>", control);
  add("</s>", control);
  for (char letter = 'a'; letter <= 'z'; ++letter)
    add({&letter, 1}, normal);
  add("\xe2\x96\x81", normal);
  add("he", normal);
  add("poison", normal);
  tokenizer.unk = 0;
  tokenizer.bos = 1;
  tokenizer.eos = 2;
  tokenizer.add_bos = true;
  fb::ModelT model;
  model.name = "toy";
  model.architecture = "toy";
  model.source = "toy.gguf";
  model.vocab_size = TOY_VOCABULARY;
  ToyFile file;
  file.header.compiler_version = "test";
  file.header.model = make(std::move(model));
  file.header.tokenizer = make(std::move(tokenizer));
  return file;
}

ToyFile toyBytePairVocabulary() {
  fb::TokenizerT tokenizer;
  tokenizer.kind = fb::TokenizerKind::BytePair;
  tokenizer.token_offsets.push_back(0);
  auto add = [&](std::string_view text) {
    tokenizer.token_text.insert(tokenizer.token_text.end(), text.begin(), text.end());
    tokenizer.token_offsets.push_back(static_cast<uint32_t>(tokenizer.token_text.size()));
    tokenizer.types.push_back(1);
  };
  for (int byte = 0; byte < 256; ++byte) {
    auto character = static_cast<char>(byte);
    add({&character, 1});
    tokenizer.byte_tokens.push_back(byte);
  }
  add("ab");
  add("abc");
  tokenizer.pre_tokenizer = "gpt-2";
  tokenizer.merge_starts.assign(259, 0);
  std::fill(tokenizer.merge_starts.begin() + 'a' + 1, tokenizer.merge_starts.end(), 1);
  tokenizer.merge_starts[257] = tokenizer.merge_starts[258] = 2;
  tokenizer.merge_right = {'b', 'c'};
  tokenizer.merge_result = {256, 257};
  tokenizer.merge_rank = {0, 1};
  ToyFile file = toyVocabulary();
  file.header.tokenizer = make(std::move(tokenizer));
  return file;
}

ToyFile toyModel(std::span<const std::byte> code, const std::string &device) {
  ToyFile file = toyVocabulary();
  file.header.model->layers = TOY_LAYERS;
  file.header.model->hidden_size = TOY_ROW_FLOATS;
  file.header.max_context = TOY_MAX_CONTEXT;
  file.header.max_batch = 4;
  file.header.kv_tokens = TOY_PAGES * TOY_PAGE_TOKENS;
  std::vector<float> values;
  for (int i = 0; i < 2 * TOY_ROW_FLOATS; ++i)
    values.push_back(weightValue(i));
  file.header.segments.push_back(segment(fb::SegmentKind::Weights));
  file.segments.push_back(bytesOf(values));
  file.header.segments.push_back(segment(fb::SegmentKind::Code));
  file.segments.emplace_back(code.begin(), code.end());
  fb::WeightT weight;
  weight.name = "scale";
  weight.format = "f32";
  weight.layout = "rows";
  weight.rows = 1;
  weight.columns = TOY_ROW_FLOATS;
  weight.offset = weightBytes;
  weight.bytes = weightBytes;
  file.header.weights.push_back(make(std::move(weight)));
  file.header.targets.push_back(toyTarget(device));
  return file;
}

static std::vector<std::byte> encodeHeader(const fb::ArtifactT &header) {
  flatbuffers::FlatBufferBuilder builder;
  // Numbers that are 0 take their place, so filling them in does not change the header's size.
  builder.ForceDefaults(true);
  fb::FinishArtifactBuffer(builder, fb::CreateArtifact(builder, &header));
  auto *bytes = reinterpret_cast<std::byte *>(builder.GetBufferPointer());
  return {bytes, bytes + builder.GetSize()};
}

AlignedBytes ToyFile::encode(const HeaderChange &damage) {
  uint64_t end = format::preambleBytes + encodeHeader(header).size();
  for (size_t i = 0; i < segments.size(); ++i) {
    fb::SegmentT &entry = *header.segments[i];
    entry.offset = alignUp(end, format::segmentAlignment);
    entry.bytes = segments[i].size();
    entry.checksum = checksum(segments[i]);
    end = entry.offset + entry.bytes;
  }
  std::vector<uint64_t> offsets;
  for (const auto &entry : header.segments)
    offsets.push_back(entry->offset);
  if (damage)
    damage(header);
  std::vector<std::byte> encoded = encodeHeader(header);
  AlignedBytes file(std::max<uint64_t>(end, format::preambleBytes + encoded.size()));
  std::span<std::byte> bytes = file.span();
  std::memcpy(bytes.data() + format::preambleBytes, encoded.data(), encoded.size());
  for (size_t i = 0; i < segments.size(); ++i)
    std::memcpy(bytes.data() + offsets[i], segments[i].data(), segments[i].size());
  auto headerBytes = static_cast<uint32_t>(encoded.size());
  std::memcpy(bytes.data() + offsetof(format::Preamble, headerBytes), &headerBytes,
              sizeof(headerBytes));
  repairPreamble(bytes);
  return file;
}

void repairPreamble(std::span<std::byte> file) {
  if (file.size() < sizeof(format::Preamble))
    return;
  format::Preamble preamble;
  std::memcpy(&preamble, file.data(), sizeof(preamble));
  std::memcpy(preamble.magic, format::magic.data(), sizeof(preamble.magic));
  preamble.version = format::version;
  preamble.fileBytes = file.size();
  uint64_t most = file.size() - sizeof(preamble);
  if (preamble.headerBytes > most)
    preamble.headerBytes = static_cast<uint32_t>(most);
  preamble.headerChecksum = checksum(file.subspan(sizeof(preamble), preamble.headerBytes));
  std::memset(preamble.zeros, 0, sizeof(preamble.zeros));
  std::memcpy(file.data(), &preamble, sizeof(preamble));
}

static std::vector<std::byte> readAll(const char *path) {
  std::vector<std::byte> bytes;
  std::FILE *file = std::fopen(path, "rb");
  for (int next; file && (next = std::fgetc(file)) != EOF;)
    bytes.push_back(static_cast<std::byte>(next));
  if (file)
    std::fclose(file);
  return bytes;
}

std::vector<std::byte> toyCode() { return readAll(TAWNY_TOY_CODE); }

std::vector<std::byte> toyGpuCode(const std::string &chip) {
  if (chip != "ptx")
    return readAll((TAWNY_TOY_FOLDER "/toy-" + chip + ".hsaco").c_str());
  std::vector<std::byte> text = readAll(TAWNY_TOY_FOLDER "/toy.ptx");
  if (!text.empty())
    text.push_back(std::byte(0));
  return text;
}

std::string writeTemporary(const std::string &name, std::span<const std::byte> bytes) {
  const char *folder = std::getenv("TEST_TMPDIR");
  std::string path =
      std::string(folder ? folder : "/tmp") + "/tawny-" + std::to_string(getpid()) + "-" + name;
  std::FILE *file = std::fopen(path.c_str(), "wb");
  if (file) {
    std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::fclose(file);
  }
  return path;
}

std::vector<float> expectedLogits(std::span<const int32_t> tokens) {
  uint32_t hash = 1;
  for (uint32_t p = 0; p < tokens.size(); ++p) {
    auto token = static_cast<uint32_t>(tokens[p]) + 1;
    hash = hash * 31 + token * 3 + 2 * token * 5 + p * 7 + (p + 100) * 11;
  }
  std::vector<float> logits;
  for (uint32_t v = 1; v < TOY_VOCABULARY; ++v)
    logits.push_back(static_cast<float>(((hash & 0xffff) * v) & 0xffff) +
                     3 * weightValue(static_cast<int>(v)));
  return logits;
}

} // namespace tawny::test
