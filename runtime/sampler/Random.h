// Random numbers that are the same on every machine.
#pragma once

#include <cstdint>

namespace tawny {

/// xoshiro256** 1.0, seeded by SplitMix64: D. Blackman and S. Vigna, "Scrambled Linear
/// Pseudorandom Number Generators", ACM TOMS 47 (2021), doi:10.1145/3460772.
class RandomGenerator {
public:
  explicit RandomGenerator(uint64_t seed) {
    for (uint64_t &word : state) {
      seed += 0x9e3779b97f4a7c15;
      uint64_t mixed = seed;
      mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
      mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
      word = mixed ^ mixed >> 31;
    }
  }

  uint64_t next() {
    uint64_t result = rotate(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
  }

  /// Uniform in [0, 1): a multiple of 2^-53.
  double nextUniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

private:
  static uint64_t rotate(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

  uint64_t state[4];
};

} // namespace tawny
