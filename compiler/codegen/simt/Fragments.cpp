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

/// The words of a block that hold codes: [first, end). The others hold scales.
struct CodeWords {
  int64_t first, end;
};
CodeWords codeWords(Format format) {
  const FormatInfo &info = formatInfo(format);
  switch (format) {
  case Format::Q4_K:
    return {4, info.words};
  case Format::Q6_K:
    return {0, 48};
  default: // All words of a block, or of a row of plain floats.
    return {0, INT64_MAX};
  }
}

/// What is subtracted from the codes of a format whose minimum is scale times a constant; 0 where
/// the minimum is its own.
int64_t codeBias(Format format) {
  switch (format) {
  case Format::Q4_0:
    return 8;
  case Format::Q8_0:
    return 128;
  case Format::Q6_K:
    return 32;
  default:
    return 0;
  }
}

} // namespace

RunShape RunShape::of(Format format) {
  switch (format) {
  case Format::Q4_0:
    return {16, 4};
  case Format::F16:
    return {32, 16};
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

double sumScale(Format format) { return formatInfo(format).isFloat() ? 1.0 : 1.0 / weightScale; }

FragmentRow::FragmentRow(Simt &b, const WeightShape &shape, const Matrix &matrix, Value tile,
                         Value row, Value part, Value chunk)
    : b(b), shape(shape), matrix(matrix), runs(RunShape::of(shape.format)), part(part) {
  const FormatInfo &info = formatInfo(shape.format);
  const int64_t chunkWords = static_cast<int64_t>(info.rowWords(matrixChunk(shape)));
  const int64_t chunkHalves = static_cast<int64_t>(info.rowHalves(matrixChunk(shape)));
  words = b.at(b.at(tile, b.mul(chunk, chunkWords * 4 * tileRows)), b.mul(row, wordsPerLoad * 4));
  if (info.halfOffset >= 0) {
    int64_t plane = static_cast<int64_t>(tileWordsBytes(simt32Layout, info, shape.columns));
    halves =
        b.at(b.at(tile, b.add(b.mul(chunk, chunkHalves * 2 * tileRows), plane)), b.mul(row, 2));
  }
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

Value FragmentRow::word(unsigned index) {
  const CodeWords codes = codeWords(shape.format);
  const int64_t blockStart = block * formatInfo(shape.format).words;
  const bool isCode = index >= codes.first && index < codes.end;
  // A lane's words of a run; every index that is asked for counts within its own share.
  const int64_t share = isCode ? runs.words / matrix.parts : wordsPerLoad;
  const int64_t width = std::min<int64_t>(share, wordsPerLoad);
  const int64_t start = isCode ? codes.first : 0;
  const int64_t run = isCode ? (index - start) / runs.words * runs.words : 0;
  const int64_t within = isCode ? (index - start) % runs.words : index;
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
  if (matrix.parts == 1)
    scale = group(first + quad * 4 / info.groupElements).scale;
  else
    scale = select(group(first).scale, group(first + 1).scale);
}

/// Codes `first` and `first + 1` of four as f16: a byte below the exponent of 1024 is that number
/// plus the code, exactly.
Value FragmentRow::pairOfCodes(Value codes, int64_t first) {
  Value pair;
  if (b.backend.permuteBytes) {
    uint32_t selector =
        static_cast<uint32_t>(first) | 4 << 8 | static_cast<uint32_t>(first + 1) << 16 | 4u << 24;
    pair = b.backend.permuteBytes(b, b.getLoc(), b.i32c(0x64), codes, selector);
  } else {
    auto type = b.vectorOf(b.i8, 4);
    Value exponent =
        arith::ConstantOp::create(b, DenseElementsAttr::get(type, b.getI8IntegerAttr(0x64)));
    pair = vector::ShuffleOp::create(b, LLVM::BitcastOp::create(b, type, codes), exponent,
                                     ArrayRef<int64_t>{first, 4, first + 1, 5});
  }
  Value biased = LLVM::BitcastOp::create(b, b.vectorOf(b.f16, 2), pair);
  auto bias = arith::ConstantOp::create(
      b,
      DenseElementsAttr::get(b.vectorOf(b.f16, 2),
                             b.getF16FloatAttr(static_cast<float>(1024 + codeBias(shape.format)))));
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

SmallVector<Value> FragmentRow::floatRun(int64_t index) {
  SmallVector<Value> pairs;
  for (int64_t pair = 0; pair < runs.words / matrix.parts; ++pair)
    pairs.push_back(
        LLVM::BitcastOp::create(b, b.vectorOf(b.f16, 2), word(index * runs.words + pair)));
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
      if (codeBias(shape.format) == 0)
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
