// What is emitted, for a quantised format and a8 activations:
//
//   for block in 0 .. columns / blockElements
//     scale[g], -min[g] = decodeGroup(g) for its groups            f32 x 16 rows
//     for section in the block
//       sum[g][t] = 0 for group g in the section                   i32 x 16 rows
//       for quad of group g: sum[g][t] += dot4(codes[16][4], x[t][4])   one VPDPBUSD each
//       for group g: acc[t] += scale[g] * x[t].scale * sum[g][t] - min[g] * x[t].sum
//         or, where Bias::isInteger,  scale[g] * x[t].scale * (sum[g][t] + bias * x[t].offset)
//
// Bytes: a tile's, once, from memory, in the order in which they lie there; the activations, at
// most 1.375 of the 1.875 per input, from the first cache. At 16 rows and 4-bit codes a VPDPBUSD
// does 128 operations on 32 bytes of weights, so decoding one token is bound by memory, if little
// stands beside VPDPBUSD: for one or two tokens a block is straight-line code, whose scales and
// minima stay in registers, and quads that share a word share its load. With 8 tokens in registers
// a block of Q4_K costs 64 x 8 VPDPBUSD beside 64 + 8 x 32 other vector instructions; there
// sections are loops, with scales and minima on the stack, because code, not time, is what
// unrolling a block of 256 costs: half a second of LLVM for each function.
#include "compiler/codegen/x86/DotKernels.h"

#include "compiler/codegen/x86/WeightGroups.h"
#include "dialects/formats/ReadingOrder.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace tawny::x86 {
namespace {

/// A block whose words are loaded once each, in the order in which they lie, whatever the order in
/// which they are asked for. The processor's prefetchers follow ascending lines; LLVM would order
/// the loads of a long block otherwise (Q6_K ran at half of read bandwidth), so these are volatile.
class OrderedWords {
public:
  explicit OrderedWords(TileBlock &block) : block(block) {}
  Value word(unsigned index) {
    uint32_t place = readingPlace(block.format, index);
    while (loaded.size() <= place) {
      uint32_t next = readingOrder(block.format)[loaded.size()];
      loaded.push_back(block.b.loadInOrder(block.b.i32x16, block.wordAddress(next), 64));
    }
    return loaded[place];
  }
  Value half() {
    if (!halfs)
      halfs = block.half();
    return halfs;
  }

private:
  TileBlock &block;
  SmallVector<Value> loaded; ///< By place.
  Value halfs;
};

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
  SmallVector<Value> zeroDots() { return SmallVector<Value>(rows.size(), b.i32s(0)); }
  void storeSums(ArrayRef<Value> sums) {
    for (auto [t, sum] : llvm::enumerate(sums))
      b.store(sum, b.at(acc, b.mul(accStride, static_cast<int64_t>(t))), 64);
  }
  Value blockCount() { return b.divU(columns, format.blockElements); }
  using BlockBody =
      std::function<void(TileBlock &weights, Value firstColumn, SmallVector<Value> &sums)>;
  void forBlocks(const BlockBody &body);
  using SectionBody = std::function<void(TileBlock &weights, Value firstColumn, Value firstGroup,
                                         SmallVector<Value> &sums)>;
  void forSections(const SectionBody &body);
  /// Asks for weights twice: far ahead into the second cache, which keeps memory busy, and near
  /// into the first, which keeps the loads short. TinyLlama Q4_K_M decoded at 0.52 of read
  /// bandwidth with neither, 0.80 with the far one and 0.89 with both (Emerald Rapids, 2 threads).
  void prefetchAfter(Value line);
  /// Prefetches what lies after the share of the section's lines that belongs to the quad that is
  /// visited as its `visited`th.
  void prefetchBeside(unsigned visited);
  /// Scale and minus min of a group (within its block), from the stack.
  Affine<Value> affineOf(Value firstGroup, unsigned group) {
    return loadAffine(b, b.at(b.at(affines, b.mul(firstGroup, affineBytes)), group * affineBytes));
  }
  void straightBlock(TileBlock &weights, Value firstColumn, SmallVector<Value> &sums);
  void quantisedGroup(TileBlock &weights, Value firstColumn, Value firstGroup, unsigned group,
                      SmallVector<Value> &sums);
  void addGroup(Affine<Value> affine, Value firstColumn, unsigned group, ArrayRef<Value> dots,
                SmallVector<Value> &sums);
  void dotQuad(Value codes, Value firstColumn, unsigned quad, MutableArrayRef<Value> dots);
  void multiplyAdd(Value weight, Value columnOffset, SmallVector<Value> &sums);

  /// Up to this many tokens a block is straight-line code. Sixteen registers are too few for two.
  unsigned straightTokens() { return b.target.vectorBits >= 512 ? 2 : 1; }
  bool streams = false; ///< Little is done but loading line after line.
  static constexpr int64_t lineBytes = 64;
  unsigned sectionElements() { return format.blockElements / format.sections; }
  int64_t sectionBytes() { return format.words / format.sections * lineBytes; }
  unsigned sectionGroups() { return format.groups() / format.sections; }

  Simd &b;
  const FormatInfo &format;
  Value tile, columns, acc, accStride;
  Bias bias;           ///< Of int8 inputs.
  bool hasMins = true; ///< Whether affines have more than scales.
  Value sectionLines;  ///< The section's share of the block's lines.
  Value affines;       ///< Stack: f32 [groups of a block][scale, minus min][16]
  SmallVector<Value> rows;
};

void DotEmitter::prefetchAfter(Value line) {
  if (streams && !b.target.prefetch.streams)
    return;
  b.prefetch(b.at(line, b.target.prefetch.far), CacheLevel::Second);
  b.prefetch(b.at(line, b.target.prefetch.near), CacheLevel::First);
}

void DotEmitter::prefetchBeside(unsigned visited) {
  unsigned lines = format.words / format.sections, quads = sectionElements() / 4;
  for (unsigned line = visited * lines / quads; line < (visited + 1) * lines / quads; ++line)
    prefetchAfter(b.at(sectionLines, line * lineBytes));
}

void DotEmitter::forBlocks(const BlockBody &body) {
  storeSums(b.forCarry(b.i64c(0), blockCount(), 1, zeros(), [&](Value block, ValueRange carried) {
    SmallVector<Value> sums(carried);
    TileBlock weights = TileBlock::at(b, format, tile, block);
    body(weights, b.mul(block, format.blockElements), sums);
    return sums;
  }));
}

void DotEmitter::forSections(const SectionBody &body) {
  affines = b.scratch(format.groups() * affineBytes);
  forBlocks([&](TileBlock &weights, Value firstColumn, SmallVector<Value> &sums) {
    storeAffines(b, format, weights, affines, hasMins);
    sums = b.forCarry(b.i64c(0), b.i64c(format.sections), 1, sums,
                      [&](Value section, ValueRange carried) {
                        SmallVector<Value> inner(carried);
                        TileBlock shifted = weights;
                        shifted.section = section;
                        sectionLines = b.at(weights.words, b.mul(section, sectionBytes()));
                        body(shifted, b.add(firstColumn, b.mul(section, sectionElements())),
                             b.mul(section, sectionGroups()), inner);
                        return inner;
                      });
  });
}

void DotEmitter::emitQuantised() {
  bias = Bias(b, format);
  hasMins = !Bias::isInteger(format);
  streams = rows.size() <= straightTokens();
  if (streams)
    return forBlocks([&](TileBlock &weights, Value firstColumn, SmallVector<Value> &sums) {
      straightBlock(weights, firstColumn, sums);
    });
  forSections([&](TileBlock &weights, Value column, Value firstGroup, SmallVector<Value> &sums) {
    for (unsigned group = 0; group < sectionGroups(); ++group)
      quantisedGroup(weights, column, firstGroup, group, sums);
  });
}

void DotEmitter::straightBlock(TileBlock &tileBlock, Value firstColumn, SmallVector<Value> &sums) {
  DecodeOps ops{b, true};
  OrderedWords weights(tileBlock);
  // VPMADDUBSW would saturate with codes times 16.
  bool shifts = b.target.vnni;
  unsigned quads = sectionElements() / 4;
  for (unsigned section = 0; section < format.sections; ++section) {
    sectionLines = b.at(tileBlock.words, section * sectionBytes());
    SmallVector<SmallVector<Value>> dots(sectionGroups(), zeroDots()), shifted = dots;
    unsigned shift = 0;
    for (auto [visited, quad] :
         llvm::enumerate(quadOrder(format).subspan(section * quads, quads))) {
      prefetchBeside(static_cast<unsigned>(visited));
      auto decoded = shifts ? decodeShiftedQuad(format.format, ops, weights, quad)
                            : ShiftedQuad<Value>{decodeQuad(format.format, ops, weights, quad), 0};
      unsigned group = quad * 4 / format.groupElements - section * sectionGroups();
      dotQuad(decoded.codes, firstColumn, quad, decoded.shift ? shifted[group] : dots[group]);
      shift = std::max(shift, decoded.shift);
    }
    for (unsigned group = 0; group < sectionGroups(); ++group) {
      for (auto [dot, high] : llvm::zip(dots[group], shifted[group]))
        if (shift)
          dot = arith::AddIOp::create(b, dot, arith::ShRSIOp::create(b, high, b.i32s(shift)));
      unsigned inBlock = section * sectionGroups() + group;
      Affine<Value> affine = factorsOf(b, decodeGroup(format.format, ops, weights, inBlock));
      addGroup(affine, firstColumn, inBlock, dots[group], sums);
    }
  }
}

void DotEmitter::quantisedGroup(TileBlock &weights, Value firstColumn, Value firstGroup,
                                unsigned group, SmallVector<Value> &sums) {
  DecodeOps ops{b, true};
  SmallVector<Value> dots = zeroDots();
  unsigned quads = format.groupElements / 4;
  for (unsigned quad = group * quads; quad < (group + 1) * quads; ++quad) {
    prefetchBeside(quad);
    dotQuad(decodeQuad(format.format, ops, weights, quad), firstColumn, quad, dots);
  }
  addGroup(affineOf(firstGroup, group), firstColumn, group, dots, sums);
}

/// Multiplies a quad of weights with the inputs `quad` quads after `firstColumn`.
void DotEmitter::dotQuad(Value codes, Value firstColumn, unsigned quad,
                         MutableArrayRef<Value> dots) {
  for (auto [t, row] : llvm::enumerate(rows)) {
    Value inputs = b.load(b.i32, b.at(b.at(row, firstColumn), 4 * quad), 4);
    dots[t] = b.dotBytes(dots[t], codes, inputs, format.codeBits);
  }
}

/// Scales the products of the group that is `group` groups after `firstColumn` and adds them.
void DotEmitter::addGroup(Affine<Value> affine, Value firstColumn, unsigned group,
                          ArrayRef<Value> dots, SmallVector<Value> &sums) {
  GroupInputs inputs(b, format, columns,
                     b.add(firstColumn, static_cast<int64_t>(group * format.groupElements)));
  for (auto [t, row] : llvm::enumerate(rows))
    sums[t] = inputs.addTo(sums[t], dots[t], affine, bias, row);
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
        Value number = ops.toFloat(code);
        Value weight = hasHugeScales(format.format)
                           ? scaleUnbiased(format.format, ops, affine.scale, number)
                           : b.fma(number, affine.scale, affine.min);
        multiplyAdd(weight, b.add(start, (4 * quad + element) * 4), sums);
      }
    }
  });
}

void DotEmitter::emitFloats() {
  DecodeOps ops{b, true};
  streams = true;
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
