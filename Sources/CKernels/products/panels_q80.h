// The int8 matrix product of several tokens: panels of LCK_PANEL_ROWS rows, packed on the fly, shared by tiles of
// LCK_TILE_ROWS_Q80 of the rows and LCK_TILE_TOKENS_Q80 tokens. The scaled group sums of a row add up in ascending
// order. The header LCK_TILES_Q80, tiles_q80.h unless defined, has the order of a panel's bytes and the tiles.
#ifndef LLAMA_CHAT_PANELS_Q80_H
#define LLAMA_CHAT_PANELS_Q80_H

#include "CKernels.h"
#include "../vector/vector.h"

#ifndef LCK_TILE_ROWS_Q80
#define LCK_TILE_ROWS_Q80 LCK_PANEL_ROWS
#endif

typedef int32_t i32xp __attribute__((vector_size(LCK_PANEL_WIDTH * 4)));
typedef float f32xp __attribute__((vector_size(LCK_PANEL_WIDTH * 4)));

enum {
  slab_steps = 128,  // dwords of a row taken at a time
  slab_bytes = slab_steps * 4,
  slab_groups = slab_steps,  // at most: no group is smaller than a dword
  block_tokens = 256,
  panel_vectors = LCK_PANEL_ROWS / LCK_PANEL_WIDTH,
  tile_vectors = LCK_TILE_ROWS_Q80 / LCK_PANEL_WIDTH,
};

// One slab of LCK_PANEL_ROWS rows.
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

// What the slabs before added to a panel's outputs. Apart from the outputs themselves: rows of those are often a
// power of two apart, so that a few tokens' would fill the few places that caches have for them.
typedef float panel_sums[block_tokens][LCK_PANEL_ROWS];

#ifdef LCK_TILES_Q80
#include LCK_TILES_Q80
#else
#include "tiles_q80.h"
#endif

// MARK: - Packing

// Up to sixteen dwords of each of sixteen rows, of which `count` exist, for lanes `first`... of the panel.
LCK_INLINE void pack_block(panel *p, size_t step, size_t first, const int8_t *w, size_t count, size_t n,
                           size_t bytes) {
  int8_t padded[lanes][lanes * sizeof(int32_t)];
  if (count < lanes || bytes < sizeof padded[0]) {
    memset(padded, 0, sizeof padded);
    for (size_t r = 0; r < count; r++) memcpy(padded[r], w + r * n, smaller(bytes, sizeof padded[0]));
    w = padded[0];
    n = sizeof padded[0];
  }
  pack_rows(p, step, first, w, n);
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

// Up to block_tokens tokens. `group` is a constant at the call where it matters.
LCK_INLINE void panels(float *out, size_t out_stride, const int8_t *w, const float *ws, const lck_quantized *x,
                       size_t token, size_t rows, size_t n, const size_t group, size_t tokens) {
  // Slabs of about the same size, so that packing one leaves time to fetch the next.
  const size_t groups = n / group, slabs = (n + slab_bytes - 1) / slab_bytes;
  const size_t most = smaller((groups + slabs - 1) / slabs, slab_bytes / group) * group;
  // Scales of a slab of few groups are packed for several slabs at once.
  const size_t scale_groups = (lanes + most / group - 1) / (most / group) * (most / group);
  panel p;
  panel_sums sums __attribute__((aligned(64)));
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
      tiles_q80(sums, &p, g - scales_at, &xs, count, bytes / group, group / sizeof(int32_t), from == 0, tokens);
    }
    for (size_t t = 0; t < tokens; t++) memcpy(out + r + t * out_stride, sums[t], count * sizeof(float));
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
