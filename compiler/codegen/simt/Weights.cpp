#include "compiler/codegen/simt/Weights.h"

#include "compiler/codegen/simt/DecodeOps.h"

using namespace mlir;

namespace tawny::simt {
namespace {

constexpr int64_t tileRows = simt32Layout.tileRows;
constexpr int64_t loadBytes = simt32Layout.loadWords * 4;

} // namespace

int64_t WeightShape::tileBytes() const {
  return static_cast<int64_t>(tawny::tileBytes(simt32Layout, formatInfo(format), columns));
}

int64_t WeightShape::wordsOf(int64_t elements) const {
  return static_cast<int64_t>(simt32Layout.rowWords(formatInfo(format), elements));
}

int64_t WeightShape::looseWords() const { return simt32Layout.looseWords(formatInfo(format)); }

int64_t WeightShape::looseOffset() const {
  return static_cast<int64_t>(tileWordsBytes(simt32Layout, formatInfo(format), columns));
}

int64_t WeightShape::halvesOffset() const {
  return static_cast<int64_t>(tileHalvesOffset(simt32Layout, formatInfo(format), columns));
}

int64_t WeightShape::chunkElements() const {
  // Eight loads of 16 bytes in flight per lane, about as many as a Q4_K block has.
  const FormatInfo &info = formatInfo(format);
  if (info.isHalfFloat())
    return 64;
  return info.isFloat() ? 32 : info.blockElements;
}

Value loadLoose(Simt &b, const WeightShape &shape, Value address, int64_t block) {
  const int64_t words = shape.looseWords(), bytes = words * 4;
  return b.load(b.vectorOf(b.i32, words), b.at(address, block * tileRows * bytes),
                words == 2 ? 8 : 4);
}

LaneRow rowOfTile(Simt &b, const WeightShape &shape, Value tile, Value row) {
  return {tile, b.mul(row, loadBytes),
          b.add(b.mul(row, shape.looseWords() * 4), shape.looseOffset()),
          b.add(b.mul(row, 2), shape.halvesOffset())};
}

LaneRow laneRow(Simt &b, const WeightShape &shape, Value weight, Value firstRow, Value lastRow,
                bool isAligned) {
  Value lane = b.remU(b.lane(), tileRows), firstTile = b.divU(firstRow, tileRows);
  Value row = b.minU(b.add(firstRow, lane), lastRow);
  Value tile = b.at(weight, b.mul(b.toI64(firstTile), shape.tileBytes()));
  LaneRow own = rowOfTile(b, shape, tile, b.remU(row, tileRows));
  if (!isAligned) { // some lanes are on the next tile
    Value skip = b.mul(b.sub(b.divU(row, tileRows), firstTile), shape.tileBytes());
    for (Value *offset : {&own.words, &own.loose, &own.halves})
      *offset = b.add(*offset, skip);
  }
  return own;
}

WeightChunk::WeightChunk(Simt &b, const WeightShape &shape, const LaneRow &row, Value chunk,
                         int64_t elements)
    : b(b), shape(shape), elements(elements) {
  const FormatInfo &info = formatInfo(shape.format);
  int64_t chunkWords = shape.wordsOf(shape.chunkElements()), words = shape.wordsOf(elements);
  Value base = b.at(row.tile, b.add(row.words, b.mul(chunk, chunkWords * 4 * tileRows)));
  // Not loadConstant: LLVM would move a lone chunk out of the loop over tokens, and hundreds of
  // decoded weights with it.
  for (int64_t word = 0; word < words; word += simt32Layout.loadWords)
    loads.push_back(b.load(b.vectorOf(b.i32, simt32Layout.loadWords),
                           b.at(base, word * 4 * tileRows), loadBytes));
  if (int64_t bytes = shape.looseWords() * 4)
    loose =
        loadLoose(b, shape, b.at(row.tile, b.add(row.loose, b.mul(chunk, bytes * tileRows))), 0);
  if (info.halfOffset >= 0) {
    Value address = b.at(row.tile, b.add(row.halves, b.mul(chunk, 2 * tileRows)));
    halfBits = arith::ExtUIOp::create(b, b.i32, b.load(b.i16, address, 2));
  }
}

Value WeightChunk::word(unsigned index) {
  LayoutInfo::Place place = simt32Layout.place(formatInfo(shape.format), index);
  if (place.isLoose)
    return b.element(loose, place.index);
  constexpr uint32_t loadWords = simt32Layout.loadWords;
  return b.element(loads[place.index / loadWords], place.index % loadWords);
}

void WeightChunk::decodeFloats(Use use) {
  DecodeOps ops{b};
  for (int64_t index = 0; index < elements; ++index) {
    if (shape.format == Format::F32)
      use(index, arith::BitcastOp::create(b, b.f32, word(index)));
    else
      use(index, ops.halfOfWord(shape.format, word(index / 2), index % 2));
  }
}

void WeightChunk::decode(Use use) {
  if (formatInfo(shape.format).isFloat())
    return decodeFloats(use);
  DecodeOps ops{b};
  const int64_t groupElements = formatInfo(shape.format).groupElements;
  Value scale, negatedMin;
  for (int64_t index = 0; index < elements; index += 4) {
    if (index % groupElements == 0) {
      Affine<Value> affine = decodeGroup(shape.format, ops, *this, index / groupElements);
      scale = affine.scale;
      negatedMin = b.negF(affine.min);
    }
    Value codes = decodeQuad(shape.format, ops, *this, index / 4);
    for (unsigned byte = 0; byte < 4; ++byte) {
      Value code = ops.toFloat(ops.andI(ops.shrI(codes, 8 * byte), ops.constant(255)));
      use(index + byte, hasHugeScales(shape.format) ? scaleUnbiased(shape.format, ops, scale, code)
                                                    : b.fma(scale, code, negatedMin));
    }
  }
}

} // namespace tawny::simt
