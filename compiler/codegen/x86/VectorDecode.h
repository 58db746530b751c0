// Decode.h's operations on mlir::Values: 16 rows at once, or one.
#pragma once

#include "compiler/codegen/x86/Simd.h"
#include "dialects/formats/Decode.h"
#include "dialects/formats/Layouts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace tawny::x86 {

/// Int is vector<16xi32> or i32, Float the f32 of the same shape.
struct DecodeOps {
  using Int = Value;
  using Float = Value;
  Simd &b;
  bool wide; ///< 16 lanes, or a single one.

  Value constant(uint32_t value) { return wide ? b.i32s(value) : b.i32c(value); }
  Value constantF(float value) { return wide ? b.f32s(value) : b.f32c(value); }
  Value addI(Value x, Value y) { return mlir::arith::AddIOp::create(b, x, y); }
  Value andI(Value x, Value y) { return mlir::arith::AndIOp::create(b, x, y); }
  Value orI(Value x, Value y) { return mlir::arith::OrIOp::create(b, x, y); }
  Value xorI(Value x, Value y) { return mlir::arith::XOrIOp::create(b, x, y); }
  Value shlI(Value x, unsigned bits) {
    return bits == 0 ? x : mlir::arith::ShLIOp::create(b, x, constant(bits)).getResult();
  }
  Value shrI(Value x, unsigned bits) {
    return bits == 0 ? x : mlir::arith::ShRUIOp::create(b, x, constant(bits)).getResult();
  }
  Value lookup(Value nibbles, const CodeTable &table) { return b.lookupBytes(nibbles, table); }
  Value bitsToFloat(Value bits) {
    return mlir::arith::BitcastOp::create(b, wide ? Type(b.f32x16) : b.f32, bits);
  }
  Value toFloat(Value x) {
    return mlir::arith::SIToFPOp::create(b, wide ? Type(b.f32x16) : b.f32, x);
  }
  Value addF(Value x, Value y) { return b.addF(x, y); }
  Value mulF(Value x, Value y) { return b.mulF(x, y); }
  /// Weight `index` of the two of F16 or BF16 in a word.
  Value halfOfWord(Format format, Value word, unsigned index) {
    if (format == Format::F16)
      return halfToFloat(shrI(word, 16 * index));
    return bitsToFloat(index == 0 ? shlI(word, 16) : andI(word, constant(0xFFFF0000)));
  }
  Value halfToFloat(Value bits) {
    Value narrow = mlir::arith::TruncIOp::create(b, wide ? Type(b.vectorOf(b.i16)) : b.i16, bits);
    return b.toF32(
        mlir::arith::BitcastOp::create(b, wide ? Type(b.f16x16) : b.f16, narrow).getResult());
  }
};

/// One block of a tile of layout simd16: all 16 rows (`wide`), or the row whose lane the two base
/// addresses already point at.
struct TileBlock {
  Simd &b;
  const FormatInfo &format;
  bool wide;
  Value words;        ///< Address of the block's first word.
  Value halves;       ///< Address of the block's f16s, where the format has them.
  Value section = {}; ///< i64: quads of section 0 stand for those of this one.

  /// Block `block` (i64) of the tile at `tile`; of row `lane` (i64) alone, if there is one.
  static TileBlock at(Simd &b, const FormatInfo &format, Value tile, Value block, Value lane = {}) {
    OrderedBlocks blocks(format);
    Value pair = b.mul(b.divU(block, 2), static_cast<int64_t>(blocks.pairBytes()));
    Value odd = b.remU(block, 2);
    Value words = b.at(b.at(tile, static_cast<int64_t>(2 * blocks.halvesBytes)),
                       b.add(pair, b.mul(odd, static_cast<int64_t>(blocks.wordsBytes))));
    Value halves = b.at(tile, b.add(pair, b.mul(odd, static_cast<int64_t>(blocks.halvesBytes))));
    if (!lane)
      return {b, format, true, words, halves};
    return {b, format, false, b.at(words, b.mul(lane, 4)), b.at(halves, b.mul(lane, 2))};
  }

  Value wordAddress(unsigned index) {
    int64_t place = placeOf(index);
    Value address = b.at(words, place * 4 * lanes);
    if (uint32_t stride = section ? format.sectionStride(index) : 0)
      address = b.at(address, b.mul(section, (placeOf(index + stride) - place) * 4 * lanes));
    return address;
  }
  Value word(unsigned index) {
    Value address = wordAddress(index);
    Value loaded = wide ? b.load(b.i32x16, address, 64) : b.load(b.i32, address, 4);
    if (uint32_t shift = section ? format.sectionShift(index) : 0)
      loaded = mlir::arith::ShRUIOp::create(b, loaded, sectionBits(shift));
    return loaded;
  }
  Value half() {
    Type narrow = wide ? Type(b.vectorOf(b.i16)) : b.i16;
    Value bits = b.load(narrow, halves, wide ? 32 : 2);
    return mlir::arith::ExtUIOp::create(b, wide ? Type(b.i32x16) : b.i32, bits);
  }

private:
  int64_t placeOf(unsigned word) { return simd16Layout.place(format, word).index; }
  /// section * bits, in each lane.
  Value sectionBits(uint32_t bits) {
    Value count = mlir::arith::TruncIOp::create(b, b.i32, b.mul(section, int64_t{bits}));
    return wide ? b.splat(count) : count;
  }
};

} // namespace tawny::x86
