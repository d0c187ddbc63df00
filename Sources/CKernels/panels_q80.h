// The int8 matrix product of several tokens: panels of LCK_PANEL_ROWS rows, transposed on the fly so that a lane
// is a row, shared by tiles of LCK_TILE_TOKENS_Q80 tokens. The scaled group sums of a row add up in ascending order.
#ifndef LLAMA_CHAT_PANELS_Q80_H
#define LLAMA_CHAT_PANELS_Q80_H

#include "CKernels.h"
#include "vector.h"

typedef int32_t i32xp __attribute__((vector_size(LCK_PANEL_WIDTH * 4)));
typedef float f32xp __attribute__((vector_size(LCK_PANEL_WIDTH * 4)));

enum {
  slab_steps = 128,  // dwords of a row taken at a time
  slab_bytes = slab_steps * 4,
  slab_groups = slab_steps,  // at most: no group is smaller than a dword
  block_tokens = 256,
  panel_vectors = LCK_PANEL_ROWS / LCK_PANEL_WIDTH,
};

// One slab of LCK_PANEL_ROWS rows, lane = row.
typedef struct {
  int32_t w[slab_steps][LCK_PANEL_ROWS] __attribute__((aligned(64)));
  float scales[slab_groups][LCK_PANEL_ROWS] __attribute__((aligned(64)));  // in blocks of sixteen groups
} panel;

// One slab of the input of some tokens.
typedef struct {
  const int8_t *values;
  const float *scales;
  const int32_t *offsets;
  size_t stride;  // from a token's values to the next one's
  size_t groups;  // the same for scales and offsets
} slab;

// MARK: - Packing

// Sixteen dwords of a row, or the first `bytes` and zeros, as `dot_step` takes them.
LCK_INLINE i32x16 dwords(const int8_t *from, size_t bytes) {
  if (bytes >= lanes * sizeof(int32_t)) return load_i32(from) ^ LCK_W_FLIP;
  int8_t padded[lanes * sizeof(int32_t)] = {0};
  memcpy(padded, from, bytes);
  return load_i32(padded) ^ LCK_W_FLIP;
}

// Sixteen dwords of each of sixteen rows, of which `count` exist, transposed into lanes `first`... of the panel.
LCK_INLINE void pack_block(panel *p, size_t step, size_t first, const int8_t *w, size_t count, size_t n,
                           size_t bytes) {
  i32x16 block[lanes];
  if (count == lanes && bytes >= sizeof block[0]) {
    LCK_UNROLL for (size_t r = 0; r < lanes; r++) block[r] = dwords(w + r * n, sizeof block[0]);
  } else {
    for (size_t r = 0; r < lanes; r++) block[r] = r < count ? dwords(w + r * n, bytes) : (i32x16){0};
  }
  transpose(block);
  LCK_UNROLL for (size_t s = 0; s < lanes; s++) memcpy(&p->w[step + s][first], &block[s], sizeof block[s]);
}

// The scales of `groups` groups of sixteen rows, of which `count` exist. `left` scales may be read from ws.
LCK_INLINE void pack_scales(panel *p, size_t first, const float *ws, size_t count, size_t stride, size_t groups,
                            size_t left) {
  for (size_t g = 0; g < groups; g += lanes) {
    i32x16 block[lanes];
    if (count == lanes && left >= (lanes - 1) * stride + g + lanes) {
      LCK_UNROLL for (size_t r = 0; r < lanes; r++) block[r] = (i32x16)load(ws + r * stride + g);
    } else {
      for (size_t r = 0; r < lanes; r++) {
        size_t from = r * stride + g;
        block[r] = r < count ? (i32x16)load_part(ws + from, smaller(left - from, lanes), 0) : (i32x16){0};
      }
    }
    transpose(block);
    LCK_UNROLL for (size_t i = 0; i < lanes; i++) memcpy(&p->scales[g + i][first], &block[i], sizeof block[i]);
  }
}

// `next` is what will be packed next: by then it is on its way.
LCK_INLINE void pack_weights(panel *p, const int8_t *w, size_t rows, size_t n, size_t bytes, const int8_t *next) {
  for (size_t first = 0; first < LCK_PANEL_ROWS; first += lanes) {
    size_t count = rows < first ? 0 : smaller(rows - first, lanes);
    for (size_t b = 0; b < bytes; b += sizeof(i32x16)) {
      for (size_t r = 0; r < lanes; r++) __builtin_prefetch(next + (first + r) * n + b, 0, 2);
      pack_block(p, b / sizeof(int32_t), first, w + first * n + b, count, n, bytes - b);
    }
  }
}

// MARK: - Multiplying

LCK_INLINE int32_t dword_at(const int8_t *from) {
  int32_t dword;
  memcpy(&dword, from, sizeof dword);
  return dword;
}

// One packed slab for `tokens` tokens, which is a constant at the call, as is `steps`, the dwords of a group, where
// it matters.
LCK_INLINE void tile_q80(float *out, size_t out_stride, const panel *p, size_t scales_at, const slab *x, size_t token,
                         size_t rows, size_t groups, const size_t steps, bool first, const size_t tokens) {
  const int8_t *values = x->values + token * x->stride;
  const float *scales = x->scales + token * x->groups;
  const int32_t *offsets = x->offsets + token * x->groups;
  f32xp sums[LCK_TILE_TOKENS_Q80][panel_vectors] = {{{0}}};
  if (!first) {
    if (rows == LCK_PANEL_ROWS) {
      LCK_UNROLL for (size_t t = 0; t < tokens; t++) memcpy(sums[t], out + t * out_stride, sizeof sums[t]);
    } else {
      for (size_t t = 0; t < tokens; t++) memcpy(sums[t], out + t * out_stride, rows * sizeof(float));
    }
  }
  for (size_t g = 0; g < groups; g++) {
    i32xp acc[LCK_TILE_TOKENS_Q80][panel_vectors];
    LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
      LCK_UNROLL for (size_t v = 0; v < panel_vectors; v++) {
        acc[t][v] = (i32xp){0} - (LCK_W_FLIP != 0 ? offsets[t * x->groups + g] : 0);
      }
    }
    const i32xp(*w)[panel_vectors] = (const i32xp(*)[panel_vectors])p->w[g * steps];
    const int8_t *from = values + g * steps * sizeof(int32_t);
    for (size_t s = 0; s < steps; s++) {
      LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
        int32_t xi = dword_at(from + t * x->stride + s * sizeof(int32_t));
        LCK_UNROLL for (size_t v = 0; v < panel_vectors; v++) acc[t][v] = dot_step(acc[t][v], w[s][v], xi);
      }
    }
    LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
      LCK_UNROLL for (size_t v = 0; v < panel_vectors; v++) {
        f32xp ws = ((const f32xp *)p->scales[scales_at + g])[v];
        sums[t][v] += (__builtin_convertvector(acc[t][v], f32xp) * ws) * scales[t * x->groups + g];
      }
    }
  }
  if (rows == LCK_PANEL_ROWS) {
    LCK_UNROLL for (size_t t = 0; t < tokens; t++) memcpy(out + t * out_stride, sums[t], sizeof sums[t]);
  } else {
    for (size_t t = 0; t < tokens; t++) memcpy(out + t * out_stride, sums[t], rows * sizeof(float));
  }
}

// All tokens of a block for one packed slab.
LCK_INLINE void tiles_q80(float *out, size_t out_stride, const panel *p, size_t scales_at, const slab *x, size_t rows,
                          size_t groups, const size_t steps, bool first, size_t tokens) {
  size_t t = 0;
#define LCK_TILE(count) \
  tile_q80(out + t * out_stride, out_stride, p, scales_at, x, t, rows, groups, steps, first, count)
  for (; t + LCK_TILE_TOKENS_Q80 <= tokens; t += LCK_TILE_TOKENS_Q80) LCK_TILE(LCK_TILE_TOKENS_Q80);
  switch (tokens - t) {
    case 1: LCK_TILE(1); break;
    case 2: LCK_TILE(2); break;
    case 3: LCK_TILE(3); break;
#if LCK_TILE_TOKENS_Q80 > 4
    case 4: LCK_TILE(4); break;
    case 5: LCK_TILE(5); break;
#endif
#if LCK_TILE_TOKENS_Q80 > 6
    case 6: LCK_TILE(6); break;
    case 7: LCK_TILE(7); break;
#endif
    default: break;
  }
#undef LCK_TILE
}

// Up to block_tokens tokens. `group` is a constant at the call where it matters.
LCK_INLINE void panels(float *out, size_t out_stride, const int8_t *w, const float *ws, const lck_quantized *x,
                       size_t token, size_t rows, size_t n, const size_t group, size_t tokens) {
  // Slabs of about the same size, so that packing one leaves time to fetch the next.
  const size_t groups = n / group, slabs = (n + slab_bytes - 1) / slab_bytes;
  const size_t most = smaller((groups + slabs - 1) / slabs, slab_bytes / group) * group;
  // Scales of a slab of few groups are packed for several slabs at once.
  const size_t scale_groups = (lanes + most / group - 1) / (most / group) * (most / group);
  panel p;
  for (size_t r = 0; r < rows; r += LCK_PANEL_ROWS) {
    size_t count = smaller(rows - r, LCK_PANEL_ROWS), scales_at = 0;
    for (size_t from = 0; from < n; from += most) {
      size_t bytes = smaller(n - from, most), g = from / group;
      const int8_t *here = w + r * n + from;
      pack_weights(&p, here, count, n, bytes, from + most < n ? here + most : w + (r + LCK_PANEL_ROWS) * n);
      if (g % scale_groups == 0) {
        scales_at = g;
        for (size_t first = 0; first < LCK_PANEL_ROWS; first += lanes) {
          size_t at = (r + first) * groups + g;
          pack_scales(&p, first, ws + at, count < first ? 0 : smaller(count - first, lanes), groups,
                      smaller(groups - g, scale_groups), first < count ? rows * groups - at : 0);
        }
      }
      slab xs = {x->values + token * x->stride + from, x->scales + token * groups + g, x->offsets + token * groups + g,
                 x->stride, groups};
      tiles_q80(out + r, out_stride, &p, g - scales_at, &xs, count, bytes / group, group / sizeof(int32_t), from == 0,
                tokens);
    }
  }
}

// The usual sizes of groups as constants.
static __attribute__((noinline)) LCK_TARGET void panels_q80(float *out, size_t out_stride, const int8_t *w,
                                                            const float *ws, const lck_quantized *x, size_t token,
                                                            size_t rows, size_t n, size_t group, size_t tokens) {
  switch (group) {
    case 64: panels(out, out_stride, w, ws, x, token, rows, n, 64, tokens); break;
    case 32: panels(out, out_stride, w, ws, x, token, rows, n, 32, tokens); break;
    default: panels(out, out_stride, w, ws, x, token, rows, n, group, tokens); break;
  }
}

#endif
