// Kernels that take one row to a tile: norms, rounding to int8, element-wise arithmetic, and the
// two gathers.
//
//   rms_norm      pass 1: sum of squares, 16 partial sums; pass 2: x * (w / rms), rounded to a8
//                 where the result is
//   add_rms_norm  the same on a + b, which pass 1 also stores
//   embed         decodes row tokens[t] of the table, one lane of its tile
//   logit_rows    copies row logit_rows[t]
//
// Bytes: the rows read and written, once each (the second pass hits the first cache).
#include "compiler/codegen/x86/KernelContext.h"

#include "compiler/codegen/x86/VectorDecode.h"
#include "dialects/formats/Decode.h"
#include "dialects/formats/Layouts.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace tawny::x86 {
namespace {

/// Address of this tile's row of an activation.
Value tileRow(KernelContext &context, Value tensor, Value base) {
  return context.b.at(base, context.b.mul(context.tile, activationRowBytes(tensor)));
}

/// Writes a row, 16 columns at a time from `vectorAt`, as f32 or as a8.
void storeRow(KernelContext &context, Value tensor, Value row,
              const std::function<Value(Value column, Value count)> &vectorAt) {
  Simd &b = context.b;
  int64_t columns = columnsOf(tensor);
  if (isQuantised(tensor)) {
    b.forRange(b.i64c(0), b.i64c(columns), 32, [&](Value column) {
      Value count = b.i64c(lanes);
      Value first = vectorAt(column, count), second = vectorAt(b.add(column, lanes), count);
      storeQuantised(b, row, columns, column, first, second);
    });
    return;
  }
  b.forRange(b.i64c(0), b.i64c(columns), lanes, [&](Value column) {
    Value count = b.sub(b.i64c(columns), column);
    b.storeFirst(vectorAt(column, count), b.at(row, b.mul(column, 4)), count);
  });
}

/// Writes rms_norm of the row at `x`; `squares` holds 16 partial sums of squares.
void storeNorm(KernelContext &context, Value x, Value weight, Value squares, double eps,
               Value resultTensor, Value result) {
  Simd &b = context.b;
  int64_t columns = columnsOf(resultTensor);
  Value mean = b.divF(b.sumLanes(squares), b.f32c(static_cast<double>(columns)));
  Value root = math::SqrtOp::create(b, b.addF(mean, b.f32c(eps)));
  Value factor = b.splat(b.divF(b.f32c(1), root));
  Value weights = context.operand(weight);
  storeRow(context, resultTensor, tileRow(context, resultTensor, result),
           [&](Value column, Value count) {
             Value offset = b.mul(column, 4);
             Value scaled = b.mulF(b.loadFirst(b.at(x, offset), count), factor);
             return b.mulF(scaled, b.loadFirst(b.at(weights, offset), count));
           });
}

} // namespace

void emitRmsNorm(KernelContext &context) {
  Simd &b = context.b;
  auto op = cast<llm::RmsNormOp>(context.op);
  int64_t columns = columnsOf(op.getInput());
  Value x = tileRow(context, op.getInput(), context.operand(op.getInput()));
  Value squares =
      b.forCarry(b.i64c(0), b.i64c(columns), lanes, ValueRange{b.f32s(0)},
                 [&](Value column, ValueRange carried) {
                   Value v = b.loadFirst(b.at(x, b.mul(column, 4)), b.sub(b.i64c(columns), column));
                   return SmallVector<Value>{b.fma(v, v, carried[0])};
                 })[0];
  storeNorm(context, x, op.getWeight(), squares, op.getEps().convertToDouble(), op.getResult(),
            context.result());
}

void emitAddRmsNorm(KernelContext &context) {
  Simd &b = context.b;
  auto op = cast<llm::AddRmsNormOp>(context.op);
  int64_t columns = columnsOf(op.getA());
  Value first = tileRow(context, op.getA(), context.operand(op.getA()));
  Value second = tileRow(context, op.getB(), context.operand(op.getB()));
  Value sum = tileRow(context, op.getSum(), context.result(0));
  auto accumulate = [&](Value column, ValueRange carried) {
    Value offset = b.mul(column, 4), count = b.sub(b.i64c(columns), column);
    Value v =
        b.addF(b.loadFirst(b.at(first, offset), count), b.loadFirst(b.at(second, offset), count));
    b.storeFirst(v, b.at(sum, offset), count);
    return SmallVector<Value>{b.fma(v, v, carried[0])};
  };
  Value squares =
      b.forCarry(b.i64c(0), b.i64c(columns), lanes, ValueRange{b.f32s(0)}, accumulate)[0];
  storeNorm(context, sum, op.getWeight(), squares, op.getEps().convertToDouble(), op.getNorm(),
            context.result(1));
}

void emitQuantize(KernelContext &context) {
  Simd &b = context.b;
  auto op = cast<llm::QuantizeOp>(context.op);
  Value x = tileRow(context, op.getInput(), context.operand(op.getInput()));
  storeRow(context, op.getResult(), tileRow(context, op.getResult(), context.result()),
           [&](Value column, Value) { return b.load(b.f32x16, b.at(x, b.mul(column, 4)), 4); });
}

void emitElementwise(KernelContext &context) {
  Simd &b = context.b;
  Operation *op = context.op;
  Value result = op->getResult(0);
  storeRow(context, result, tileRow(context, result, context.result()),
           [&](Value column, Value count) -> Value {
             IRMapping values;
             for (Value operand : op->getOperands()) {
               Value row = tileRow(context, operand, context.operand(operand));
               values.map(operand, b.loadFirst(b.at(row, b.mul(column, 4)), count));
             }
             if (!isa<llm::SiluOp>(op))
               return vectorise(b, op, values)->getResult(0);
             Value x = values.lookup(op->getOperand(0));
             Value exponential = math::ExpOp::create(b, arith::NegFOp::create(b, x));
             return b.divF(x, b.addF(exponential, b.f32s(1)));
           });
}

void emitLogitRows(KernelContext &context) {
  Simd &b = context.b;
  auto op = cast<llm::LogitRowsOp>(context.op);
  Value source = b.loadIndex(b.at(context.binding(rt::Source::LogitRows), b.mul(context.tile, 4)));
  Value x = b.at(context.operand(op.getInput()), b.mul(source, activationRowBytes(op.getInput())));
  storeRow(
      context, op.getResult(), tileRow(context, op.getResult(), context.result()),
      [&](Value column, Value count) { return b.loadFirst(b.at(x, b.mul(column, 4)), count); });
}

namespace {

/// Decodes one block of one row: every weight of it, in order, to f32 at `output`.
void decodeScalarBlock(Simd &b, const FormatInfo &format, TileBlock block, Value output) {
  DecodeOps ops{b, false};
  for (unsigned quad = 0; quad < format.blockElements / 4; ++quad) {
    auto affine = decodeGroup(format.format, ops, block, quad * 4 / format.groupElements);
    Value codes = decodeQuad(format.format, ops, block, quad);
    for (unsigned element = 0; element < 4; ++element) {
      Value code = ops.toFloat(ops.andI(ops.shrI(codes, 8 * element), ops.constant(0xFF)));
      Value weight = hasHugeScales(format.format)
                         ? scaleUnbiased(format.format, ops, affine.scale, code)
                         : b.subF(b.mulF(affine.scale, code), affine.min);
      b.store(weight, b.at(output, (4 * quad + element) * 4), 4);
    }
  }
}

/// Decodes one element of a row of plain floats; `words` points at the row's lane of word 0.
Value decodeFloat(Simd &b, Format format, Value words, Value column) {
  if (format == Format::F32)
    return b.load(b.f32, b.at(words, b.mul(column, 4 * lanes)), 4);
  Value word = b.mul(b.divU(column, 2), 4 * lanes);
  Value half = b.add(word, b.mul(b.remU(column, 2), 2));
  Value address = b.at(words, half);
  if (format == Format::F16)
    return b.toF32(b.load(b.f16, address, 2));
  DecodeOps ops{b, false};
  Value bits = arith::ExtUIOp::create(b, b.i32, b.load(b.i16, address, 2));
  return ops.bitsToFloat(ops.shlI(bits, 16));
}

} // namespace

void emitEmbed(KernelContext &context) {
  Simd &b = context.b;
  auto op = cast<llm::EmbedOp>(context.op);
  const FormatInfo &format = formatInfo(formatOf(op.getTable()));
  int64_t columns = columnsOf(op.getTable());
  auto bytes =
      static_cast<int64_t>(tileBytes(simd16Layout, format, static_cast<uint64_t>(columns)));
  Value token = b.loadIndex(b.at(context.binding(rt::Source::Tokens), b.mul(context.tile, 4)));
  Value tile = b.at(context.operand(op.getTable()), b.mul(b.divU(token, lanes), bytes));
  Value lane = b.remU(token, lanes);
  Value output = tileRow(context, op.getResult(), context.result());
  if (format.isFloat()) {
    Value words = b.at(tile, b.mul(lane, 4));
    b.forRange(b.i64c(0), b.i64c(columns), 1, [&](Value column) {
      b.store(decodeFloat(b, format.format, words, column), b.at(output, b.mul(column, 4)), 4);
    });
    return;
  }
  b.forRange(b.i64c(0), b.i64c(columns / format.blockElements), 1, [&](Value block) {
    decodeScalarBlock(b, format, TileBlock::at(b, format, tile, block, lane),
                      b.at(output, b.mul(block, int64_t{format.blockElements} * 4)));
  });
}

} // namespace tawny::x86
