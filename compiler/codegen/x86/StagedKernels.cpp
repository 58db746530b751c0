// What is emitted for products, with R row groups and T tokens in registers:
//
//   for 32 columns of the stage
//     for weight group in them
//       dot[r][t] = 0                                              i32 x 16 rows
//       for quad in the group                                      (unrolled)
//         dot[r][t] += dot4(codes[r], x[t])                        one VPDPBUSD each
//       acc[r][t] += scale[r] * x[t].scale * dot[r][t] - min[r] * x[t].sum
//         or, where Bias::isInteger,  scale[r] * x[t].scale * (dot[r][t] + bias * x[t].offset)
//
// With 32 registers R = 2 and T = 6: 12 integer sums and 12 f32 sums stay in registers, and 12
// VPDPBUSD need 8 loads. A group of 32 costs 8 VPDPBUSD beside a conversion, a product and one
// multiply-add, two with a minimum, so the unit that does products and multiply-adds is busy with
// VPDPBUSD for 8 of 10 or 11 cycles. The stage (16 KiB of codes) stays in the first cache while all
// tokens pass.
#include "compiler/codegen/x86/StagedKernels.h"

#include "dialects/formats/Activations.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace tawny::x86 {
namespace {

constexpr int64_t lineBytes = 64;

/// Decodes one block, whose codes and affines go to `codes` and `affines`.
void emitStageBlock(Simd &b, const FormatInfo &format, TileBlock weights, Value codes,
                    Value affines) {
  DecodeOps ops{b, true};
  storeAffines(b, format, weights, affines, /*hasMins=*/!Bias::isInteger(format));
  unsigned sectionQuads = format.blockElements / format.sections / 4;
  b.forRange(b.i64c(0), b.i64c(format.sections), 1, [&](Value section) {
    weights.section = section;
    Value out = b.at(codes, b.mul(section, sectionQuads * lineBytes));
    for (unsigned quad = 0; quad < sectionQuads; ++quad)
      b.store(decodeQuad(format.format, ops, weights, quad), b.at(out, quad * lineBytes), 64);
  });
}

void emitStage(Simd &b, const FormatInfo &format, ValueRange arguments) {
  Value tile = arguments[0], firstBlock = arguments[1], blocks = arguments[2];
  Value codes = arguments[3], affines = arguments[4];
  b.forRange(b.i64c(0), blocks, 1, [&](Value index) {
    TileBlock weights = TileBlock::at(b, format, tile, b.add(firstBlock, index));
    emitStageBlock(b, format, weights,
                   b.at(codes, b.mul(index, format.blockElements / 4 * lineBytes)),
                   b.at(affines, b.mul(index, format.groups() * affineBytes)));
  });
}

/// The body of a multiply function.
class MultiplyEmitter {
public:
  MultiplyEmitter(Simd &b, const FormatInfo &format, int64_t rowGroups, unsigned tokens,
                  ValueRange arguments)
      : b(b), format(format), rowGroups(rowGroups), codes(arguments[0]), affines(arguments[1]),
        stagedColumns(arguments[2]), columns(arguments[3]), firstColumn(arguments[4]),
        acc(arguments[7]), accStride(arguments[8]), prefetched(arguments[9]), bias(b, format) {
    for (unsigned t = 0; t < tokens; ++t)
      rows.push_back(b.at(arguments[5], b.mul(arguments[6], t)));
  }

  void emit();

private:
  /// The sums of one token and row group, counted row group by row group.
  unsigned slots() { return static_cast<unsigned>(rowGroups) * unsigned(rows.size()); }
  Value accAt(unsigned slot) {
    auto t = static_cast<int64_t>(slot % rows.size()), r = static_cast<int64_t>(slot / rows.size());
    return b.at(b.at(acc, b.mul(accStride, t)), r * lanes * 4);
  }
  SmallVector<Value> dots(Value column, unsigned firstQuad);
  void addScaled(Value column, unsigned group, ArrayRef<Value> dots, SmallVector<Value> &sums);

  Simd &b;
  const FormatInfo &format;
  int64_t rowGroups;
  Value codes, affines, stagedColumns, columns, firstColumn, acc, accStride, prefetched;
  Bias bias;
  SmallVector<Value> rows; ///< The first input of each token's row.
};

void MultiplyEmitter::emit() {
  SmallVector<Value> initial;
  for (unsigned slot = 0; slot < slots(); ++slot)
    initial.push_back(b.load(b.f32x16, accAt(slot), 64));
  constexpr int64_t step = ActivationRow::groupElements;
  auto sums =
      b.forCarry(b.i64c(0), stagedColumns, step, initial, [&](Value column, ValueRange carried) {
        SmallVector<Value> next(carried);
        Value lines =
            b.at(prefetched, b.mul(column, StagedKernels::prefetchedBytes / stageColumns));
        for (int64_t line = 0; line < step * StagedKernels::prefetchedBytes / stageColumns;
             line += lineBytes)
          b.prefetch(b.at(lines, line), CacheLevel::Second);
        for (unsigned group = 0; group < step / format.groupElements; ++group)
          addScaled(column, group, dots(column, group * format.groupElements / 4), next);
        return next;
      });
  for (unsigned slot = 0; slot < slots(); ++slot)
    b.store(sums[slot], accAt(slot), 64);
}

SmallVector<Value> MultiplyEmitter::dots(Value column, unsigned firstQuad) {
  SmallVector<Value> sums(slots(), b.i32s(0));
  Value inputs = b.add(firstColumn, column);
  Value group = b.at(codes, b.mul(column, lanes));
  for (unsigned quad = firstQuad; quad < firstQuad + format.groupElements / 4; ++quad) {
    SmallVector<Value> weights;
    for (int64_t r = 0; r < rowGroups; ++r)
      weights.push_back(
          b.load(b.i32x16, b.at(group, r * StagedKernels::codesBytes() + quad * lineBytes), 64));
    for (auto [t, row] : llvm::enumerate(rows)) {
      Value input = b.load(b.i32, b.at(b.at(row, inputs), 4 * quad), 4);
      for (auto [r, weight] : llvm::enumerate(weights)) {
        Value &sum = sums[r * rows.size() + t];
        sum = b.dotBytes(sum, weight, input, format.codeBits);
      }
    }
  }
  return sums;
}

void MultiplyEmitter::addScaled(Value column, unsigned group, ArrayRef<Value> dots,
                                SmallVector<Value> &sums) {
  int64_t within = int64_t{group} * format.groupElements;
  GroupInputs inputs(b, format, columns, b.add(b.add(firstColumn, column), within));
  Value entry = b.at(affines, b.mul(b.divU(column, format.groupElements), affineBytes));
  for (int64_t r = 0; r < rowGroups; ++r) {
    int64_t own = r * StagedKernels::affinesBytes(format) + group * affineBytes;
    Affine<Value> affine = loadAffine(b, b.at(entry, own));
    for (auto [t, row] : llvm::enumerate(rows)) {
      size_t slot = static_cast<size_t>(r) * rows.size() + t;
      sums[slot] = inputs.addTo(sums[slot], dots[slot], affine, bias, row);
    }
  }
}

} // namespace

int64_t StagedKernels::rowGroups() const { return target.vectorBits >= 512 ? 2 : 1; }

ArrayRef<unsigned> StagedKernels::tokenChunks() const {
  static constexpr unsigned wide[] = {6, 2, 1}, narrow[] = {4, 2, 1};
  return target.vectorBits >= 512 ? ArrayRef<unsigned>(wide) : ArrayRef<unsigned>(narrow);
}

func::FuncOp StagedKernels::create(const std::string &name, ArrayRef<Type> arguments,
                                   const std::function<void(Simd &, ValueRange)> &emit) {
  if (auto function = module.lookupSymbol<func::FuncOp>(name))
    return function;
  auto builder = OpBuilder::atBlockEnd(module.getBody());
  Simd b(NameLoc::get(builder.getStringAttr(name)), builder, target);
  auto function = func::FuncOp::create(b, name, b.getFunctionType(arguments, {}));
  function.setPrivate();
  function->setAttr("passthrough", b.getStrArrayAttr({"noinline"}));
  b.setInsertionPointToStart(function.addEntryBlock());
  emit(b, function.getArguments());
  func::ReturnOp::create(b);
  return function;
}

func::FuncOp StagedKernels::stage(Format format) {
  const FormatInfo &info = formatInfo(format);
  OpBuilder types(module.getContext());
  Type i64 = types.getI64Type(), pointer = LLVM::LLVMPointerType::get(module.getContext());
  return create(llvm::formatv("stage.{0}", info.name), {pointer, i64, i64, pointer, pointer},
                [&](Simd &b, ValueRange arguments) { emitStage(b, info, arguments); });
}

func::FuncOp StagedKernels::multiply(Format format, unsigned tokens) {
  const FormatInfo &info = formatInfo(format);
  // VPMADDUBSW takes codes of 8 bits apart; VPDPBUSD does not care.
  bool splitsCodes = !target.vnni && info.codeBits == 8;
  OpBuilder types(module.getContext());
  Type i64 = types.getI64Type(), pointer = LLVM::LLVMPointerType::get(module.getContext());
  return create(llvm::formatv("multiply.g{0}.b{1}{2}.t{3}", info.groupElements,
                              Bias::isInteger(info) ? info.bias : 0, splitsCodes ? ".c8" : "",
                              tokens),
                {pointer, pointer, i64, i64, i64, pointer, i64, pointer, i64, pointer},
                [&](Simd &b, ValueRange arguments) {
                  MultiplyEmitter(b, info, rowGroups(), tokens, arguments).emit();
                });
}

} // namespace tawny::x86
