// Decode.h's operations on one lane.
#pragma once

#include "compiler/codegen/simt/Simt.h"
#include "dialects/formats/Decode.h"

namespace tawny::simt {

/// Emits arith on i32 and f32; shifts by 0 vanish.
struct DecodeOps {
  using Int = Value;
  using Float = Value;
  Simt &b;

  Value constant(uint32_t value) { return b.i32c(value); }
  Value constantF(float value) { return b.f32c(value); }
  Value addI(Value x, Value y) { return mlir::arith::AddIOp::create(b, x, y); }
  Value andI(Value x, Value y) { return mlir::arith::AndIOp::create(b, x, y); }
  Value orI(Value x, Value y) { return mlir::arith::OrIOp::create(b, x, y); }
  Value xorI(Value x, Value y) { return mlir::arith::XOrIOp::create(b, x, y); }
  Value shlI(Value x, unsigned bits) {
    return bits == 0 ? x : mlir::arith::ShLIOp::create(b, x, constant(bits)).getResult();
  }
  Value shrI(Value x, unsigned bits) {
    return bits == 0 ? x : mlir::arith::ShRUIOp::create(b, x, constant(bits)).getResult();
  }
  Value lookup(Value bytes, const CodeTable &table) {
    // Eight entries are two registers. The fourth bit chooses between the halves of the table.
    auto entries = [&](unsigned first) {
      uint32_t word = 0;
      for (unsigned byte = 0; byte < 4; ++byte)
        word |= uint32_t{table[first + byte]} << 8 * byte;
      return constant(word);
    };
    Value within = andI(bytes, constant(0x07070707));
    Value lower = b.permuteBytes(entries(4), entries(0), within);
    Value upper = b.permuteBytes(entries(12), entries(8), within);
    Value half = shrI(andI(bytes, constant(0x08080808)), 1);
    return b.permuteBytes(upper, lower, orI(half, constant(0x03020100)));
  }
  /// Weight `index` of the two of F16 or BF16 in a word.
  Value halfOfWord(Format format, Value word, unsigned index) {
    if (format == Format::F16)
      return halfToFloat(shrI(word, 16 * index));
    return bitsToFloat(index == 0 ? shlI(word, 16) : andI(word, constant(0xFFFF0000)));
  }
  Value bitsToFloat(Value bits) { return mlir::arith::BitcastOp::create(b, b.f32, bits); }
  Value toFloat(Value x) { return mlir::arith::UIToFPOp::create(b, b.f32, x); }
  Value addF(Value x, Value y) { return b.addF(x, y); }
  Value mulF(Value x, Value y) { return b.mulF(x, y); }
  Value halfToFloat(Value bits) {
    Value narrow = mlir::arith::TruncIOp::create(b, b.i16, bits);
    Value half = mlir::arith::BitcastOp::create(b, b.f16, narrow);
    return mlir::arith::ExtFOp::create(b, b.f32, half);
  }
};

} // namespace tawny::simt
