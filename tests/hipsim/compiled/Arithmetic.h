// Functions of one work-item that mean the same on any processor. OpenCL C and C++ both compile
// this file: clang's code for the host says what its code for the GPU must compute.
#pragma once

#if defined(__OPENCL_C_VERSION__)
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#define GLOBAL global
typedef half Half;
#else
#define GLOBAL
typedef _Float16 Half;
#endif

typedef unsigned char Byte;
typedef Half Half2 __attribute__((ext_vector_type(2)));
typedef short Short2 __attribute__((ext_vector_type(2)));

// An item's results, and its operands, of which there are four, lie side by side.
enum { Results = 16, Operands = 4, Items = 64 };

static inline void ints(int item, GLOBAL int *out, GLOBAL const int *in) {
  in += item * Operands;
  int x = in[0], y = in[1] | 1;
  unsigned u = x, v = y;
  out += item * Results;
  out[0] = y == -1 ? x : x / y;
  out[1] = y == -1 ? 0 : x % y;
  out[2] = u / v;
  out[3] = u % v;
  out[4] = __builtin_popcount(u);
  out[5] = __builtin_clz(u | 1);
  out[6] = __builtin_ctz(u | 1);
  out[7] = x > y ? x : y;
  out[8] = __builtin_bitreverse32(u);
  out[9] = u << 7 | u >> 25;
  out[10] = (short)x * (short)y;
  out[11] = u << (v & 31);
  out[12] = x >> (v & 31);
  out[13] = __builtin_elementwise_add_sat(x, y);
  out[14] = __builtin_elementwise_sub_sat(u, v);
  out[15] = u * v + (u >> 16 & 0xff);
}

static inline void longs(int item, GLOBAL long *out, GLOBAL const long *in) {
  in += item * Operands;
  long x = in[0] | 1, y = in[1] | 1;
  unsigned long u = x, v = y;
  out += item * Results;
  out[0] = y == -1 ? x : x / y;
  out[1] = y == -1 ? 0 : x % y;
  out[2] = u / v;
  out[3] = u * v;
  out[4] = u << (v & 63);
  out[5] = x >> (v & 63);
  out[6] = u >> (v & 63);
  out[7] = x < y ? x : y;
  out[8] = __builtin_popcountl(u);
  out[9] = __builtin_clzl(u);
  out[10] = u + v;
  out[11] = u - v;
  out[12] = (x ^ y) & (u | v);
  out[13] = (long)(int)x * (int)y;
  out[14] = (u & 0xffffffff) * (v & 0xffffffff);
  out[15] = x == y;
}

static inline void shorts(int item, GLOBAL short *out, GLOBAL const short *in) {
  in += item * Operands;
  short x = in[0], y = in[1] | 1;
  Short2 pair = {x, in[2]}, other = {y, in[3]};
  Short2 sum = pair + other, product = pair * other;
  Short2 least = __builtin_elementwise_min(pair, other), shifted = pair >> (other & (short)15);
  out += item * Results;
  out[0] = x / y;
  out[1] = x * y + x;
  out[2] = (unsigned short)x >> (y & 15);
  out[3] = x > y ? x : y;
  out[4] = sum.x;
  out[5] = sum.y;
  out[6] = product.x;
  out[7] = product.y;
  out[8] = least.x;
  out[9] = least.y;
  out[10] = shifted.x;
  out[11] = shifted.y;
  out[12] = (signed char)x * (signed char)y;
  out[13] = (Byte)x / (Byte)y;
  out[14] = (Byte)(x + y);
  out[15] = x << (y & 15);
}

static inline void floats(int item, GLOBAL float *out, GLOBAL const float *in) {
  in += item * Operands;
  float x = in[0], y = in[1], z = in[2];
  out += item * Results;
  out[0] = x + y;
  out[1] = x * y;
  out[2] = x / y;
  out[3] = __builtin_sqrtf(x);
  out[4] = __builtin_fmaf(x, y, z);
  out[5] = __builtin_floorf(x);
  out[6] = __builtin_ceilf(x) + __builtin_truncf(y);
  out[7] = __builtin_rintf(x);
  out[8] = __builtin_roundf(x);
  out[9] = __builtin_copysignf(x, y);
  out[10] = x < y ? x : z;
  out[11] = __builtin_isnan(x) ? 1.0f : __builtin_fabsf(y);
  out[12] = (float)(int)__builtin_fmaxf(__builtin_fminf(x, 1e9f), -1e9f);
  out[13] = (float)(unsigned)__builtin_fmaxf(__builtin_fminf(x, 1e9f), 0.0f);
  out[14] = __builtin_ldexpf(x, item - 32);
  out[15] = (float)(Half)x;
}

static inline void doubles(int item, GLOBAL double *out, GLOBAL const double *in) {
  in += item * Operands;
  double x = in[0], y = in[1], z = in[2];
  out += item * Results;
  out[0] = x + y;
  out[1] = x * y;
  out[2] = x / y;
  out[3] = __builtin_sqrt(x);
  out[4] = __builtin_fma(x, y, z);
  out[5] = __builtin_floor(x);
  out[6] = __builtin_trunc(x);
  out[7] = __builtin_rint(x);
  out[8] = (float)x;
  out[9] = x <= y ? 1.0 : z;
  out[10] = (int)__builtin_fmax(__builtin_fmin(x, 1e9), -1e9);
  out[11] = __builtin_fabs(x) - y;
  out[12] = __builtin_fmin(x, 2.0 * y);
  out[13] = __builtin_ldexp(x, item - 32);
  out[14] = -x;
  out[15] = (double)(float)y;
}

static inline void halves(int item, GLOBAL Half *out, GLOBAL const Half *in) {
  in += item * Operands;
  Half x = in[0], y = in[1], z = in[2];
  Half2 pair = {x, y}, other = {z, in[3]};
  Half2 sum = pair + other, product = pair * other, turned = pair.yx - other;
  out += item * Results;
  out[0] = x + y;
  out[1] = x * y;
  out[2] = x - y;
  out[3] = x < y ? x : -z;
  out[4] = (Half)((float)x - 3.0f);
  out[5] = (Half)(float)item;
  out[6] = sum.x;
  out[7] = sum.y;
  out[8] = product.x;
  out[9] = product.y;
  out[10] = turned.x;
  out[11] = turned.y;
  out[12] = (Half)__builtin_fmaf((float)x, (float)y, (float)z);
  out[13] = (Half)((float)x + (float)y * 0.5f);
  out[14] = x == y ? x : z;
  out[15] = (Half)(short)__builtin_fmaxf(__builtin_fminf((float)x, 9999.0f), -9999.0f);
}

// Control flow, memory that is private to an item, and loads of many widths.
static inline void flow(int item, GLOBAL int *out, GLOBAL const int *in) {
  int table[40], sum = 0;
  Byte bytes[64];
  for (int i = 0; i < 40; ++i)
    table[i] = in[item + i] & 31;
  for (int i = 0; i < 64; ++i)
    bytes[i] = (Byte)in[i];
  for (int i = 0; i < (in[item] & 63); ++i) {
    if ((in[i] & 15) == 3)
      break;
    if (in[i] & 1)
      continue;
    sum += in[i] * i;
    table[(table[i & 31] + i) & 31] += i;
  }
  switch (in[item] & 7) {
  case 0:
    sum = 1;
    break;
  case 1:
    sum *= 2;
    break;
  case 3:
    sum ^= 5;
    break;
  default:
    sum -= 3;
  }
  bytes[in[item + 1] & 63] = 1;
  out += item * Results;
  for (int i = 0; i < 13; ++i)
    out[i] = table[i * 3];
  out[13] = sum;
  out[14] = bytes[in[item + 2] & 63];
  while (sum > 3)
    sum /= 2;
  out[15] = sum;
}
