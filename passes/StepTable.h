// The step table's layout and the KV pool's geometry, from a program's bounds
// (runtime/artifact.fbs, StepLayout and KvGeometry).
#pragma once

#include "dialects/rt/Rt.h"

#include "llvm/Support/Error.h"

namespace tawny {

/// Bytes [offset, offset + bytes) of a space.
struct ByteRange {
  int64_t offset;
  int64_t bytes;
};

/// No space of a program may be larger: as much as an artifact can describe.
inline constexpr int64_t maxSpaceBytes = int64_t{1} << 42;

/// Lays out the arrays of the step table, each at a multiple of 64 bytes. Fails if the table passes
/// maxSpaceBytes.
llvm::Expected<rt::StepLayoutAttr> layOutStepTable(llm::ProgramAttr program, int64_t maxContext,
                                                   int64_t pageTokens);

/// A pool of at least `kvTokens` tokens. Fails if it passes maxSpaceBytes.
llvm::Expected<rt::KvGeometryAttr> layOutKvPool(llm::KvType kv, int64_t kvTokens,
                                                int64_t pageTokens);

/// The part of the step table that a kernel is bound to as `source`; the row count is that of
/// tokens or of wanted logits, as `rows` says. `source` must not be a tensor or pages.
ByteRange stepRange(rt::Source source, rt::Extent rows, llm::ProgramAttr program,
                    rt::StepLayoutAttr layout);

/// The pages of keys or of values of a layer, in the pool.
ByteRange pageRange(rt::Source source, int64_t layer, rt::KvGeometryAttr kv);

} // namespace tawny
