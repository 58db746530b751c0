// What a CPU kernel looks like to the runtime. GPU kernels take the same bindings, in the same
// order, as their only arguments, and find their tile in the grid.
#pragma once

#include <cstdint>

namespace tawny {

/// Runs tiles [tileBegin, tileEnd) of a kernel. `bindings` holds one address per entry of the
/// kernel's binding list in the artifact. A kernel keeps no state and allocates nothing, so
/// several threads run disjoint ranges of one launch at once.
using CpuKernel = void (*)(void *const *bindings, int64_t tileBegin, int64_t tileEnd);

} // namespace tawny
