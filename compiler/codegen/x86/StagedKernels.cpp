// What is emitted for products, with R row groups and T tokens in registers:
//
//   for block of the stage
//     carried[r][t] = BlockInputs::begin(acc[r][t])                f32 x 16 rows
//     for 32 columns of the block
//       for weight group g in them
//         dot[g][r][t] = BlockInputs::start                        i32 x 16 rows
//         for quad in the group                                    (unrolled)
//           dot[g][r][t] += dot4(codes[r], x[t])                   one VPDPBUSD each
//       carried[r][t] = BlockInputs::add(carried[r][t], dot[..][r][t])
//     acc[r][t] = BlockInputs::end(acc[r][t], carried[r][t])
//
// With 32 registers R = 2 and T = 6: 12 integer sums and 12 f32 sums stay in registers, and 12
// VPDPBUSD need 8 loads. T = 4 where sums of two groups of 16 wait for each other. 32 columns cost
// 8 VPDPBUSD beside what WeightGroups.h counts, so the unit that does products and multiply-adds is
// busy with VPDPBUSD for 8 of 10 to 13 cycles. The stage (16 KiB of codes) stays in the first cache
// while all tokens pass.
#include "compiler/codegen/x86/StagedKernels.h"

#include "dialects/formats/Activations.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace tawny::x86 {
namespace {

constexpr int64_t lineBytes = 64;

/// Decodes one block, whose codes and factors go to `codes` and `factors`.
void emitStageBlock(Simd &b, const FormatInfo &format, TileBlock weights, Value codes,
                    Value factors) {
  DecodeOps ops{b, true};
  BlockFactors::decoded(b, format, weights).store(b, factors);
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
  Value codes = arguments[3], factors = arguments[4];
  b.forRange(b.i64c(0), blocks, 1, [&](Value index) {
    TileBlock weights = TileBlock::at(b, format, tile, b.add(firstBlock, index));
    emitStageBlock(b, format, weights,
                   b.at(codes, b.mul(index, format.blockElements / 4 * lineBytes)),
                   b.at(factors, b.mul(index, BlockFactors::bytes(format))));
  });
}

/// The body of a multiply function.
class MultiplyEmitter {
public:
  MultiplyEmitter(Simd &b, const FormatInfo &format, int64_t rowGroups, unsigned tokens,
                  ValueRange arguments)
      : b(b), format(format), rowGroups(rowGroups), codes(arguments[0]), factors(arguments[1]),
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
  /// Of the columns from `column` on (i64, of the stage).
  BlockInputs inputsAt(Value column) {
    return {b, format, bias, columns, b.add(firstColumn, column)};
  }
  /// The factors of row group `r` of the block at column `block`, counted from input group `group`.
  BlockFactors factorsAt(Value block, Value group, int64_t r);
  /// `carried` and the products with an input group of the block at column `block`, by slot.
  SmallVector<Value> addInputGroup(Value block, Value group, SmallVector<Value> carried);
  /// The products with weight group `group` of an input group, by slot.
  SmallVector<Value> dots(Value column, const BlockInputs &inputs, unsigned group);

  Simd &b;
  const FormatInfo &format;
  int64_t rowGroups;
  Value codes, factors, stagedColumns, columns, firstColumn, acc, accStride, prefetched;
  Bias bias;
  SmallVector<Value> rows; ///< The first input of each token's row.
};

void MultiplyEmitter::emit() {
  SmallVector<Value> initial;
  for (unsigned slot = 0; slot < slots(); ++slot)
    initial.push_back(b.load(b.f32x16, accAt(slot), 64));
  int64_t groups = format.blockElements / ActivationRow::groupElements;
  auto sums = b.forCarry(
      b.i64c(0), stagedColumns, format.blockElements, initial, [&](Value block, ValueRange before) {
        BlockInputs inputs = inputsAt(block);
        auto begun = llvm::map_to_vector(before, [&](Value sum) { return inputs.begin(sum); });
        auto carried =
            b.forCarry(b.i64c(0), b.i64c(groups), 1, begun, [&](Value group, ValueRange inner) {
              return addInputGroup(block, group, SmallVector<Value>(inner));
            });
        SmallVector<Value> after;
        for (unsigned slot = 0; slot < slots(); ++slot) {
          auto factors = factorsAt(block, b.i64c(0), slot / unsigned(rows.size()));
          after.push_back(
              inputs.end(before[slot], carried[slot], factors, rows[slot % rows.size()]));
        }
        return after;
      });
  for (unsigned slot = 0; slot < slots(); ++slot)
    b.store(sums[slot], accAt(slot), 64);
}

BlockFactors MultiplyEmitter::factorsAt(Value block, Value group, int64_t r) {
  Value before = b.mul(b.divU(block, format.blockElements), BlockFactors::bytes(format));
  Value within = b.mul(group, groupsPerInput(format) * BlockFactors::groupBytes);
  int64_t own = r * StagedKernels::factorsBytes(format);
  return BlockFactors::stored(b, format, b.at(b.at(factors, b.add(before, within)), own));
}

SmallVector<Value> MultiplyEmitter::addInputGroup(Value block, Value group,
                                                  SmallVector<Value> carried) {
  constexpr int64_t elements = ActivationRow::groupElements;
  Value column = b.add(block, b.mul(group, elements));
  Value lines = b.at(prefetched, b.mul(column, StagedKernels::prefetchedBytes / stageColumns));
  for (int64_t line = 0; line < elements * StagedKernels::prefetchedBytes / stageColumns;
       line += lineBytes)
    b.prefetch(b.at(lines, line), CacheLevel::Second);
  BlockInputs inputs = inputsAt(column);
  SmallVector<SmallVector<Value>> products;
  for (unsigned own = 0; own < groupsPerInput(format); ++own)
    products.push_back(dots(column, inputs, own));
  for (int64_t r = 0; r < rowGroups; ++r) {
    BlockFactors weights = factorsAt(block, group, r);
    for (auto [t, row] : llvm::enumerate(rows)) {
      size_t slot = static_cast<size_t>(r) * rows.size() + t;
      auto own = llvm::map_to_vector<2>(products, [&](const auto &dots) { return dots[slot]; });
      carried[slot] = inputs.add(carried[slot], 0, own, weights, row);
    }
  }
  return carried;
}

SmallVector<Value> MultiplyEmitter::dots(Value column, const BlockInputs &inputs, unsigned group) {
  SmallVector<Value> sums;
  for (unsigned slot = 0; slot < slots(); ++slot)
    sums.push_back(slot < rows.size() ? inputs.start(group, rows[slot]) : sums[slot - rows.size()]);
  Value firstInput = b.add(firstColumn, column);
  Value staged = b.at(codes, b.mul(column, lanes));
  unsigned quads = format.groupElements / 4;
  for (unsigned quad = group * quads; quad < (group + 1) * quads; ++quad) {
    SmallVector<Value> weights;
    for (int64_t r = 0; r < rowGroups; ++r)
      weights.push_back(
          b.load(b.i32x16, b.at(staged, r * StagedKernels::codesBytes() + quad * lineBytes), 64));
    for (auto [t, row] : llvm::enumerate(rows)) {
      Value input = b.load(b.i32, b.at(b.at(row, firstInput), 4 * quad), 4);
      for (auto [r, weight] : llvm::enumerate(weights)) {
        Value &sum = sums[r * rows.size() + t];
        sum = b.dotBytes(sum, weight, input, format.codeBits);
      }
    }
  }
  return sums;
}

} // namespace

int64_t StagedKernels::rowGroups() const { return target.vectorBits >= 512 ? 2 : 1; }

ArrayRef<unsigned> StagedKernels::tokenChunks(Format format) const {
  static constexpr unsigned six[] = {6, 2, 1}, four[] = {4, 2, 1};
  bool isWide = target.vectorBits >= 512 && !scalesInIntegers(formatInfo(format));
  return isWide ? ArrayRef<unsigned>(six) : ArrayRef<unsigned>(four);
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
  return create(llvm::formatv("multiply.e{0}.g{1}.b{2}{3}.t{4}", info.blockElements,
                              info.groupElements, Bias::isInteger(info) ? info.bias : 0,
                              splitsCodes ? ".c8" : "", tokens),
                {pointer, pointer, i64, i64, i64, pointer, i64, pointer, i64, pointer},
                [&](Simd &b, ValueRange arguments) {
                  MultiplyEmitter(b, info, rowGroups(), tokens, arguments).emit();
                });
}

} // namespace tawny::x86
