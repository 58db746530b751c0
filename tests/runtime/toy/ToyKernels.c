/* Kernels of the toy model, with the signature that KernelAbi.h states. They are compiled without
 * the C library, as compiled models are. */
#include "ToyModel.h"

typedef int int32;
typedef unsigned uint32;
typedef long long int64;

#ifndef KERNEL
#define KERNEL __attribute__((visibility("default"))) void
#endif

static float *rowOf(void *kv, int32 layer, int32 isV, int32 slot) {
  char *base =
      (char *)kv + (int64)layer * TOY_LAYER_BYTES + (int64)isV * TOY_PAGES * TOY_PAGE_BYTES;
  return (float *)base + (int64)slot * TOY_ROW_FLOATS;
}

/* [weight, resident]: resident = 2 * weight. */
KERNEL toy_init(void *const *bindings, int64 begin, int64 end) {
  const float *weight = bindings[0];
  float *resident = bindings[1];
  for (int64 i = begin; i < end; ++i)
    resident[i] = 2 * weight[i];
}

/* [tokens, positions, kv_slots, kv]; a tile is a token. */
KERNEL toy_append(void *const *bindings, int64 begin, int64 end) {
  const int32 *tokens = bindings[0], *positions = bindings[1], *slots = bindings[2];
  for (int64 i = begin; i < end; ++i)
    for (int32 layer = 0; layer < TOY_LAYERS; ++layer) {
      rowOf(bindings[3], layer, 0, slots[i])[0] = (float)((tokens[i] + 1) * (layer + 1));
      rowOf(bindings[3], layer, 1, slots[i])[0] = (float)(positions[i] + 100 * layer);
      if (layer == 1 && tokens[i] == TOY_KV_POISON)
        rowOf(bindings[3], layer, 1, slots[i])[5] = 0 * (1e38f * 1e38f);
    }
}

/* [tokens, attention_blocks, block_tables, kv, hidden]; a tile is an attention block. */
KERNEL toy_attend(void *const *bindings, int64 begin, int64 end) {
  const int32 *tokens = bindings[0], *blocks = bindings[1], *tables = bindings[2];
  float *hidden = bindings[4];
  for (int64 i = begin; i < end; ++i) {
    const int32 *block = blocks + 4 * i;
    const int32 *pages = tables + (int64)block[0] * TOY_MAX_PAGES;
    for (int32 row = 0; row < block[2]; ++row) {
      uint32 hash = 1;
      for (int32 p = 0; p <= block[3] + row; ++p) {
        int32 slot = pages[p / TOY_PAGE_TOKENS] * TOY_PAGE_TOKENS + p % TOY_PAGE_TOKENS;
        hash = hash * 31 + (uint32)(rowOf(bindings[3], 0, 0, slot)[0] * 3);
        hash += (uint32)(rowOf(bindings[3], 1, 0, slot)[0] * 5);
        hash += (uint32)(rowOf(bindings[3], 0, 1, slot)[0] * 7);
        hash += (uint32)(rowOf(bindings[3], 1, 1, slot)[0] * 11);
      }
      float *out = hidden + (int64)(block[1] + row) * TOY_ROW_FLOATS;
      out[0] = (float)(hash & 0xffff);
      out[TOY_POISON_COLUMN] = tokens[block[1] + row] == TOY_POISON ? 1e38f * 1e38f : 0;
    }
  }
}

static void logits(void *const *bindings, int64 begin, int64 end, int32 mark) {
  const int32 *counts = bindings[0], *rows = bindings[1];
  const float *hidden = bindings[2], *weight = bindings[3], *resident = bindings[4];
  float *out = bindings[5];
  for (int64 i = begin; i < end; ++i) {
    float hash = hidden[(int64)rows[i] * TOY_ROW_FLOATS];
    out[i * TOY_VOCABULARY] = (float)(counts[0] + mark);
    for (int32 v = 1; v < TOY_VOCABULARY; ++v)
      out[i * TOY_VOCABULARY + v] =
          (float)(((uint32)hash * (uint32)v) & 0xffff) + weight[v % 16] + resident[v % 16];
  }
}

/* [counts, logit_rows, hidden, weight, resident, logits]; a tile is a row of logits. */
KERNEL toy_logits_step(void *const *bindings, int64 begin, int64 end) {
  logits(bindings, begin, end, 0);
}

KERNEL toy_logits_decode(void *const *bindings, int64 begin, int64 end) {
  logits(bindings, begin, end, TOY_DECODE_MARK);
}

/* [source, sink] */
KERNEL toy_read(void *const *bindings, int64 begin, int64 end) {
  const uint32 *source = bindings[0];
  uint32 sum = 0;
  for (int64 i = begin * (TOY_READ_TILE_BYTES / 4); i < end * (TOY_READ_TILE_BYTES / 4); ++i)
    sum ^= source[i];
  if (sum == 0x12345678)
    *(uint32 *)bindings[1] = sum;
}

/* [sink] */
KERNEL toy_peak(void *const *bindings, int64 begin, int64 end) {
  uint32 value = 1;
  for (int64 i = begin; i < end; ++i)
    for (int32 k = 0; k < TOY_PEAK_TILE_OPERATIONS / 64; ++k)
      value = value * 1664525 + 1013904223;
  if (value == 0x12345678)
    *(uint32 *)bindings[0] = value;
}
