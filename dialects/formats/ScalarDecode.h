// Decoding on the host, one weight at a time: the meaning of every format.
#pragma once

#include "dialects/formats/Formats.h"

namespace tawny {

/// The f32 value of the f16 whose bits are given (IEEE 754 binary16; exact).
float halfToFloat(uint16_t bits);
/// The f16 nearest to a value, ties to even; beyond 65504 infinity.
uint16_t floatToHalf(float value);

/// Decodes `count` weights from `first` on of one row of a weight. `row` holds
/// formatInfo(format).rowBytes(columns) bytes as in the source file; `out` gets `count` floats.
/// The caller has checked that first + count does not pass the row's end.
void decodeRow(Format format, const uint8_t *row, uint64_t first, uint64_t count, float *out);

} // namespace tawny
