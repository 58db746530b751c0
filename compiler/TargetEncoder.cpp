#include "compiler/TargetEncoder.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

namespace tawny {
namespace {

fb::Access encode(rt::Access access) {
  switch (access) {
  case rt::Access::Read:
    return fb::Access::Read;
  case rt::Access::Write:
    return fb::Access::Write;
  case rt::Access::ReadWrite:
    return fb::Access::ReadWrite;
  }
  llvm_unreachable("not an access");
}

fb::Space encode(rt::Space space) {
  switch (space) {
  case rt::Space::Weight:
    return fb::Space::Weight;
  case rt::Space::Arena:
    return fb::Space::Arena;
  case rt::Space::Kv:
    return fb::Space::Kv;
  case rt::Space::Step:
    return fb::Space::Step;
  case rt::Space::Resident:
    return fb::Space::Resident;
  }
  llvm_unreachable("not a space");
}

fb::Extent encode(rt::Extent extent) {
  switch (extent) {
  case rt::Extent::One:
    return fb::Extent::One;
  case rt::Extent::Tokens:
    return fb::Extent::Tokens;
  case rt::Extent::Sequences:
    return fb::Extent::Sequences;
  case rt::Extent::LogitRows:
    return fb::Extent::LogitRows;
  case rt::Extent::AttentionBlocks:
    return fb::Extent::AttentionBlocks;
  }
  llvm_unreachable("not an extent");
}

std::unique_ptr<fb::StepLayoutT> encode(rt::StepLayoutAttr layout, llm::ProgramAttr program) {
  auto step = std::make_unique<fb::StepLayoutT>();
  step->max_tokens = program.getTokens();
  step->max_sequences = program.getSequences();
  step->max_logit_rows = program.getLogitRows();
  step->max_attention_blocks = layout.getMaxAttentionBlocks();
  step->max_pages = layout.getMaxPages();
  step->attention_block_rows = program.getBlockRows();
  step->counts = layout.getCounts();
  step->tokens = layout.getTokens();
  step->positions = layout.getPositions();
  step->kv_slots = layout.getKvSlots();
  step->attention_blocks = layout.getAttentionBlocks();
  step->block_tables = layout.getBlockTables();
  step->logit_rows = layout.getLogitRows();
  step->bytes = layout.getBytes();
  return step;
}

std::unique_ptr<fb::KvGeometryT> encode(rt::KvGeometryAttr geometry) {
  auto kv = std::make_unique<fb::KvGeometryT>();
  kv->layers = geometry.getLayers();
  kv->kv_heads = geometry.getHeads();
  kv->head_dim = geometry.getHeadDim();
  kv->page_tokens = geometry.getPageTokens();
  kv->pages = geometry.getPages();
  kv->k_page_bytes = geometry.pageBytes();
  kv->v_page_bytes = geometry.pageBytes();
  kv->layer_bytes = geometry.layerBytes();
  kv->bytes = geometry.bytes();
  kv->element = geometry.getElementBytes() == 4 ? "f32" : "f16";
  return kv;
}

std::unique_ptr<fb::KernelT> encode(const KernelCode &code, std::vector<fb::Access> bindings) {
  auto kernel = std::make_unique<fb::KernelT>();
  kernel->name = code.name;
  kernel->symbol = code.symbol;
  kernel->bindings = std::move(bindings);
  kernel->code_bytes = code.codeBytes;
  kernel->threads = code.threads;
  kernel->scratch_bytes = code.scratchBytes;
  kernel->shared_bytes = code.sharedBytes;
  kernel->scalar_registers = code.scalarRegisters;
  kernel->vector_registers = code.vectorRegisters;
  kernel->spills = code.spills;
  return kernel;
}

/// Encodes one target, part by part.
class Encoder {
public:
  Encoder(const TargetProgram &target, const llvm::DenseMap<mlir::StringAttr, uint32_t> &weights)
      : target(target), executable(target.rt.executable), weights(weights),
        encoded(std::make_unique<fb::TargetT>()) {}

  llvm::Error run(uint32_t codeSegment);
  std::unique_ptr<fb::TargetT> take() { return std::move(encoded); }

private:
  llvm::Error encodeKernels();
  void encodeProbes(const ProbeCode &probes);
  std::unique_ptr<fb::ProgramT> encodeProgram(rt::ProgramOp program);
  std::unique_ptr<fb::DispatchT> encodeLaunch(rt::LaunchOp launch, rt::ProgramOp program);
  std::unique_ptr<fb::BindingT> encodeBinding(rt::BindingAttr binding, fb::Extent rows);

  const TargetProgram &target;
  rt::ExecutableOp executable;
  const llvm::DenseMap<mlir::StringAttr, uint32_t> &weights;
  std::unique_ptr<fb::TargetT> encoded;
  llvm::DenseMap<mlir::StringAttr, std::pair<uint32_t, rt::KernelOp>> kernels;
};

llvm::Error Encoder::encodeKernels() {
  llvm::StringMap<const KernelCode *> codes;
  for (const KernelCode &code : target.code.kernels)
    codes[code.name] = &code;
  for (auto kernel : executable.getBody().getOps<rt::KernelOp>()) {
    const KernelCode *code = codes.lookup(kernel.getSymName());
    if (!code)
      return llvm::createStringError("target '%s': the code object lacks kernel '%s'",
                                     target.target->name.str().c_str(),
                                     kernel.getSymName().str().c_str());
    kernels[kernel.getSymNameAttr()] = {static_cast<uint32_t>(encoded->kernels.size()), kernel};
    std::vector<fb::Access> bindings;
    for (auto argument : kernel.getBindings().getAsRange<rt::ArgumentAttr>())
      bindings.push_back(encode(argument.getAccess()));
    encoded->kernels.push_back(encode(*code, std::move(bindings)));
  }
  return llvm::Error::success();
}

void Encoder::encodeProbes(const ProbeCode &code) {
  auto probes = std::make_unique<fb::ProbesT>();
  probes->read_kernel = static_cast<uint32_t>(encoded->kernels.size());
  encoded->kernels.push_back(encode(code.read, {fb::Access::Read, fb::Access::ReadWrite}));
  probes->read_tile_bytes = code.readTileBytes;
  probes->peak_kernel = static_cast<uint32_t>(encoded->kernels.size());
  encoded->kernels.push_back(encode(code.peak, {fb::Access::ReadWrite}));
  probes->peak_tile_operations = code.peakTileOperations;
  probes->peak_unit = code.peakUnit;
  encoded->probes = std::move(probes);
}

std::unique_ptr<fb::BindingT> Encoder::encodeBinding(rt::BindingAttr source, fb::Extent rows) {
  auto binding = std::make_unique<fb::BindingT>();
  binding->space = encode(source.getSpace());
  if (source.getWeight())
    binding->index = weights.lookup(source.getWeight().getAttr());
  binding->offset = source.getOffset();
  binding->bytes = source.getBytes();
  binding->access = encode(source.getAccess());
  binding->check_f32 = source.getF32() && source.getAccess() != rt::Access::Read;
  if (binding->check_f32) {
    binding->row_bytes = source.getRowBytes();
    binding->check_rows = rows;
  }
  return binding;
}

/// What the rows of a launch's activations are: the count that it is bound to says so, and kernels
/// without one have a row per token.
fb::Extent rowsOf(rt::LaunchOp launch, rt::KernelOp kernel, rt::StepLayoutAttr step) {
  for (auto [argument, binding] :
       llvm::zip_equal(kernel.getBindings().getAsRange<rt::ArgumentAttr>(),
                       launch.getBindings().getAsRange<rt::BindingAttr>())) {
    if (argument.getSource() != rt::Source::RowCount)
      continue;
    switch ((binding.getOffset() - step.getCounts()) / static_cast<int64_t>(sizeof(int32_t))) {
    case 1:
      return fb::Extent::Sequences;
    case 2:
      return fb::Extent::LogitRows;
    default:
      return fb::Extent::Tokens;
    }
  }
  return fb::Extent::Tokens;
}

/// Sums of ranges that are empty may be anything; NaN in others is in their state, too, or in
/// pages.
static bool mayStayUnwritten(rt::KernelOp kernel, rt::ArgumentAttr argument) {
  bool hasRanges = !kernel.getBody().getOps<llm::AttentionPartOp>().empty();
  return hasRanges && argument.getSource() == rt::Source::Result && argument.getIndex() == 0;
}

std::unique_ptr<fb::DispatchT> Encoder::encodeLaunch(rt::LaunchOp launch, rt::ProgramOp program) {
  auto dispatch = std::make_unique<fb::DispatchT>();
  auto [index, kernel] = kernels.lookup(launch.getKernel().getLeafReference());
  dispatch->kernel = index;
  dispatch->label = launch.getLabel();
  rt::GridAttr grid = launch.getGrid();
  dispatch->grid = std::make_unique<fb::Grid>(
      grid.getFixed(), static_cast<uint32_t>(grid.getDivisor()), encode(grid.getExtent()));
  fb::Extent rows = rowsOf(launch, kernel, program.getStepLayout());
  for (auto [argument, binding] :
       llvm::zip_equal(kernel.getBindings().getAsRange<rt::ArgumentAttr>(),
                       launch.getBindings().getAsRange<rt::BindingAttr>())) {
    dispatch->bindings.push_back(encodeBinding(binding, rows));
    if (mayStayUnwritten(kernel, argument))
      dispatch->bindings.back()->check_f32 = false;
  }
  return dispatch;
}

std::unique_ptr<fb::ProgramT> Encoder::encodeProgram(rt::ProgramOp source) {
  auto program = std::make_unique<fb::ProgramT>();
  llm::ProgramAttr bounds = source.getProgram();
  bool isDecode = bounds.getKind() == llm::ProgramKind::Decode;
  program->kind = isDecode ? fb::ProgramKind::Decode : fb::ProgramKind::Step;
  program->name = isDecode ? llvm::formatv("decode[{0}]", bounds.getSequences()).str() : "step";
  program->step = encode(source.getStepLayout(), bounds);
  program->arena_bytes = source.getArenaBytes();
  program->logits_offset = source.getLogitsOffset();
  program->candidates = static_cast<uint32_t>(source.getCandidates().value_or(0));
  program->candidates_offset = source.getCandidatesOffset().value_or(0);
  auto cost = [&](llvm::StringRef name) -> uint64_t {
    auto value = source.getCosts().getAs<mlir::IntegerAttr>(name);
    return value ? value.getInt() : 0;
  };
  program->weight_bytes = cost("weight_bytes");
  program->operations_per_token = cost("operations_per_token");
  program->operations_per_logit_row = cost("operations_per_logit_row");
  for (auto launch : source.getBody().getOps<rt::LaunchOp>())
    program->dispatches.push_back(encodeLaunch(launch, source));
  return program;
}

llvm::Error Encoder::run(uint32_t codeSegment) {
  encoded->name = target.target->name;
  encoded->device = target.target->device;
  for (llvm::StringRef feature : target.target->required)
    encoded->features.push_back(feature.str());
  encoded->activations = executable.getTarget().getActivations().getValue();
  encoded->code_segment = codeSegment;
  if (llvm::Error error = encodeKernels())
    return error;
  if (target.code.probes)
    encodeProbes(*target.code.probes);
  for (rt::ProgramOp program : target.rt.programs)
    encoded->programs.push_back(encodeProgram(program));
  rt::ProgramOp step = target.rt.programs.front();
  encoded->kv = encode(step.getKv());
  return llvm::Error::success();
}

} // namespace

llvm::Expected<std::unique_ptr<fb::TargetT>>
encodeTarget(const TargetProgram &target, uint32_t codeSegment,
             const llvm::DenseMap<mlir::StringAttr, uint32_t> &weights) {
  Encoder encoder(target, weights);
  if (llvm::Error error = encoder.run(codeSegment))
    return error;
  return encoder.take();
}

} // namespace tawny
