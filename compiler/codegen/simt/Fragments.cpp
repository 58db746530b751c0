#include "compiler/codegen/simt/Fragments.h"

#include "compiler/codegen/simt/DecodeOps.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tawny::simt {
namespace {

constexpr int64_t tileRows = simt32Layout.tileRows;
constexpr int64_t wordsPerLoad = simt32Layout.loadWords;
constexpr double weightScale = 64;

} // namespace

RunShape RunShape::of(Format format) {
  const FormatInfo &info = formatInfo(format);
  if (info.isHalfFloat())
    return {32, 16};
  switch (format) {
  case Format::Q4_0:
  case Format::Q4_1:
  case Format::Q5_0:
  case Format::Q5_1:
  case Format::IQ4_NL:
  case Format::IQ4_XS:
  case Format::MXFP4:
    return {16, 4};
  default:
    return {32, 8};
  }
}

bool fitsMatrix(const WeightShape &shape) {
  return shape.format != Format::F32 && shape.columns % 32 == 0;
}

int64_t matrixChunk(const WeightShape &shape) {
  // 128 weights are 4 to 16 loads of a lane; a block of 256 is taken whole.
  int64_t chunk = std::max<int64_t>(formatInfo(shape.format).blockElements, 128);
  while (shape.columns % chunk != 0)
    chunk /= 2;
  return chunk;
}

double sumScale(Format format) { return format == Format::F16 ? 1.0 : 1.0 / weightScale; }

FragmentRow::FragmentRow(Simt &b, const WeightShape &shape, const Matrix &matrix, Value tile,
                         Value row, Value part, Value chunk)
    : b(b), shape(shape), matrix(matrix), runs(RunShape::of(shape.format)), part(part) {
  const FormatInfo &info = formatInfo(shape.format);
  const int64_t elements = matrixChunk(shape);
  const auto blocks = static_cast<int64_t>(elements / info.blockElements);
  LaneRow own = rowOfTile(b, shape, tile, row);
  auto startOf = [&](Value offset, int64_t chunkBytes) {
    return b.at(b.at(tile, b.mul(chunk, chunkBytes * tileRows)), offset);
  };
  words = startOf(own.words, shape.wordsOf(elements) * 4);
  if (shape.looseWords() != 0)
    loose = startOf(own.loose, blocks * shape.looseWords() * 4);
  if (info.halfOffset >= 0)
    halves = startOf(own.halves, blocks * 2);
  // Words of a row come in fours, at a distance of all rows' fours.
  const int64_t share = runs.words / matrix.parts;
  if (matrix.parts == 1)
    partBytes = b.i32c(0);
  else if (share >= wordsPerLoad)
    partBytes = b.mul(part, share / wordsPerLoad * wordsPerLoad * 4 * tileRows);
  else
    partBytes = b.add(b.mul(b.divU(part, wordsPerLoad / share), wordsPerLoad * 4 * tileRows),
                      b.mul(b.remU(part, wordsPerLoad / share), share * 4));
}

Value FragmentRow::loadWords(int64_t first, int64_t count, Value laneBytes) {
  int64_t offset = first / wordsPerLoad * wordsPerLoad * 4 * tileRows + first % wordsPerLoad * 4;
  Value address = b.at(words, offset);
  if (laneBytes)
    address = b.at(address, laneBytes);
  return b.load(b.vectorOf(b.i32, count), address, static_cast<unsigned>(4 * count));
}

Value FragmentRow::looseWord(unsigned word, unsigned index) {
  Value &load = loadedLoose[block];
  if (!load)
    load = loadLoose(b, shape, loose, block);
  Value own = b.element(load, index);
  if (word != formatInfo(shape.format).fifthBitsWord() || matrix.parts == 1)
    return own;
  // The bits of a run's first quads are to be those of the lane's share of it.
  Value bits = b.mul(part, runs.weights / 4 / matrix.parts);
  return arith::ShRUIOp::create(b, own, bits);
}

Value FragmentRow::word(unsigned index) {
  const FormatInfo &info = formatInfo(shape.format);
  const LayoutInfo::Place place = simt32Layout.place(info, index);
  if (place.isLoose)
    return looseWord(index, place.index);
  const int64_t blockStart = block * shape.wordsOf(info.blockElements);
  const bool isCode = info.isFloat() || (index >= info.firstCodeWord && index < info.endCodeWord);
  // A lane's words of a run; every index that is asked for counts within its own share.
  const int64_t share = isCode ? runs.words / matrix.parts : wordsPerLoad;
  const int64_t width = std::min<int64_t>(share, wordsPerLoad);
  const int64_t start =
      isCode && !info.isFloat() ? simt32Layout.place(info, info.firstCodeWord).index : 0;
  const int64_t inCodes = place.index - start;
  const int64_t run = isCode ? inCodes / runs.words * runs.words : 0;
  const int64_t within = inCodes - run;
  const int64_t first = blockStart + start + run + within / width * width;
  Value &load = loaded[first];
  if (!load)
    load = loadWords(first, width, isCode && matrix.parts > 1 ? partBytes : Value());
  return b.element(load, within % width);
}

Value FragmentRow::half() {
  Value &bits = loadedHalves[block];
  if (!bits)
    bits = arith::ExtUIOp::create(b, b.i32, b.load(b.i16, b.at(halves, block * 2 * tileRows), 2));
  return bits;
}

/// A value of f32 as two equal f16, scaled.
Value FragmentRow::scalePair(Value scale) {
  Value narrow = arith::TruncFOp::create(b, b.f16, b.mulF(scale, b.f32c(weightScale)));
  return vector::BroadcastOp::create(b, b.vectorOf(b.f16, 2), narrow);
}

/// `first` for the lanes of the lower half of the parts, `second` for the others.
Value FragmentRow::select(Value first, Value second) {
  return b.select(b.below(part, matrix.parts / 2), first, second);
}

void FragmentRow::decodeAffine(int64_t run, int64_t quad, Value &scale, Value &negatedMin) {
  const FormatInfo &info = formatInfo(shape.format);
  DecodeOps ops{b};
  const int64_t runInBlock = run % (info.blockElements / runs.weights);
  auto group = [&](int64_t index) { return decodeGroup(shape.format, ops, *this, index); };
  if (info.groupElements >= runs.weights) {
    Affine<Value> affine = group(runInBlock * runs.weights / info.groupElements);
    scale = affine.scale;
    negatedMin = b.negF(affine.min);
    return;
  }
  // Two groups in a run: a lane's share lies in one of them, unless it has all of the run.
  const int64_t first = runInBlock * runs.weights / info.groupElements;
  Affine<Value> affine = group(first + quad * 4 / info.groupElements);
  if (matrix.parts > 1) {
    Affine<Value> second = group(first + 1);
    affine = {select(affine.scale, second.scale), select(affine.min, second.min)};
  }
  scale = affine.scale;
  negatedMin = b.negF(affine.min);
}

/// Codes `first` and `first + 1` of four as f16: a byte below the exponent of 1024 is that number
/// plus the code, exactly.
Value FragmentRow::pairOfCodes(Value codes, int64_t first) {
  uint32_t selector =
      static_cast<uint32_t>(first) | 4 << 8 | static_cast<uint32_t>(first + 1) << 16 | 4u << 24;
  Value pair = b.permuteBytes(b.i32c(0x64), codes, b.i32c(selector));
  Value biased = LLVM::BitcastOp::create(b, b.vectorOf(b.f16, 2), pair);
  auto bias = arith::ConstantOp::create(
      b, DenseElementsAttr::get(b.vectorOf(b.f16, 2), b.getF16FloatAttr(static_cast<float>(
                                                          1024 + formatInfo(shape.format).bias))));
  return b.subF(biased, bias);
}

/// Puts pairs of f16 together to operands of the matrix unit.
static SmallVector<Value> operandsOf(Simt &b, const Matrix &matrix, ArrayRef<Value> pairs) {
  const size_t perOperand = matrix.perLane() / 2;
  SmallVector<Value> operands;
  for (size_t first = 0; first < pairs.size(); first += perOperand) {
    SmallVector<Value> words;
    for (Value pair : pairs.slice(first, perOperand))
      words.push_back(LLVM::BitcastOp::create(b, b.i32, pair));
    Value joined = vector::FromElementsOp::create(
        b, b.vectorOf(b.i32, static_cast<int64_t>(perOperand)), words);
    operands.push_back(LLVM::BitcastOp::create(b, matrix.inputType(b), joined));
  }
  return operands;
}

/// The two weights of a word of F16, or of BF16, scaled.
Value FragmentRow::floatPair(Value word) {
  auto type = b.vectorOf(b.f16, 2);
  if (shape.format == Format::F16)
    return LLVM::BitcastOp::create(b, type, word);
  DecodeOps ops{b};
  SmallVector<Value> narrow;
  for (unsigned index : {0, 1}) {
    Value scaled = b.mulF(ops.halfOfWord(shape.format, word, index), b.f32c(weightScale));
    narrow.push_back(arith::TruncFOp::create(b, b.f16, scaled));
  }
  return vector::FromElementsOp::create(b, type, narrow);
}

SmallVector<Value> FragmentRow::floatRun(int64_t index) {
  SmallVector<Value> pairs;
  for (int64_t pair = 0; pair < runs.words / matrix.parts; ++pair)
    pairs.push_back(floatPair(word(index * runs.words + pair)));
  return operandsOf(b, matrix, pairs);
}

void FragmentRow::prefetch(int64_t index) {
  const FormatInfo &info = formatInfo(shape.format);
  const int64_t share = runs.words / matrix.parts;
  if (info.isFloat()) {
    for (int64_t first = 0; first < share; first += std::min(share, wordsPerLoad))
      word(index * runs.words + first);
    return;
  }
  const int64_t runsPerBlock = info.blockElements / runs.weights, current = block;
  block = index / runsPerBlock;
  DecodeOps ops{b};
  for (int64_t quad = 0; quad < runs.weights / 4 / matrix.parts; ++quad)
    decodeQuad(shape.format, ops, *this, index % runsPerBlock * runs.weights / 4 + quad);
  block = current;
}

SmallVector<Value> FragmentRow::run(int64_t index) {
  const FormatInfo &info = formatInfo(shape.format);
  if (info.isFloat())
    return floatRun(index);
  const int64_t runsPerBlock = info.blockElements / runs.weights;
  block = index / runsPerBlock;
  DecodeOps ops{b};
  SmallVector<Value> pairs;
  Value scale, negatedMin, scales, negatedMins;
  const int64_t quads = runs.weights / 4 / matrix.parts;
  for (int64_t quad = 0; quad < quads; ++quad) {
    if (quad * 4 % info.groupElements == 0) {
      decodeAffine(index, quad, scale, negatedMin);
      scales = scalePair(scale);
      if (info.bias == 0)
        negatedMins = scalePair(negatedMin);
    }
    int64_t quadInBlock = index % runsPerBlock * runs.weights / 4 + quad;
    Value codes = decodeQuad(shape.format, ops, *this, quadInBlock);
    for (int64_t first : {0, 2}) {
      Value pair = pairOfCodes(codes, first);
      pairs.push_back(negatedMins ? b.fma(pair, scales, negatedMins) : b.mulF(pair, scales));
    }
  }
  return operandsOf(b, matrix, pairs);
}

} // namespace tawny::simt
