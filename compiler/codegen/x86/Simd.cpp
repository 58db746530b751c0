#include "compiler/codegen/x86/Simd.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

namespace tawny::x86 {

SmallVector<int64_t> laneNumbers(int64_t begin, int64_t end) {
  return llvm::to_vector(llvm::seq<int64_t>(begin, end));
}

Simd::Simd(Location loc, OpBuilder &builder, const TargetInfo &target)
    : ImplicitLocOpBuilder(loc, builder), target(target) {
  i8 = getI8Type();
  i16 = getI16Type();
  i32 = getI32Type();
  i64 = getI64Type();
  f16 = getF16Type();
  f32 = getF32Type();
  pointer = LLVM::LLVMPointerType::get(getContext());
  i32x16 = vectorOf(i32);
  f32x16 = vectorOf(f32);
  f16x16 = vectorOf(f16);
  i8x64 = vectorOf(i8, 64);
}

VectorType Simd::vectorOf(Type element, int64_t count) { return VectorType::get({count}, element); }

Value Simd::i64c(int64_t value) {
  return arith::ConstantOp::create(*this, getI64IntegerAttr(value));
}
Value Simd::i32c(int64_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(static_cast<int32_t>(value)));
}
Value Simd::f32c(double value) { return arith::ConstantOp::create(*this, getF32FloatAttr(value)); }
Value Simd::i32s(uint32_t value) {
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(i32x16, APInt(32, value)));
}
Value Simd::f32s(double value) {
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(f32x16, APFloat(static_cast<float>(value))));
}

Value Simd::add(Value a, Value b) { return arith::AddIOp::create(*this, a, b); }
Value Simd::sub(Value a, Value b) { return arith::SubIOp::create(*this, a, b); }
Value Simd::mul(Value a, Value b) { return arith::MulIOp::create(*this, a, b); }
Value Simd::divU(Value a, int64_t b) { return arith::DivUIOp::create(*this, a, i64c(b)); }
Value Simd::remU(Value a, int64_t b) { return arith::RemUIOp::create(*this, a, i64c(b)); }
Value Simd::minU(Value a, Value b) { return arith::MinUIOp::create(*this, a, b); }
Value Simd::maxS(Value a, Value b) { return arith::MaxSIOp::create(*this, a, b); }
Value Simd::lessThan(Value a, Value b) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, b);
}

Value Simd::at(Value base, Value byteOffset) {
  return LLVM::GEPOp::create(*this, pointer, i8, base, ValueRange{byteOffset});
}
Value Simd::load(Type type, Value address, unsigned alignment) {
  return LLVM::LoadOp::create(*this, type, address, alignment);
}
Value Simd::loadInOrder(Type type, Value address, unsigned alignment) {
  return LLVM::LoadOp::create(*this, type, address, alignment, /*isVolatile=*/true);
}
void Simd::store(Value value, Value address, unsigned alignment) {
  LLVM::StoreOp::create(*this, value, address, alignment);
}
void Simd::prefetch(Value address, CacheLevel level) {
  constexpr uint32_t read = 0, data = 1;
  LLVM::Prefetch::create(*this, address, read, static_cast<uint32_t>(level), data);
}
Value Simd::loadIndex(Value address) {
  return arith::ExtSIOp::create(*this, i64, load(i32, address, 4));
}

Value Simd::laneMask(Value count) {
  SmallVector<int64_t> numbers = laneNumbers(0, lanes);
  Value lane = arith::ConstantOp::create(*this, getI64VectorAttr(numbers));
  Value counts = vector::BroadcastOp::create(*this, vectorOf(i64), count);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, lane, counts);
}
Value Simd::loadFirst(Value address, Value count) {
  return LLVM::MaskedLoadOp::create(*this, f32x16, address, laneMask(count), f32s(0),
                                    /*alignment=*/4);
}
void Simd::storeFirst(Value vector, Value address, Value count) {
  LLVM::MaskedStoreOp::create(*this, vector, address, laneMask(count), /*alignment=*/4);
}

Value Simd::scratch(int64_t bytes) {
  OpBuilder::InsertionGuard guard(*this);
  auto function = getInsertionBlock()->getParentOp();
  while (!isa<FunctionOpInterface>(function))
    function = function->getParentOp();
  setInsertionPointToStart(&cast<FunctionOpInterface>(function).front());
  return LLVM::AllocaOp::create(*this, pointer, i8, i64c(bytes), /*alignment=*/64);
}

Value Simd::splat(Value scalar) {
  return vector::BroadcastOp::create(*this, vectorOf(scalar.getType()), scalar);
}
Value Simd::fma(Value a, Value b, Value c) {
  if (isa<VectorType>(a.getType()))
    return vector::FMAOp::create(*this, a, b, c);
  return LLVM::FMAOp::create(*this, a.getType(), ValueRange{a, b, c});
}
Value Simd::addF(Value a, Value b) { return arith::AddFOp::create(*this, a, b); }
Value Simd::subF(Value a, Value b) { return arith::SubFOp::create(*this, a, b); }
Value Simd::mulF(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
Value Simd::divF(Value a, Value b) { return arith::DivFOp::create(*this, a, b); }

Value Simd::greaterOf(Value a, Value b) {
  Value isGreater = arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, a, b);
  return arith::SelectOp::create(*this, isGreater, a, b);
}

Value Simd::toF32(Value halves) {
  Type result = f32;
  if (auto vector = dyn_cast<VectorType>(halves.getType()))
    result = vector.clone(f32);
  return arith::ExtFOp::create(*this, result, halves);
}
Value Simd::saturateToF16(Value x) {
  auto constant = [&](double value) -> Value {
    Value scalar = f32c(value);
    auto vector = dyn_cast<VectorType>(x.getType());
    return vector ? vector::BroadcastOp::create(*this, vector, scalar).getResult() : scalar;
  };
  // Comparisons with NaN are false, so that it stays, for --check to find.
  Value largest = constant(65504.0);
  Value isAbove = arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, x, largest);
  Value clamped = arith::SelectOp::create(*this, isAbove, largest, x);
  clamped = greaterOf(constant(-65504.0), clamped);
  Type result = f16;
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    result = vector.clone(f16);
  return arith::TruncFOp::create(*this, result, clamped);
}

Value Simd::shuffle(Value vector, ArrayRef<int64_t> order) {
  return vector::ShuffleOp::create(*this, vector, vector, order);
}
Value Simd::extract(Value vector, int64_t lane) {
  return vector::ExtractOp::create(*this, vector, lane);
}
Value Simd::sumLanes(Value vector) {
  // Halving shuffles fix the order of the additions; a plain reduction would be sequential.
  for (int64_t width = lanes; width > 1; width /= 2) {
    SmallVector<int64_t> low = laneNumbers(0, width / 2);
    SmallVector<int64_t> high = laneNumbers(width / 2, width);
    vector = addF(shuffle(vector, low), shuffle(vector, high));
  }
  return extract(vector, 0);
}
Value Simd::greatestLane(Value vector) {
  for (int64_t width = lanes; width > 1; width /= 2) {
    SmallVector<int64_t> low = laneNumbers(0, width / 2);
    SmallVector<int64_t> high = laneNumbers(width / 2, width);
    vector = greaterOf(shuffle(vector, low), shuffle(vector, high));
  }
  return extract(vector, 0);
}
Value Simd::greatestMagnitude(Value first, Value second) {
  // Bits without their sign are ordered as their numbers are, with NaN beyond infinity.
  auto magnitude = [&](Value vector) -> Value {
    Value bits = arith::BitcastOp::create(*this, i32x16, vector);
    return arith::AndIOp::create(*this, bits, i32s(0x7FFFFFFF));
  };
  Value bits = arith::MaxUIOp::create(*this, magnitude(first), magnitude(second));
  bits = vector::ReductionOp::create(*this, vector::CombiningKind::MAXUI, bits);
  return arith::BitcastOp::create(*this, f32, bits);
}
Value Simd::dotBf16(Value sums, Value a, Value c) {
  return intrinsic("llvm.x86.avx512bf16.dpbf16ps.512", f32x16, {sums, a, c});
}

Value Simd::intrinsic(StringRef name, Type result, ValueRange arguments) {
  return LLVM::CallIntrinsicOp::create(*this, result, getStringAttr(name), arguments).getResult(0);
}

Value Simd::dotBytes(Value acc, Value codes, Value quad, unsigned codeBits) {
  Value inputs = splat(quad);
  if (target.vnni) {
    auto bytes = [&](Value v) { return LLVM::BitcastOp::create(*this, i8x64, v).getResult(); };
    return intrinsic("llvm.x86.avx512.vpdpbusd.512", i32x16, {acc, bytes(codes), bytes(inputs)});
  }
  if (codeBits <= 7)
    return dotBytesAvx(acc, codes, inputs);
  // VPMADDUBSW adds two products in 16 bits with saturation: 8-bit codes go in two nibbles.
  Value low = arith::AndIOp::create(*this, codes, i32s(0x0F0F0F0F));
  Value high = arith::ShRUIOp::create(*this, codes, i32s(4));
  high = arith::AndIOp::create(*this, high, i32s(0x0F0F0F0F));
  Value highs = arith::ShLIOp::create(*this, dotBytesAvx(i32s(0), high, inputs), i32s(4));
  return arith::AddIOp::create(*this, dotBytesAvx(acc, low, inputs), highs);
}

Value Simd::dotBytesAvx(Value acc, Value codes, Value inputs) {
  bool wide = target.vectorBits >= 512;
  int64_t parts = wide ? 1 : 2, width = lanes / parts;
  auto bytesType = vectorOf(i8, 4 * width), wordsType = vectorOf(i16, 2 * width);
  auto sumsType = vectorOf(i32, width);
  SmallVector<int16_t> oneWords(2 * width, 1);
  Value unit =
      arith::ConstantOp::create(*this, DenseElementsAttr::get<int16_t>(wordsType, oneWords));
  SmallVector<Value> sums;
  for (int64_t part = 0; part < parts; ++part) {
    auto slice = [&](Value v) -> Value {
      if (!wide)
        v = vector::ExtractStridedSliceOp::create(*this, v, ArrayRef<int64_t>{part * width},
                                                  ArrayRef<int64_t>{width}, ArrayRef<int64_t>{1});
      return LLVM::BitcastOp::create(*this, bytesType, v);
    };
    Value pairs = intrinsic(wide ? "llvm.x86.avx512.pmaddubs.w.512" : "llvm.x86.avx2.pmadd.ub.sw",
                            wordsType, {slice(codes), slice(inputs)});
    sums.push_back(intrinsic(wide ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd",
                             sumsType, {pairs, unit}));
  }
  Value sum = sums[0];
  if (!wide) {
    SmallVector<int64_t> all = laneNumbers(0, lanes);
    sum = vector::ShuffleOp::create(*this, sums[0], sums[1], all);
  }
  return arith::AddIOp::create(*this, acc, sum);
}

Value Simd::lookupBytes(Value bytes, ArrayRef<uint8_t> table) {
  // VPSHUFB looks each byte up in the 16 bytes of its own 128-bit lane.
  auto shuffleBytes = [&](StringRef name, Value part) -> Value {
    int64_t width = cast<VectorType>(part.getType()).getNumElements() * 4;
    SmallVector<uint8_t> entries;
    while (static_cast<int64_t>(entries.size()) < width)
      llvm::append_range(entries, table);
    auto type = vectorOf(i8, width);
    Value lookedIn =
        arith::ConstantOp::create(*this, DenseElementsAttr::get<uint8_t>(type, entries));
    Value found = intrinsic(name, type, {lookedIn, LLVM::BitcastOp::create(*this, type, part)});
    return LLVM::BitcastOp::create(*this, part.getType(), found);
  };
  if (bytes.getType() == i32) {
    Value lane = vector::BroadcastOp::create(*this, vectorOf(i32, 4), bytes);
    return extract(shuffleBytes("llvm.x86.ssse3.pshuf.b.128", lane), 0);
  }
  if (target.vectorBits >= 512)
    return shuffleBytes("llvm.x86.avx512.pshuf.b.512", bytes);
  SmallVector<Value> halves;
  for (int64_t first : {int64_t{0}, lanes / 2}) {
    Value half = vector::ExtractStridedSliceOp::create(
        *this, bytes, ArrayRef<int64_t>{first}, ArrayRef<int64_t>{lanes / 2}, ArrayRef<int64_t>{1});
    halves.push_back(shuffleBytes("llvm.x86.avx2.pshuf.b", half));
  }
  return vector::ShuffleOp::create(*this, halves[0], halves[1], laneNumbers(0, lanes));
}

void Simd::forRange(Value begin, Value end, int64_t step, const Body &body) {
  forCarry(begin, end, step, {}, [&](Value index, ValueRange) {
    body(index);
    return SmallVector<Value>{};
  });
}

SmallVector<Value> Simd::forCarry(Value begin, Value end, int64_t step, ValueRange initial,
                                  const CarryBody &body) {
  auto loop =
      scf::ForOp::create(*this, begin, end, i64c(step), initial,
                         [&](OpBuilder &inner, Location, Value index, ValueRange carried) {
                           OpBuilder::InsertionGuard guard(*this);
                           setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
                           SmallVector<Value> next = body(index, carried);
                           scf::YieldOp::create(*this, next);
                         });
  return SmallVector<Value>(loop.getResults());
}

void Simd::ifElse(Value condition, const std::function<void()> &then,
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

} // namespace tawny::x86
