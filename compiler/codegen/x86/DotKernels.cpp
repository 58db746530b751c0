// What is emitted, for a quantised format and a8 activations:
//
//   for block in 0 .. columns / blockElements
//     scales, integers, minima = BlockFactors of its groups                x 16 rows
//     carried[t] = BlockInputs::begin(acc[t])                              f32 x 16 rows
//     for section in the block
//       dot[g][t] = BlockInputs::start for group g in the section          i32 x 16 rows
//       for quad of group g: dot[g][t] += dot4(codes[16][4], x[t][4])      one VPDPBUSD each
//       for 32 inputs: carried[t] = BlockInputs::add(carried[t], dot[..][t])
//     acc[t] = BlockInputs::end(acc[t], carried[t])
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

/// Asks for what lies `distances` after the weights at `address`. TinyLlama Q4_K_M decoded at 0.52
/// of read bandwidth without, 0.80 with the far one and 0.89 with both (Emerald Rapids, 2 threads).
void prefetchAfter(Simd &b, Value address, const PrefetchDistances &distances) {
  if (distances.far)
    b.prefetch(b.at(address, distances.far), CacheLevel::Second);
  if (distances.near)
    b.prefetch(b.at(address, distances.near), CacheLevel::First);
}

/// A block whose words are loaded once each, in the order in which they lie, whatever the order in
/// which they are asked for. The processor's prefetchers follow ascending lines; LLVM would order
/// the loads of a long block otherwise (Q6_K ran at half of read bandwidth), so these are volatile.
/// What comes later is asked for beside each, as far ahead as the target says.
class OrderedWords {
public:
  explicit OrderedWords(TileBlock &block)
      : block(block), distances(scalesInIntegers(block.format) ? block.b.target.prefetch.busyStreams
                                                               : block.b.target.prefetch.streams) {}
  Value word(unsigned index) {
    uint32_t place = readingPlace(block.format, index);
    while (loaded.size() <= place) {
      uint32_t next = readingOrder(block.format)[loaded.size()];
      Value address = block.wordAddress(next);
      loaded.push_back(block.b.loadInOrder(block.b.i32x16, address, 64));
      prefetchAfter(block.b, address, distances);
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
  PrefetchDistances distances;
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
  void storeSums(ArrayRef<Value> sums) {
    for (auto [t, sum] : llvm::enumerate(sums))
      b.store(sum, b.at(acc, b.mul(accStride, static_cast<int64_t>(t))), 64);
  }
  Value blockCount() { return b.divU(columns, format.blockElements); }
  using BlockBody =
      std::function<void(TileBlock &weights, Value firstColumn, SmallVector<Value> &sums)>;
  void forBlocks(const BlockBody &body);
  /// Runs `body` for each section of the block at `weights`, and the columns it meets, with and for
  /// values it carries, one for each row.
  using SectionBody = std::function<void(TileBlock &weights, Value section, Value column,
                                         SmallVector<Value> &carried)>;
  SmallVector<Value> forSections(TileBlock &weights, Value firstColumn, SmallVector<Value> carried,
                                 const SectionBody &body);
  /// Asks for what comes after the lines that are the share of quad `quad` in its section's.
  void prefetchBeside(unsigned quad);
  /// What is carried through a block, of each row; of it in sections, whose factors go to memory.
  SmallVector<Value> straightBlock(OrderedWords &weights, Value column, SmallVector<Value> carried,
                                   const BlockFactors &factors);
  SmallVector<Value> blockOfSections(TileBlock &weights, Value column, SmallVector<Value> carried,
                                     Value memory);
  /// What the products of each row with weight group `group` begin with.
  SmallVector<Value> startDots(const BlockInputs &inputs, unsigned group);
  /// BlockInputs::add for each row; `dots` are those of the weight groups.
  void addDots(const BlockInputs &inputs, unsigned group, const BlockFactors &factors,
               ArrayRef<SmallVector<Value>> dots, SmallVector<Value> &carried);
  void dotQuad(Value codes, Value firstColumn, unsigned quad, MutableArrayRef<Value> dots);
  void multiplyAdd(Value weight, Value columnOffset, SmallVector<Value> &sums);

  /// Up to this many tokens a block is straight-line code. Sixteen registers are too few for two.
  unsigned straightTokens() { return b.target.vectorBits >= 512 ? 2 : 1; }
  bool isStraight = false; ///< Blocks of int8 products.
  static constexpr int64_t lineBytes = 64;
  static constexpr unsigned inputElements = ActivationRow::groupElements;
  unsigned sectionElements() { return format.blockElements / format.sections; }
  int64_t sectionBytes() { return format.words / format.sections * lineBytes; }

  Simd &b;
  const FormatInfo &format;
  Value tile, columns, acc, accStride;
  Bias bias;          ///< Of int8 inputs.
  Value sectionLines; ///< The section's share of the block's lines.
  SmallVector<Value> rows;
};

void DotEmitter::prefetchBeside(unsigned quad) {
  unsigned lines = format.words / format.sections, quads = sectionElements() / 4;
  for (unsigned line = quad * lines / quads; line < (quad + 1) * lines / quads; ++line)
    prefetchAfter(b, b.at(sectionLines, line * lineBytes), b.target.prefetch.loops);
}

void DotEmitter::forBlocks(const BlockBody &body) {
  storeSums(b.forCarry(b.i64c(0), blockCount(), 1, zeros(), [&](Value block, ValueRange carried) {
    SmallVector<Value> sums(carried);
    TileBlock weights = TileBlock::at(b, format, tile, block);
    body(weights, b.mul(block, format.blockElements), sums);
    return sums;
  }));
}

SmallVector<Value> DotEmitter::forSections(TileBlock &weights, Value firstColumn,
                                           SmallVector<Value> carried, const SectionBody &body) {
  return b.forCarry(b.i64c(0), b.i64c(format.sections), 1, carried,
                    [&](Value section, ValueRange outer) {
                      SmallVector<Value> inner(outer);
                      TileBlock shifted = weights;
                      shifted.section = section;
                      sectionLines = b.at(weights.words, b.mul(section, sectionBytes()));
                      Value column = b.add(firstColumn, b.mul(section, sectionElements()));
                      body(shifted, section, column, inner);
                      return inner;
                    });
}

void DotEmitter::emitQuantised() {
  bias = Bias(b, format);
  isStraight = rows.size() <= straightTokens();
  Value memory = isStraight ? Value() : b.scratch(BlockFactors::bytes(format));
  forBlocks([&](TileBlock &weights, Value column, SmallVector<Value> &sums) {
    OrderedWords words(weights);
    auto factors = isStraight ? BlockFactors::decoded(b, format, words)
                              : BlockFactors::stored(b, format, memory);
    BlockInputs inputs(b, format, bias, columns, column);
    auto carried = llvm::map_to_vector(sums, [&](Value sum) { return inputs.begin(sum); });
    if (isStraight)
      carried = straightBlock(words, column, carried, factors);
    else
      carried = blockOfSections(weights, column, carried, memory);
    for (auto [t, row] : llvm::enumerate(rows))
      sums[t] = inputs.end(sums[t], carried[t], factors, row);
  });
}

SmallVector<Value> DotEmitter::startDots(const BlockInputs &inputs, unsigned group) {
  return llvm::map_to_vector(rows, [&](Value row) { return inputs.start(group, row); });
}

SmallVector<Value> DotEmitter::straightBlock(OrderedWords &weights, Value column,
                                             SmallVector<Value> carried,
                                             const BlockFactors &factors) {
  DecodeOps ops{b, true};
  BlockInputs inputs(b, format, bias, columns, column);
  // VPMADDUBSW would saturate with codes times 16.
  bool mayShift = b.target.vnni;
  unsigned quads = sectionElements() / 4, groups = groupsPerInput(format);
  // A group's products, and those with codes that are `shifts` bits above their place.
  SmallVector<SmallVector<Value>> dots(format.groups()), shifted = dots;
  SmallVector<unsigned> shifts(format.groups(), 0);
  for (unsigned section = 0; section < format.sections; ++section) {
    for (unsigned quad : quadOrder(format).subspan(section * quads, quads)) {
      auto decoded = mayShift
                         ? decodeShiftedQuad(format.format, ops, weights, quad)
                         : ShiftedQuad<Value>{decodeQuad(format.format, ops, weights, quad), 0};
      unsigned group = quad * 4 / format.groupElements;
      if (dots[group].empty())
        dots[group] = startDots(inputs, group);
      if (decoded.shift && shifted[group].empty())
        shifted[group].assign(rows.size(), b.i32s(0));
      dotQuad(decoded.codes, column, quad, decoded.shift ? shifted[group] : dots[group]);
      shifts[group] = std::max(shifts[group], decoded.shift);
    }
    unsigned inSection = sectionElements() / inputElements;
    for (unsigned group = section * inSection; group < (section + 1) * inSection; ++group) {
      for (unsigned own = group * groups; own < (group + 1) * groups; ++own)
        for (auto [dot, high] : llvm::zip(dots[own], shifted[own]))
          dot = arith::AddIOp::create(b, dot, arith::ShRSIOp::create(b, high, b.i32s(shifts[own])));
      addDots(inputs, group, factors, ArrayRef(dots).slice(group * groups, groups), carried);
    }
  }
  return carried;
}

SmallVector<Value> DotEmitter::blockOfSections(TileBlock &weights, Value column,
                                               SmallVector<Value> carried, Value memory) {
  BlockFactors::decoded(b, format, weights).store(b, memory);
  unsigned groups = groupsPerInput(format), quads = format.groupElements / 4;
  int64_t sectionFactors = format.groups() / format.sections * BlockFactors::groupBytes;
  return forSections(
      weights, column, carried,
      [&](TileBlock &shifted, Value section, Value column, SmallVector<Value> &inner) {
        DecodeOps ops{b, true};
        BlockInputs inputs(b, format, bias, columns, column);
        auto factors =
            BlockFactors::stored(b, format, b.at(memory, b.mul(section, sectionFactors)));
        for (unsigned group = 0; group < sectionElements() / inputElements; ++group) {
          SmallVector<SmallVector<Value>> dots;
          for (unsigned own = group * groups; own < (group + 1) * groups; ++own) {
            dots.push_back(startDots(inputs, own));
            for (unsigned quad = own * quads; quad < (own + 1) * quads; ++quad) {
              prefetchBeside(quad);
              dotQuad(decodeQuad(format.format, ops, shifted, quad), column, quad, dots.back());
            }
          }
          addDots(inputs, group, factors, dots, inner);
        }
      });
}

/// Multiplies a quad of weights with the inputs `quad` quads after `firstColumn`.
void DotEmitter::dotQuad(Value codes, Value firstColumn, unsigned quad,
                         MutableArrayRef<Value> dots) {
  for (auto [t, row] : llvm::enumerate(rows)) {
    Value address = b.at(b.at(row, firstColumn), 4 * quad);
    // One load in its place keeps prefetches in theirs; LLVM would put them all in front.
    bool anchors = t == 0 && !isStraight;
    Value inputs = anchors ? b.loadInOrder(b.i32, address, 4) : b.load(b.i32, address, 4);
    dots[t] = b.dotBytes(dots[t], codes, inputs, format.codeBits);
  }
}

void DotEmitter::addDots(const BlockInputs &inputs, unsigned group, const BlockFactors &factors,
                         ArrayRef<SmallVector<Value>> dots, SmallVector<Value> &carried) {
  for (auto [t, row] : llvm::enumerate(rows)) {
    auto own = llvm::map_to_vector<2>(dots, [t = t](const auto &group) { return group[t]; });
    carried[t] = inputs.add(carried[t], group, own, factors, row);
  }
}

void DotEmitter::multiplyAdd(Value weight, Value columnOffset, SmallVector<Value> &sums) {
  for (auto [t, row] : llvm::enumerate(rows))
    sums[t] = b.fma(weight, b.splatF32At(b.at(row, columnOffset)), sums[t]);
}

void DotEmitter::emitDecoded() {
  DecodeOps ops{b, true};
  constexpr int64_t vectorBytes = lanes * 4, affineBytes = 2 * vectorBytes;
  Value affines = b.scratch(format.groups() * affineBytes); // [groups][scale, minus min]
  auto multiplySection = [&](TileBlock &weights, Value section, Value column,
                             SmallVector<Value> &sums) {
    Value start = b.mul(column, 4);
    Value own = b.at(affines, b.mul(section, format.groups() / format.sections * affineBytes));
    for (unsigned quad = 0; quad < sectionElements() / 4; ++quad) {
      Value affine = b.at(own, quad * 4 / format.groupElements * affineBytes);
      Value scale = b.load(b.f32x16, affine, vectorBytes);
      Value min = b.load(b.f32x16, b.at(affine, vectorBytes), vectorBytes);
      prefetchBeside(quad);
      Value codes = decodeQuad(format.format, ops, weights, quad);
      for (unsigned element = 0; element < 4; ++element) {
        Value code = ops.andI(ops.shrI(codes, 8 * element), ops.constant(0xFF));
        Value number = ops.toFloat(code);
        Value weight = hasHugeScales(format.format)
                           ? scaleUnbiased(format.format, ops, scale, number)
                           : b.fma(number, scale, min);
        multiplyAdd(weight, b.add(start, (4 * quad + element) * 4), sums);
      }
    }
  };
  forBlocks([&](TileBlock &weights, Value column, SmallVector<Value> &sums) {
    for (unsigned group = 0; group < format.groups(); ++group) {
      auto [scale, min] = decodeGroup(format.format, ops, weights, group);
      Value affine = b.at(affines, group * affineBytes);
      b.store(scale, affine, vectorBytes);
      b.store(arith::NegFOp::create(b, min), b.at(affine, vectorBytes), vectorBytes);
    }
    sums = forSections(weights, column, sums, multiplySection);
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
    prefetchAfter(b, b.at(tile, b.mul(index, lineBytes)), b.target.prefetch.streams);
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
