#include "compiler/codegen/simt/Simt.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tawny::simt {

Simt::Simt(Location loc, OpBuilder &builder, const TargetInfo &target, const Backend &backend)
    : ImplicitLocOpBuilder(loc, builder), target(target), backend(backend) {
  i8 = getI8Type();
  i16 = getI16Type();
  i32 = getI32Type();
  i64 = getI64Type();
  f16 = getF16Type();
  f32 = getF32Type();
  global = LLVM::LLVMPointerType::get(getContext(), globalSpace);
  shared = LLVM::LLVMPointerType::get(getContext(), sharedSpace);
}

Value Simt::i32c(int64_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(static_cast<int32_t>(value)));
}
Value Simt::i64c(int64_t value) {
  return arith::ConstantOp::create(*this, getI64IntegerAttr(value));
}
Value Simt::f32c(double value) { return arith::ConstantOp::create(*this, getF32FloatAttr(value)); }

static Value constantLike(Simt &b, Value like, int64_t value) {
  return arith::ConstantOp::create(b, b.getIntegerAttr(like.getType(), value));
}

Value Simt::add(Value a, Value b) { return arith::AddIOp::create(*this, a, b); }
Value Simt::add(Value a, int64_t b) { return add(a, constantLike(*this, a, b)); }
Value Simt::sub(Value a, Value b) { return arith::SubIOp::create(*this, a, b); }
Value Simt::mul(Value a, Value b) { return arith::MulIOp::create(*this, a, b); }
Value Simt::mul(Value a, int64_t b) { return mul(a, constantLike(*this, a, b)); }
Value Simt::divU(Value a, int64_t b) {
  return arith::DivUIOp::create(*this, a, constantLike(*this, a, b));
}
Value Simt::remU(Value a, int64_t b) {
  return arith::RemUIOp::create(*this, a, constantLike(*this, a, b));
}
Value Simt::minU(Value a, Value b) { return arith::MinUIOp::create(*this, a, b); }
Value Simt::toI64(Value unsignedI32) { return arith::ExtUIOp::create(*this, i64, unsignedI32); }
Value Simt::equal(Value a, int64_t b) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, a, constantLike(*this, a, b));
}
Value Simt::below(Value a, Value b) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::ult, a, b);
}
Value Simt::below(Value a, int64_t b) { return below(a, constantLike(*this, a, b)); }
Value Simt::both(Value a, Value b) { return arith::AndIOp::create(*this, a, b); }
Value Simt::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(*this, condition, a, b);
}
Value Simt::addF(Value a, Value b) { return arith::AddFOp::create(*this, a, b); }
Value Simt::subF(Value a, Value b) { return arith::SubFOp::create(*this, a, b); }
Value Simt::mulF(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
Value Simt::divF(Value a, Value b) { return arith::DivFOp::create(*this, a, b); }
Value Simt::negF(Value a) { return arith::NegFOp::create(*this, a); }
Value Simt::fma(Value a, Value b, Value c) { return math::FmaOp::create(*this, a, b, c); }
Value Simt::sqrt(Value a) { return math::SqrtOp::create(*this, a); }
Value Simt::exp2(Value a) { return math::Exp2Op::create(*this, a); }
Value Simt::maxF(Value a, Value b) { return arith::MaxNumFOp::create(*this, a, b); }

Value Simt::saturateToF16(Value x) {
  auto vector = dyn_cast<VectorType>(x.getType());
  auto beyond = [&](arith::CmpFPredicate predicate, double limit) {
    Value bound = f32c(limit);
    if (vector)
      bound = vector::BroadcastOp::create(*this, vector, bound);
    x = select(arith::CmpFOp::create(*this, predicate, x, bound), bound, x);
  };
  beyond(arith::CmpFPredicate::OGT, 65504.0);
  beyond(arith::CmpFPredicate::OLT, -65504.0);
  return arith::TruncFOp::create(*this, vector ? Type(vector.clone(f16)) : f16, x);
}

Value Simt::element(Value vector, int64_t index) {
  return vector::ExtractOp::create(*this, vector, index);
}

VectorType Simt::vectorOf(Type element, int64_t count) { return VectorType::get({count}, element); }

Value Simt::at(Value base, Value byteOffset) {
  // A 32-bit offset that is zero-extended selects an address of a scalar base and a vector offset.
  if (byteOffset.getType() == i32 && base.getType() != shared)
    byteOffset = toI64(byteOffset);
  return LLVM::GEPOp::create(*this, base.getType(), i8, base, ValueRange{byteOffset});
}
Value Simt::at(Value base, int64_t byteOffset) {
  if (byteOffset == 0)
    return base;
  return at(base, base.getType() == shared ? i32c(byteOffset) : i64c(byteOffset));
}

Value Simt::load(Type type, Value address, unsigned alignment) {
  return LLVM::LoadOp::create(*this, type, address, alignment);
}
Value Simt::loadConstant(Type type, Value address, unsigned alignment) {
  return LLVM::LoadOp::create(*this, type, address, alignment, /*isVolatile=*/false,
                              /*isNonTemporal=*/false, /*isInvariant=*/true);
}
void Simt::store(Value value, Value address, unsigned alignment) {
  LLVM::StoreOp::create(*this, value, address, alignment);
}

Value Simt::threadId() {
  return arith::IndexCastOp::create(*this, i32, gpu::ThreadIdOp::create(*this, gpu::Dimension::x));
}
Value Simt::lane() { return remU(threadId(), target.waveSize); }
Value Simt::wave() {
  Value wave = divU(threadId(), target.waveSize);
  return backend.uniform ? backend.uniform(*this, getLoc(), wave) : wave;
}
Value Simt::waveSum(Value value) {
  return gpu::SubgroupReduceOp::create(*this, value, gpu::AllReduceOperation::ADD,
                                       /*uniform=*/false);
}

Value Simt::laneGroupSum(Value value, int64_t lanes) {
  if (lanes == target.waveSize)
    return waveSum(value);
  // Moves within a register reach 16 lanes on every GPU.
  constexpr int64_t reach = 16;
  if (lanes > 1)
    value = gpu::SubgroupReduceOp::create(*this, value, gpu::AllReduceOperation::ADD,
                                          /*uniform=*/false, std::min(lanes, reach));
  for (int64_t mask = reach; mask < lanes; mask *= 2)
    value = addF(value, shuffleXor(value, mask));
  return value;
}
Value Simt::shuffleXor(Value value, int64_t mask) {
  return gpu::ShuffleOp::create(*this, value, static_cast<int32_t>(mask),
                                static_cast<int32_t>(target.waveSize), gpu::ShuffleMode::XOR)
      .getShuffleResult();
}

void Simt::forRange(Value begin, Value end, int64_t step, const Body &body) {
  forCarry(begin, end, step, {}, [&](Value index, ValueRange) {
    body(index);
    return SmallVector<Value>{};
  });
}

SmallVector<Value> Simt::forCarry(Value begin, Value end, int64_t step, ValueRange initial,
                                  const CarryBody &body) {
  auto loop = scf::ForOp::create(*this, begin, end, i32c(step), initial);
  OpBuilder::InsertionGuard guard(*this);
  if (initial.empty()) // comes with a terminator
    loop.getBody()->getTerminator()->erase();
  setInsertionPointToEnd(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(*this, next);
  return SmallVector<Value>(loop.getResults());
}

void Simt::ifElse(Value condition, const std::function<void()> &then,
                  const std::function<void()> &otherwise) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  then();
  if (otherwise) {
    setInsertionPointToStart(branch.elseBlock());
    otherwise();
  }
}

SmallVector<Value> Simt::choose(Value condition, TypeRange types, const Yield &then,
                                const Yield &otherwise) {
  auto branch = scf::IfOp::create(*this, types, condition, /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(*this, then());
  setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(*this, otherwise());
  return SmallVector<Value>(branch.getResults());
}

} // namespace tawny::simt
