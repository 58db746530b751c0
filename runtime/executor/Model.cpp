#include "runtime/executor/Model.h"

#include <algorithm>
#include <cinttypes>

namespace tawny {

ErrorOr<std::unique_ptr<Model>> Model::open(const std::string &path, const ModelOptions &options) {
  ErrorOr<std::unique_ptr<Artifact>> artifact = Artifact::open(path);
  if (!artifact)
    return artifact.takeError();
  ErrorOr<std::unique_ptr<Device>> device = openDevice(options.device, options.threads);
  if (!device)
    return device.takeError();
  return create(std::move(*artifact), std::move(*device), options);
}

ErrorOr<std::unique_ptr<Model>> Model::create(std::unique_ptr<Artifact> artifact,
                                              std::unique_ptr<Device> device,
                                              const ModelOptions &options) {
  std::unique_ptr<Model> model(new Model(std::move(artifact), std::move(device)));
  ErrorOr<uint32_t> target = selectTarget(model->header(), *model->processor);
  if (!target)
    return makeError("'%s': %s", model->file->path().c_str(), target.error().message.c_str());
  model->chosen = model->header().targets()->Get(*target);
  if (ErrorOr<void> loaded = model->load(options); !loaded)
    return makeError("'%s': %s", model->file->path().c_str(), loaded.error().message.c_str());
  return model;
}

ErrorOr<void> Model::setBounds(const ModelOptions &options) {
  constexpr uint32_t most = 1 << 20;
  if (options.maxSequences > most || options.maxLogitRows > most)
    return makeError("expected at most %u sequences and rows of logits, found %u and %u", most,
                     options.maxSequences, options.maxLogitRows);
  uint32_t rows = 0;
  for (const fb::Program *program : *chosen->programs())
    if (program->kind() != fb::ProgramKind::Init)
      rows = std::max(rows, program->step()->max_logit_rows());
  const fb::KvGeometry &kv = *chosen->kv();
  limits.kv.pages = kv.pages();
  limits.kv.pageTokens = kv.page_tokens();
  limits.kv.maxSequences = options.maxSequences ? options.maxSequences : 4 * header().max_batch();
  limits.kv.maxTokens = header().max_context();
  limits.maxLogitRows = options.maxLogitRows ? options.maxLogitRows : rows;
  checkOutputs = options.check;
  launching = options.launch;
  return {};
}

ErrorOr<void> Model::load(const ModelOptions &options) {
  if (ErrorOr<void> bounded = setBounds(options); !bounded)
    return bounded;
  plan = planMemory(*file, *chosen, limits);
  ErrorOr<DeviceMemory> memory = processor->memory();
  if (!memory)
    return memory.takeError();
  if (ErrorOr<void> fits = checkMemory(plan, *memory); !fits)
    return fits;
  if (ErrorOr<void> loaded = loadCode(); !loaded)
    return loaded;
  if (ErrorOr<void> placed = placeWeights(options); !placed)
    return placed;
  ErrorOr<Buffer> made = processor->allocate(chosen->resident_bytes());
  if (!made)
    return made.takeError();
  resident = std::move(*made);
  constexpr size_t stagingValues = 1 << 16;
  staging.resize(checkOutputs ? stagingValues : 0);
  return runInit();
}

ErrorOr<void> Model::loadCode() {
  ErrorOr<std::unique_ptr<LoadedCode>> loaded =
      processor->loadCode(file->segment(chosen->code_segment()));
  if (!loaded && chosen->fallback_segment() >= 0) {
    Error first = loaded.takeError();
    loaded = processor->loadCode(file->segment(static_cast<uint32_t>(chosen->fallback_segment())));
    if (!loaded)
      return makeError("%s; its fallback: %s", first.message.c_str(),
                       loaded.error().message.c_str());
  }
  if (!loaded)
    return loaded.takeError();
  code = std::move(*loaded);
  for (const fb::Kernel *kernel : *chosen->kernels()) {
    ErrorOr<KernelHandle> handle = code->kernel(kernel->symbol()->str(), kernel->shared_bytes());
    if (!handle)
      return handle.takeError();
    kernelHandles.push_back(*handle);
  }
  return {};
}

ErrorOr<void> Model::placeWeights(const ModelOptions &options) {
  std::vector<uint32_t> used = usedSegments(header(), *chosen);
  uint64_t total = 0, before = 0;
  for (uint32_t segment : used)
    total += file->segmentBytes(segment);
  std::vector<void *> bases(header().segments()->size());
  for (uint32_t segment : used) {
    auto progress = [&](uint64_t done, uint64_t) {
      return !options.progress || options.progress(before + done, total);
    };
    ErrorOr<Buffer> placed = processor->placeWeights(*file, segment, options.prefault, progress);
    if (!placed)
      return placed.takeError();
    before += placed->bytes();
    bases[segment] = placed->address();
    segments.push_back(std::move(*placed));
  }
  for (uint32_t i = 0; header().weights() && i < header().weights()->size(); ++i) {
    const fb::Weight &weight = *header().weights()->Get(i);
    void *base = bases[weight.segment()];
    weightAddresses.push_back(base ? static_cast<std::byte *>(base) + weight.offset() : nullptr);
  }
  return {};
}

Spaces Model::sharedSpaces() const {
  Spaces spaces;
  spaces.weights = weightAddresses;
  spaces.resident = resident.address();
  return spaces;
}

/// The arena of `init` is given back before the executor allocates its own, so the plan, which has
/// one line for both, holds.
ErrorOr<void> Model::runInit() {
  for (const fb::Program *encoded : *chosen->programs()) {
    if (encoded->kind() != fb::ProgramKind::Init)
      continue;
    ErrorOr<Buffer> arena = processor->allocate(encoded->arena_bytes());
    if (!arena)
      return arena.takeError();
    Spaces spaces = sharedSpaces();
    spaces.arena = arena->address();
    Program init(*chosen, *encoded, kernelHandles, spaces);
    ErrorOr<void> ran =
        checkOutputs ? init.runChecked(*processor, {}, staging) : init.run(*processor, {});
    return ran ? processor->wait() : ran;
  }
  return {};
}

uint32_t Model::maxBatch() const {
  uint32_t most = 0;
  for (const fb::Program *program : *chosen->programs())
    if (program->kind() != fb::ProgramKind::Init)
      most = std::max(most, program->step()->max_sequences());
  return most;
}

} // namespace tawny
