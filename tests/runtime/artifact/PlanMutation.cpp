#include "tests/runtime/artifact/PlanMutation.h"

#include <cstring>
#include <functional>
#include <memory>
#include <type_traits>
#include <vector>

namespace tawny::test {
namespace {

/// Everything of a plan that can change, listed anew for each change, since changes move it.
class Places {
public:
  explicit Places(fb::ArtifactT &artifact) { visit(artifact); }

  /// Scalars by address and size; values of a bool or an enum are few.
  struct Scalar {
    void *address;
    size_t bytes;
    uint64_t values = 0; ///< As many, from 0; 0 for any.
  };
  std::vector<Scalar> scalars;
  /// What changes a list or leaves out a table; the number chooses an entry.
  std::vector<std::function<void(uint64_t)>> structures;

private:
  template <typename Field> static constexpr uint64_t valuesOf() {
    constexpr uint64_t boolValues = 2, someBeyondAnyEnum = 8;
    return std::is_same_v<Field, bool> ? boolValues : std::is_enum_v<Field> ? someBeyondAnyEnum : 0;
  }
  template <typename... Fields> void add(Fields &...fields) {
    (scalars.push_back({&fields, sizeof(fields), valuesOf<Fields>()}), ...);
  }

  /// The entries of a list of tables, and the ways to shorten and lengthen it.
  template <typename Table> void list(std::vector<std::unique_ptr<Table>> &tables) {
    for (auto &table : tables)
      visit(*table);
    structures.push_back([&tables](uint64_t entry) {
      if (!tables.empty())
        tables.erase(tables.begin() + static_cast<ptrdiff_t>(entry % tables.size()));
    });
    structures.push_back([&tables](uint64_t entry) {
      constexpr size_t most = 64;
      if (!tables.empty() && tables.size() < most)
        tables.push_back(std::make_unique<Table>(*tables[entry % tables.size()]));
    });
  }
  template <typename Table> void optional(std::unique_ptr<Table> &table) {
    if (table)
      visit(*table);
    structures.push_back([&table](uint64_t) { table.reset(); });
  }
  template <typename Scalar> void values(std::vector<Scalar> &list) {
    for (Scalar &value : list)
      add(value);
    structures.push_back([&list](uint64_t) {
      if (!list.empty())
        list.pop_back();
    });
  }

  void visit(fb::SegmentT &segment) { add(segment.kind, segment.offset, segment.bytes); }
  void visit(fb::FillT &fill) {
    values(fill.fixed);
    values(fill.random);
  }
  void visit(fb::WeightT &weight) {
    add(weight.rows, weight.columns, weight.segment, weight.offset, weight.bytes, weight.fill);
  }
  void visit(fb::KernelT &kernel) {
    add(kernel.threads, kernel.scratch_bytes, kernel.shared_bytes);
    values(kernel.bindings);
  }
  void visit(fb::KvGeometryT &kv) {
    add(kv.layers, kv.kv_heads, kv.head_dim, kv.page_tokens, kv.pages, kv.k_page_bytes,
        kv.v_page_bytes, kv.layer_bytes, kv.bytes);
  }
  void visit(fb::ProbesT &probes) {
    add(probes.read_kernel, probes.read_tile_bytes, probes.peak_kernel,
        probes.peak_tile_operations);
  }
  void visit(fb::StepLayoutT &step) {
    add(step.max_tokens, step.max_sequences, step.max_logit_rows, step.max_attention_blocks,
        step.max_pages, step.attention_block_rows, step.counts, step.tokens, step.positions,
        step.kv_slots, step.attention_blocks, step.block_tables, step.logit_rows, step.bytes);
  }
  /// A struct, whose fields only its memory shows: u64 fixed, u32 divisor, u8 extent.
  void visit(fb::Grid &grid) {
    auto *bytes = reinterpret_cast<std::byte *>(&grid);
    scalars.push_back({bytes, sizeof(uint64_t)});
    scalars.push_back({bytes + 8, sizeof(uint32_t)});
    scalars.push_back({bytes + 12, sizeof(uint8_t), valuesOf<fb::Extent>()});
  }
  void visit(fb::BindingT &binding) {
    add(binding.space, binding.index, binding.offset, binding.bytes, binding.access,
        binding.check_f32, binding.row_bytes, binding.check_rows);
  }
  void visit(fb::DispatchT &dispatch) {
    add(dispatch.kernel);
    optional(dispatch.grid);
    list(dispatch.bindings);
  }
  void visit(fb::ProgramT &program) {
    add(program.kind, program.arena_bytes, program.logits_offset, program.candidates,
        program.candidates_offset);
    optional(program.step);
    list(program.dispatches);
  }
  void visit(fb::TargetT &target) {
    add(target.code_segment, target.fallback_segment, target.resident_bytes);
    optional(target.kv);
    optional(target.probes);
    list(target.kernels);
    list(target.programs);
  }
  void visit(fb::ArtifactT &artifact) {
    add(artifact.max_context, artifact.max_batch, artifact.kv_tokens, artifact.model->vocab_size);
    list(artifact.segments);
    list(artifact.weights);
    list(artifact.fills);
    list(artifact.targets);
  }
};

/// A change as it is written.
struct Change {
  uint8_t kind;
  uint8_t unused;
  uint16_t place;
  uint64_t value;
};

void changeScalar(const Places::Scalar &scalar, const Change &change) {
  uint64_t value = 0;
  std::memcpy(&value, scalar.address, scalar.bytes);
  if (change.kind % 3 == 0)
    value = change.value;
  else if (change.kind % 3 == 1)
    value += change.value;
  else
    value ^= uint64_t(1) << change.value % 64;
  if (scalar.values != 0)
    value %= scalar.values;
  std::memcpy(scalar.address, &value, scalar.bytes);
}

Change readChange(std::span<const uint8_t> bytes) {
  Change change;
  change.kind = bytes[0];
  std::memcpy(&change.place, bytes.data() + 2, sizeof(change.place));
  std::memcpy(&change.value, bytes.data() + 4, sizeof(change.value));
  return change;
}

} // namespace

void mutatePlan(fb::ArtifactT &artifact, std::span<const uint8_t> bytes) {
  constexpr int structuralShare = 4; // one change out of so many is one of structure
  for (; bytes.size() >= mutationBytes; bytes = bytes.subspan(mutationBytes)) {
    Places places(artifact);
    Change change = readChange(bytes);
    if (change.kind / 3 % structuralShare == 0)
      places.structures[change.place % places.structures.size()](change.value);
    else
      changeScalar(places.scalars[change.place % places.scalars.size()], change);
  }
}

} // namespace tawny::test
