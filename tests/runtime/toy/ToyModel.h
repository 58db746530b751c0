// Sizes of the toy model, for the kernels in C and the tests in C++. Its "logits" are a hash of
// what the sequence's KV pages hold, so any mix-up of tokens, positions, pages or rows changes
// them. All values are whole numbers below 2^24 and therefore exact in f32.
#pragma once

enum {
  TOY_VOCABULARY = 32,
  TOY_LAYERS = 2,
  TOY_ROW_FLOATS = 16,
  TOY_PAGE_TOKENS = 4,
  TOY_PAGES = 16,
  TOY_PAGE_BYTES = TOY_PAGE_TOKENS * TOY_ROW_FLOATS * 4,
  TOY_LAYER_BYTES = TOY_PAGES * 2 * TOY_PAGE_BYTES,
  TOY_MAX_CONTEXT = 40,
  TOY_MAX_PAGES = TOY_MAX_CONTEXT / TOY_PAGE_TOKENS,
  TOY_STEP_TOKENS = 16,
  TOY_STEP_SEQUENCES = 3,
  TOY_STEP_LOGIT_ROWS = 4,
  TOY_STEP_BLOCKS = 6,
  TOY_BLOCK_ROWS = 3,
  /* This token makes the attend kernel write an infinity to column TOY_POISON_COLUMN of its row. */
  TOY_POISON = 31,
  TOY_POISON_COLUMN = 3,
  /* This one makes the append kernel write a NaN to the values of layer 1. */
  TOY_KV_POISON = 30,
  /* Column 0 of a row of logits tells how many tokens its part had; decode programs add this. */
  TOY_DECODE_MARK = 1000,
  TOY_READ_TILE_BYTES = 64,
  TOY_PEAK_TILE_OPERATIONS = 1 << 26
};
