#include "runtime/executor/Executor.h"

#include "runtime/executor/StepTable.h"

#include <algorithm>
#include <cinttypes>

namespace tawny {

static uint32_t maxSlices(const Model &model) { return model.maxBatch(); }

Executor::Executor(Model &model)
    : model(model), device(model.device()), pool(model.bounds().kv), planner(maxSlices(model)),
      launching(model.launchMode()) {}

ErrorOr<std::unique_ptr<Executor>> Executor::create(Model &model) {
  std::unique_ptr<Executor> executor(new Executor(model));
  if (ErrorOr<void> allocated = executor->allocate(); !allocated)
    return allocated.takeError();
  return executor;
}

ErrorOr<void> Executor::allocate() {
  const fb::Target &target = model.target();
  struct Request {
    Buffer &buffer;
    uint64_t bytes;
  };
  for (const Request &request :
       {Request{kv, target.kv()->bytes()}, Request{arena, arenaBytes(target)},
        Request{stepTable, stepBytes(target)}}) {
    ErrorOr<Buffer> allocated = device.allocate(request.bytes);
    if (!allocated)
      return allocated.takeError();
    request.buffer = std::move(*allocated);
  }
  ErrorOr<Buffer> rows = device.allocateHost(uint64_t(model.bounds().maxLogitRows) *
                                             model.vocabulary() * sizeof(float));
  if (!rows)
    return rows.takeError();
  logits = std::move(*rows);
  if (uint64_t bytes = candidateBytes(target)) {
    ErrorOr<Buffer> best = device.allocateHost(bytes);
    if (!best)
      return best.takeError();
    candidates = std::move(*best);
  }
  stepStaging.resize(device.hostView(stepTable.address()) ? 0 : stepTable.bytes());
  appends.reserve(model.bounds().kv.maxSequences);
  lengthsBefore.reserve(model.bounds().kv.maxSequences);
  lastBatch.resize(model.bounds().kv.maxSequences);
  Spaces spaces = model.sharedSpaces();
  spaces.arena = arena.address();
  spaces.kv = kv.address();
  spaces.step = stepTable.address();
  for (fb::ProgramKind kind : {fb::ProgramKind::Step, fb::ProgramKind::Decode})
    for (const fb::Program *program : *target.programs())
      if (program->kind() == kind)
        programs.emplace_back(target, *program, model.kernels(), spaces);
  return {};
}

ErrorOr<void> Executor::validate(std::span<const SequenceInput> batch) {
  if (++batchNumber == 0) {
    std::ranges::fill(lastBatch, 0);
    batchNumber = 1;
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    const SequenceInput &input = batch[i];
    if (!pool.isLive(input.sequence))
      return makeError("step: input %zu: expected a sequence, found one that was freed or never "
                       "was",
                       i);
    if (lastBatch[input.sequence.slot] == batchNumber)
      return makeError("step: input %zu: expected each sequence at most once, found one again", i);
    lastBatch[input.sequence.slot] = batchNumber;
    if (input.tokens.empty())
      return makeError("step: input %zu: expected at least one token, found none", i);
    for (size_t t = 0; t < input.tokens.size(); ++t)
      if (input.tokens[t] < 0 || static_cast<uint32_t>(input.tokens[t]) >= model.vocabulary())
        return makeError("step: input %zu, token %zu: expected an id below %u, found %d", i, t,
                         model.vocabulary(), input.tokens[t]);
  }
  if (uint64_t rows = countLogitRows(batch); rows > model.bounds().maxLogitRows)
    return makeError("step: expected at most %u rows of logits, found that %" PRIu64
                     " are wanted: ask for fewer, or open the model for more",
                     model.bounds().maxLogitRows, rows);
  return {};
}

Program &Executor::choose(std::span<const SequenceInput> batch) {
  if (isDecode(batch))
    for (size_t i = 1; i < programs.size(); ++i)
      if (batch.size() <= programs[i].encoded().step()->max_sequences())
        return programs[i];
  return programs.front();
}

ErrorOr<StepResult> Executor::step(std::span<const SequenceInput> batch) {
  StepResult result;
  if (batch.empty())
    return result;
  if (ErrorOr<void> valid = validate(batch); !valid)
    return valid.takeError();
  appends.clear();
  lengthsBefore.clear();
  for (const SequenceInput &input : batch) {
    // More tokens than 32 bits hold are more than any context, and saying so is enough.
    uint64_t count = std::min<uint64_t>(input.tokens.size(), UINT32_MAX);
    appends.push_back({input.sequence, static_cast<uint32_t>(count)});
    lengthsBefore.push_back(pool.length(input.sequence));
  }
  result.outcome = pool.append(appends);
  if (result.outcome != KvPool::Outcome::Done)
    return result;
  ErrorOr<void> done = copyPages();
  if (done)
    done = runParts(choose(batch), batch, result);
  if (done)
    return result;
  for (size_t i = 0; i < batch.size(); ++i)
    pool.truncate(batch[i].sequence, lengthsBefore[i]);
  return done.takeError();
}

/// Copies the pages that sequences have moved from, in every layer, as KvGeometry lays them out.
ErrorOr<void> Executor::copyPages() {
  const fb::KvGeometry &geometry = *model.target().kv();
  uint64_t k = geometry.k_page_bytes(), v = geometry.v_page_bytes();
  for (const PageCopy &copy : pool.copies()) {
    auto from = static_cast<uint64_t>(copy.from), to = static_cast<uint64_t>(copy.to);
    for (uint32_t layer = 0; layer < geometry.layers(); ++layer) {
      uint64_t kBase = layer * geometry.layer_bytes(), vBase = kBase + geometry.pages() * k;
      if (ErrorOr<void> done = device.copy(kv.at(kBase + to * k), kv.at(kBase + from * k), k);
          !done)
        return done;
      if (ErrorOr<void> done = device.copy(kv.at(vBase + to * v), kv.at(vBase + from * v), v);
          !done)
        return done;
    }
  }
  return {};
}

ErrorOr<void> Executor::runParts(Program &program, std::span<const SequenceInput> batch,
                                 StepResult &result) {
  result.program = &program.encoded();
  planner.begin(batch, *program.encoded().step());
  while (planner.next()) {
    ++result.parts;
    if (ErrorOr<void> done = runPart(program, batch); !done)
      return done;
    if (ErrorOr<void> done = collectLogits(program, result); !done)
      return done;
  }
  // Reading logits waits for them; a part without any may still be running.
  return device.wait();
}

ErrorOr<void> Executor::runPart(Program &program, std::span<const SequenceInput> batch) {
  const fb::StepLayout &layout = *program.encoded().step();
  auto *visible = static_cast<std::byte *>(device.hostView(stepTable.address()));
  std::span<std::byte> table(visible ? visible : stepStaging.data(), layout.bytes());
  writeStepTable(table, layout, pool, {batch, lengthsBefore, planner.slices(), planner.extents()});
  if (!visible)
    if (ErrorOr<void> written = device.write(stepTable.address(), table); !written)
      return written;
  if (observer)
    return runObserved(program);
  if (!model.checks())
    return program.run(device, planner.extents(), launching);
  std::span<const int32_t> slots(reinterpret_cast<int32_t *>(table.data() + layout.kv_slots()),
                                 planner.extents().tokens);
  return program.runChecked(device, planner.extents(), model.checkStaging(), slots);
}

ErrorOr<void> Executor::runObserved(Program &program) {
  std::span<const Launch> launches = program.launchesFor(planner.extents());
  launchSeconds.resize(launches.size());
  if (ErrorOr<void> ran = device.submitTimed(launches, launchSeconds); !ran)
    return ran;
  observer->launched(program.encoded(), launches, launchSeconds);
  return {};
}

std::optional<LaunchMode> Executor::chosenMode(uint32_t batch) const {
  for (size_t i = 1; i < programs.size(); ++i)
    if (batch <= programs[i].encoded().step()->max_sequences())
      return programs[i].choice();
  return std::nullopt;
}

/// Logits of a batch in one part stay where the program left them, if the host can read there; of
/// others each part's rows are gathered before the next part overwrites them.
ErrorOr<void> Executor::collectLogits(Program &program, StepResult &result) {
  uint32_t rows = planner.extents().logitRows;
  if (rows == 0)
    return {};
  void *source = arena.at(program.encoded().logits_offset());
  const void *visible = device.hostView(source);
  if (planner.isWholeBatch() && visible) {
    result.logits = static_cast<const float *>(visible);
    result.rows = rows;
    return {};
  }
  if (defers && planner.isWholeBatch() && program.encoded().candidates() != 0) {
    result.rows = rows;
    return collectCandidates(program.encoded(), result);
  }
  auto *first = static_cast<float *>(logits.address());
  std::span<float> target(first + uint64_t(result.rows) * model.vocabulary(),
                          uint64_t(rows) * model.vocabulary());
  if (ErrorOr<void> read = device.read(std::as_writable_bytes(target), source); !read)
    return read;
  result.logits = first;
  result.rows += rows;
  return {};
}

ErrorOr<void> Executor::collectCandidates(const fb::Program &program, StepResult &result) {
  result.candidatesPerRow = program.candidates();
  auto *first = static_cast<format::Candidate *>(candidates.address());
  std::span<format::Candidate> target(first, uint64_t(result.rows) * result.candidatesPerRow);
  if (ErrorOr<void> read =
          device.read(std::as_writable_bytes(target), arena.at(program.candidates_offset()));
      !read)
    return read;
  result.candidates = first;
  return {};
}

ErrorOr<void> Executor::fetchLogits(StepResult &last) {
  if (last.logits || last.rows == 0)
    return {};
  auto *first = static_cast<float *>(logits.address());
  std::span<float> target(first, uint64_t(last.rows) * model.vocabulary());
  if (ErrorOr<void> read =
          device.read(std::as_writable_bytes(target), arena.at(last.program->logits_offset()));
      !read)
    return read;
  last.logits = first;
  return {};
}

} // namespace tawny
