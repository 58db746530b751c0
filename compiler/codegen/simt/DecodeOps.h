// Decode.h's operations on one lane.
#pragma once

#include "compiler/codegen/simt/Simt.h"

namespace tawny::simt {

/// Emits arith on i32 and f32; shifts by 0 vanish.
struct DecodeOps {
  using Int = Value;
  using Float = Value;
  Simt &b;

  Value constant(uint32_t value) { return b.i32c(value); }
  Value constantF(float value) { return b.f32c(value); }
  Value andI(Value x, Value y) { return mlir::arith::AndIOp::create(b, x, y); }
  Value orI(Value x, Value y) { return mlir::arith::OrIOp::create(b, x, y); }
  Value xorI(Value x, Value y) { return mlir::arith::XOrIOp::create(b, x, y); }
  Value shlI(Value x, unsigned bits) {
    return bits == 0 ? x : mlir::arith::ShLIOp::create(b, x, constant(bits)).getResult();
  }
  Value shrI(Value x, unsigned bits) {
    return bits == 0 ? x : mlir::arith::ShRUIOp::create(b, x, constant(bits)).getResult();
  }
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
