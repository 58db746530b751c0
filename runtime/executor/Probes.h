// Measures the machine with the target's own kernels, on the device's own threads.
#pragma once

#include "runtime/executor/Model.h"
#include "runtime/support/Error.h"

namespace tawny {

/// Bytes per second of reading all weights that the target uses: the best of several passes. An
/// error where the artifact has no probes or the weights are smaller than a tile.
ErrorOr<double> measureReadBandwidth(Model &model);

/// Operations per second of the unit that the target's linears use (Probes.peak_unit), all threads
/// together: the best of several passes.
ErrorOr<double> measurePeakOperations(Model &model);

} // namespace tawny
