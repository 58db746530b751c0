// What is emitted, for a quantised format and a8 activations:
//
//   for block in 0 .. columns / blockElements
//     scale[g], -min[g] = decodeGroup(g) for its groups            to the stack, f32 x 16 rows
//     for section in the block
//       for group g in the section                                 (unrolled)
//         sum[t] = 0                                               i32 x 16 rows
//         for quad in g: sum[t] += dot4(codes[16][4], x[t][4])     one VPDPBUSD each
//         acc[t] += scale[g] * x[t].scale * sum[t] - min[g] * x[t].sum
//
// Bytes: a tile's, once, from memory; the activations, 1.5 per input, from the first cache. At 16
// rows and 4-bit codes a VPDPBUSD does 128 operations on 32 bytes of weights, so decoding one token
// is bound by memory; with 8 tokens in registers a block of Q4_K costs 64 x 8 VPDPBUSD beside
// 64 + 8 x 32 other vector instructions. Sections are loops because code, not time, is what
// unrolling a block of 256 costs: half a second of LLVM for each function.
#include "compiler/codegen/x86/DotKernels.h"

#include "compiler/codegen/x86/WeightGroups.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace tawny::x86 {
namespace {

/// The arguments of a dot function and the addresses derived from them.
class DotEmitter {
public:
  DotEmitter(Simd &b, const FormatInfo &format, unsigned tokens, ValueRange arguments)
      : b(b), format(format), tile(arguments[0]), columns(arguments[1]), acc(arguments[4]),
        accStride(arguments[5]) {
    for (unsigned t = 0; t < tokens; ++t)
      rows.push_back(b.at(arguments[2], b.mul(arguments[3], t)));
  }

  void emitQuantised();
  void emitDecoded();
  void emitFloats();

private:
  SmallVector<Value> zeros() { return SmallVector<Value>(rows.size(), b.f32s(0)); }
  void storeSums(ArrayRef<Value> sums) {
    for (auto [t, sum] : llvm::enumerate(sums))
      b.store(sum, b.at(acc, b.mul(accStride, static_cast<int64_t>(t))), 64);
  }
  Value blockCount() { return b.divU(columns, format.blockElements); }
  TileBlock blockAt(Value block) {
    Value halves = b.at(tile, b.mul(blockCount(), int64_t{format.words} * 4 * lanes));
    return {b, format, true, b.at(tile, b.mul(block, int64_t{format.words} * 4 * lanes)),
            b.at(halves, b.mul(block, 2 * lanes))};
  }
  using SectionBody = std::function<void(TileBlock &weights, Value firstColumn, Value firstGroup,
                                         SmallVector<Value> &sums)>;
  void forSections(const SectionBody &body);
  void prefetchHalves(TileBlock &weights);
  /// Asks for weights twice: far ahead into the second cache, which keeps memory busy, and near
  /// into the first, which keeps the loads short. TinyLlama Q4_K_M decoded at 0.52 of read
  /// bandwidth with neither, 0.80 with the far one and 0.89 with both (Emerald Rapids, 2 threads).
  void prefetchAfter(Value line);
  /// Prefetches what lies after this quad's share of the section's lines.
  void prefetchBeside(unsigned quad);
  /// Scale and minus min of a group (within its block), from the stack.
  Affine<Value> affineOf(Value firstGroup, unsigned group) {
    return loadAffine(b, b.at(b.at(affines, b.mul(firstGroup, affineBytes)), group * affineBytes));
  }
  void quantisedGroup(TileBlock &weights, Value firstColumn, Value firstGroup, unsigned group,
                      SmallVector<Value> &sums);
  void multiplyAdd(Value weight, Value columnOffset, SmallVector<Value> &sums);

  static constexpr int64_t lineBytes = 64;
  unsigned sectionElements() { return format.blockElements / format.sections; }
  int64_t sectionBytes() { return format.words / format.sections * lineBytes; }
  unsigned sectionGroups() { return format.groups() / format.sections; }

  Simd &b;
  const FormatInfo &format;
  Value tile, columns, acc, accStride;
  Value sectionLines; ///< The section's share of the block's lines.
  Value affines;      ///< Stack: f32 [groups of a block][scale, minus min][16]
  SmallVector<Value> rows;
};

/// The plane of halves is too short to prefetch from within a tile.
void DotEmitter::prefetchHalves(TileBlock &weights) {
  Value halvesBytes = b.mul(b.divU(b.add(blockCount(), 1), 2), lineBytes);
  Value wordsBytes = b.mul(blockCount(), int64_t{format.words} * lineBytes);
  b.prefetch(b.at(weights.halves, b.add(wordsBytes, halvesBytes)), CacheLevel::Second);
}

void DotEmitter::prefetchAfter(Value line) {
  b.prefetch(b.at(line, b.target.prefetch.far), CacheLevel::Second);
  b.prefetch(b.at(line, b.target.prefetch.near), CacheLevel::First);
}

void DotEmitter::prefetchBeside(unsigned quad) {
  unsigned lines = format.words / format.sections, quads = sectionElements() / 4;
  for (unsigned line = quad * lines / quads; line < (quad + 1) * lines / quads; ++line)
    prefetchAfter(b.at(sectionLines, line * lineBytes));
}

void DotEmitter::forSections(const SectionBody &body) {
  affines = b.scratch(format.groups() * affineBytes);
  auto blockBody = [&](Value block, ValueRange carried) {
    TileBlock weights = blockAt(block);
    if (format.halfOffset >= 0)
      prefetchHalves(weights);
    storeAffines(b, format, weights, affines);
    return b.forCarry(
        b.i64c(0), b.i64c(format.sections), 1, carried, [&](Value section, ValueRange inner) {
          SmallVector<Value> sums(inner);
          TileBlock shifted = weights;
          shifted.section = section;
          sectionLines = b.at(weights.words, b.mul(section, sectionBytes()));
          Value column =
              b.add(b.mul(block, format.blockElements), b.mul(section, sectionElements()));
          body(shifted, column, b.mul(section, sectionGroups()), sums);
          return sums;
        });
  };
  storeSums(b.forCarry(b.i64c(0), blockCount(), 1, zeros(), blockBody));
}

void DotEmitter::emitQuantised() {
  forSections([&](TileBlock &weights, Value column, Value firstGroup, SmallVector<Value> &sums) {
    for (unsigned group = 0; group < sectionGroups(); ++group)
      quantisedGroup(weights, column, firstGroup, group, sums);
  });
}

void DotEmitter::quantisedGroup(TileBlock &weights, Value column, Value firstGroup, unsigned group,
                                SmallVector<Value> &sums) {
  DecodeOps ops{b, true};
  SmallVector<Value> dots(rows.size(), b.i32s(0));
  unsigned quads = format.groupElements / 4;
  for (unsigned quad = group * quads; quad < (group + 1) * quads; ++quad) {
    prefetchBeside(quad);
    Value codes = decodeQuad(format.format, ops, weights, quad);
    for (auto [t, row] : llvm::enumerate(rows)) {
      Value inputs = b.load(b.i32, b.at(b.at(row, column), 4 * quad), 4);
      dots[t] = b.dotBytes(dots[t], codes, inputs, format.codeBits);
    }
  }
  Affine<Value> affine = affineOf(firstGroup, group);
  GroupInputs inputs(b, format, columns,
                     b.add(column, static_cast<int64_t>(group * format.groupElements)));
  for (auto [t, row] : llvm::enumerate(rows))
    sums[t] = inputs.addTo(sums[t], dots[t], affine, row);
}

void DotEmitter::multiplyAdd(Value weight, Value columnOffset, SmallVector<Value> &sums) {
  for (auto [t, row] : llvm::enumerate(rows))
    sums[t] = b.fma(weight, b.splatF32At(b.at(row, columnOffset)), sums[t]);
}

void DotEmitter::emitDecoded() {
  DecodeOps ops{b, true};
  forSections([&](TileBlock &weights, Value column, Value firstGroup, SmallVector<Value> &sums) {
    Value start = b.mul(column, 4);
    for (unsigned quad = 0; quad < sectionElements() / 4; ++quad) {
      Affine<Value> affine = affineOf(firstGroup, quad * 4 / format.groupElements);
      prefetchBeside(quad);
      Value codes = decodeQuad(format.format, ops, weights, quad);
      for (unsigned element = 0; element < 4; ++element) {
        Value code = ops.andI(ops.shrI(codes, 8 * element), ops.constant(0xFF));
        Value weight = b.fma(ops.toFloat(code), affine.scale, affine.min);
        multiplyAdd(weight, b.add(start, (4 * quad + element) * 4), sums);
      }
    }
  });
}

void DotEmitter::emitFloats() {
  DecodeOps ops{b, true};
  bool halves = format.isHalfFloat();
  auto wordAt = [&](Value index) {
    return b.load(b.i32x16, b.at(tile, b.mul(index, 4 * lanes)), 64);
  };
  Value fullWords = halves ? b.divU(columns, 2) : columns;
  auto body = [&](Value index, ValueRange carried) {
    SmallVector<Value> sums(carried);
    prefetchAfter(b.at(tile, b.mul(index, lineBytes)));
    Value word = wordAt(index);
    if (halves) {
      Value offset = b.mul(index, 8);
      multiplyAdd(ops.halfOfWord(format.format, word, 0), offset, sums);
      multiplyAdd(ops.halfOfWord(format.format, word, 1), b.add(offset, 4), sums);
    } else {
      multiplyAdd(arith::BitcastOp::create(b, b.f32x16, word), b.mul(index, 4), sums);
    }
    return sums;
  };
  SmallVector<Value> sums = b.forCarry(b.i64c(0), fullWords, 1, zeros(), body);
  if (halves) // an odd row ends in half a word; its other half must not meet an input
    sums = b.forCarry(
        fullWords, b.divU(b.add(columns, 1), 2), 1, sums, [&](Value index, ValueRange carried) {
          SmallVector<Value> last(carried);
          multiplyAdd(ops.halfOfWord(format.format, wordAt(index), 0), b.mul(index, 8), last);
          return last;
        });
  storeSums(sums);
}

} // namespace

ArrayRef<unsigned> DotKernels::tokenChunks() const {
  // Registers: a token takes an i32 and an f32 accumulator, twice that with 256-bit vectors.
  static constexpr unsigned wide[] = {8, 4, 2, 1}, narrow[] = {4, 2, 1};
  return target.vectorBits >= 512 ? ArrayRef<unsigned>(wide) : ArrayRef<unsigned>(narrow);
}

func::FuncOp DotKernels::get(Format format, bool quantised, unsigned tokens) {
  const FormatInfo &info = formatInfo(format);
  std::string name = llvm::formatv("dot.{0}.{1}.t{2}", info.name, quantised ? "a8" : "f32", tokens);
  if (auto function = module.lookupSymbol<func::FuncOp>(name))
    return function;
  auto builder = OpBuilder::atBlockEnd(module.getBody());
  Simd b(NameLoc::get(builder.getStringAttr(name)), builder, target);
  auto type = b.getFunctionType({b.pointer, b.i64, b.pointer, b.i64, b.pointer, b.i64}, {});
  auto function = func::FuncOp::create(b, name, type);
  function.setPrivate();
  function->setAttr("passthrough", b.getStrArrayAttr({"noinline"}));
  b.setInsertionPointToStart(function.addEntryBlock());
  DotEmitter emitter(b, info, tokens, function.getArguments());
  if (info.isFloat())
    emitter.emitFloats();
  else if (quantised)
    emitter.emitQuantised();
  else
    emitter.emitDecoded();
  func::ReturnOp::create(b);
  return function;
}

} // namespace tawny::x86
