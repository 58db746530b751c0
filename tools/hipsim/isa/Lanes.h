// Loops over the 32 lanes of a block. An operation is a function of one lane's values; its
// parameter types say how registers are read: 16-bit types from the low half, 64-bit ones from two
// rows. The loops are written for the vectoriser: no aliasing but that of a lane with itself.
#pragma once

#include "tools/hipsim/isa/Floats.h"
#include "tools/hipsim/isa/OpTable.h"

#include <bit>
#include <cstdint>
#include <type_traits>
#include <utility>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__clang__)
#define HIPSIM_LANE_LOOP _Pragma("clang loop vectorize(assume_safety)")
#else
#define HIPSIM_LANE_LOOP _Pragma("GCC ivdep")
#endif

namespace tawny::hipsim {

template <typename T> inline T readLane(const uint32_t *row, unsigned lane) {
  if constexpr (sizeof(T) == 8)
    return std::bit_cast<T>(row[lane] | uint64_t(row[lane + blockLanes]) << 32);
  else if constexpr (sizeof(T) == 4)
    return std::bit_cast<T>(row[lane]);
  else
    return std::bit_cast<T>(static_cast<uint16_t>(row[lane]));
}

template <typename T> inline void writeLane(uint32_t *row, unsigned lane, T value) {
  if constexpr (sizeof(T) == 8) {
    auto bits = std::bit_cast<uint64_t>(value);
    row[lane] = static_cast<uint32_t>(bits);
    row[lane + blockLanes] = static_cast<uint32_t>(bits >> 32);
  } else if constexpr (sizeof(T) == 4) {
    row[lane] = std::bit_cast<uint32_t>(value);
  } else {
    row[lane] = std::bit_cast<uint16_t>(value);
  }
}

/// One bit per lane from rows of zero and not zero.
inline uint32_t packMask(const uint32_t *row) {
  uint32_t mask = 0;
#if defined(__AVX2__)
  for (unsigned group = 0; group < 4; ++group) {
    __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(row + size_t(8) * group));
    __m256i zero = _mm256_cmpeq_epi32(values, _mm256_setzero_si256());
    mask |= (~uint32_t(_mm256_movemask_ps(_mm256_castsi256_ps(zero))) & 0xff) << (8 * group);
  }
#else
  for (unsigned lane = 0; lane < blockLanes; ++lane)
    mask |= uint32_t(row[lane] != 0) << lane;
#endif
  return mask;
}

/// A value and its lane's bit of a mask.
template <typename T> struct WithBit {
  T value;
  bool bit;
};

namespace detail {
template <typename T> struct Signature;
template <typename R, typename... A> struct Signature<R (*)(A...)> {
  using Result = R;
  template <auto F, size_t... I>
  static R call(const LaneArgs &args, unsigned lane, std::index_sequence<I...>) {
    return F(readLane<A>(args.s[I], lane)...);
  }
  static constexpr auto indices = std::index_sequence_for<A...>{};
};
template <typename T> struct IsWithBit : std::false_type {};
template <typename T> struct IsWithBit<WithBit<T>> : std::true_type {};
} // namespace detail

/// A LaneFn from a function of one lane. Its result is a value, a bool (a compare: the mask alone)
/// or a value with a bit.
template <auto F> uint32_t each(const LaneArgs &args) {
  constexpr auto function = +F;
  using Traits = detail::Signature<std::remove_const_t<decltype(function)>>;
  using Result = typename Traits::Result;
  if constexpr (std::is_same_v<Result, bool>) {
    alignas(64) uint32_t bits[blockLanes];
    HIPSIM_LANE_LOOP
    for (unsigned lane = 0; lane < blockLanes; ++lane)
      bits[lane] = Traits::template call<function>(args, lane, Traits::indices);
    return packMask(bits);
  } else if constexpr (detail::IsWithBit<Result>::value) {
    alignas(64) uint32_t bits[blockLanes];
    HIPSIM_LANE_LOOP
    for (unsigned lane = 0; lane < blockLanes; ++lane) {
      Result result = Traits::template call<function>(args, lane, Traits::indices);
      writeLane(args.d, lane, result.value);
      bits[lane] = result.bit;
    }
    return packMask(bits);
  } else {
    HIPSIM_LANE_LOOP
    for (unsigned lane = 0; lane < blockLanes; ++lane)
      writeLane(args.d, lane, Traits::template call<function>(args, lane, Traits::indices));
    return 0;
  }
}

/// As each(), for a function that also has the lane's bit of the mask that came in, first.
template <auto F> uint32_t eachMasked(const LaneArgs &args) {
  alignas(64) uint32_t in[blockLanes];
  HIPSIM_LANE_LOOP
  for (unsigned lane = 0; lane < blockLanes; ++lane)
    in[lane] = args.mask >> lane & 1;
  LaneArgs shifted = args;
  shifted.s[0] = in;
  for (unsigned i = 0; i < 3; ++i)
    shifted.s[i + 1] = args.s[i];
  return each<F>(shifted);
}

/// As each(), with the clamp modifier choosing between two functions.
template <auto F, auto Clamped> uint32_t eachClamped(const LaneArgs &args) {
  return args.clamp ? each<Clamped>(args) : each<F>(args);
}

/// A row of an arithmetic operation's table. `signature` lists results, `=`, sources, each a type:
/// b16 f16 bf16 b32 f32 b64 f64, pk16 pkf16 pkbf16 pkf32 pkb32, mix, mask; c16, c32 and cpk16 are
/// integers that clamp saturates. `+` is a source that is the destination, `vcc` the register
/// without being written down, `exec` a compare's result.
struct VectorOp {
  std::string_view names, signature;
  LaneFn lanes;
  InstructionClass kind = InstructionClass::Valu;
  uint8_t rate = 1; ///< cycles per 32 lanes
};

/// The PrepareFn of these tables.
std::string prepareVector(AsmText &line, const void *entry, const DecodeContext &context,
                          Instruction &out);

} // namespace tawny::hipsim
