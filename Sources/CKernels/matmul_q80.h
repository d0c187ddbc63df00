// The int8 matrix product of one instruction set, around the few operations its file provides:
//
//   group_sums(w, x, offsets, count, group)  exact sums of up to 16 groups of 64 or 32 products
//   x_offsets(offsets, x, count, group)      what group_sums needs to know of x
//   dwords(from)                             LCK_DWORD_BYTES * 16 int8 as 16 ints, as `dot_step` takes them
//   dot_step(acc, w, x)                      acc + products of each lane of w and the int x (one dword each)
//   LCK_X_FLIP                               what is xor-ed to x's dwords for dot_step; if not 0, x gains 128
//
// A token or a few (LCK_STREAM_TOKENS) read the weights as one sequential stream. More share panels of
// LCK_PANEL_ROWS rows, transposed on the fly so that a lane is a row. Both add the scaled group sums of a row in ascending order.
#ifndef LLAMA_CHAT_MATMUL_Q80_H
#define LLAMA_CHAT_MATMUL_Q80_H

#include "tables.h"
#include "vector.h"

LCK_INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// MARK: - A token or a few

enum {
  stream_groups = 1024,  // at most this many groups of a row at a time: what is known of x stays in the cache
  narrow_groups = 64,
};

// (sum * weight scale) * input scale of 16 groups, or of the first `count`; the lanes above hold anything.
LCK_INLINE f32x16 group_terms(const int8_t *w, f32x16 ws, const int8_t *x, const float *xs,
                              const int32_t *offsets, size_t count, const size_t group) {
  i32x16 sums = group_sums(w, x, offsets, count, group);
  return (__builtin_convertvector(sums, f32x16) * ws) * load(xs);
}

// acc + terms[from] + ... + terms[to - 1], one after the other. By way of memory, because sixteen loads are
// cheaper than sixteen shuffles, and the row's other work hides the chain of additions.
LCK_INLINE float add_in_order(float acc, f32x16 terms, size_t from, size_t to) {
  float each[lanes] __attribute__((aligned(64)));
  store(each, terms);
  __asm__ volatile("" : "+m"(each));
  if (from == 0 && to == lanes) {
    LCK_UNROLL for (size_t i = 0; i < lanes; i++) acc += each[i];
  } else {
    for (size_t i = from; i < to; i++) acc += each[i];
  }
  return acc;
}

// acc + the product of one row, or of one slab of it. `ws_left` scales may be read from ws.
LCK_INLINE float row_sum(float acc, const int8_t *w, const float *ws, size_t ws_left, const int8_t *x, const float *xs,
                         const int32_t *offsets, size_t groups, const size_t group) {
  if (groups < lanes) {
    f32x16 scales = ws_left >= lanes ? load(ws) : load_part(ws, ws_left, 0);
    return add_in_order(acc, group_terms(w, scales, x, xs, offsets, groups, group), 0, groups);
  }
  size_t g = 0;
  for (; g + lanes <= groups; g += lanes) {
    f32x16 terms = group_terms(w + g * group, load(ws + g), x + g * group, xs + g, offsets + g, lanes, group);
    acc = add_in_order(acc, terms, 0, lanes);
  }
  if (g < groups) {  // the last sixteen groups, of which the first are already in acc
    size_t first = groups - lanes;
    f32x16 terms = group_terms(w + first * group, load(ws + first), x + first * group, xs + first, offsets + first,
                               lanes, group);
    acc = add_in_order(acc, terms, g - first, lanes);
  }
  return acc;
}

// Rows of fewer than `narrow_groups` groups, sixteen at a time: their groups, one row's after another's, fill
// whole blocks of sixteen, while x is repeated to match. Returns how many rows are done, a multiple of 16.
LCK_INLINE size_t stream_narrow(float *out, const int8_t *w, const float *ws, const int8_t *xq, const float *xs,
                                size_t rows, const size_t group, size_t groups) {
  enum { most = narrow_groups + lanes };
  int8_t x[most * 64] __attribute__((aligned(64)));
  float scales[most] __attribute__((aligned(64)));
  int32_t offsets[most] __attribute__((aligned(64)));
  for (size_t g = 0; g < groups + lanes; g++) {
    memcpy(x + g * group, xq + g % groups * group, group);
    scales[g] = xs[g % groups];
  }
  x_offsets(offsets, x, groups + lanes, group);
  size_t r = 0;
  for (; r + lanes <= rows; r += lanes) {
    float terms[lanes * narrow_groups] __attribute__((aligned(64)));
    size_t at = 0;  // the group of x where the block starts
    for (size_t b = 0; b < groups; b++) {
      size_t first = r * groups + b * lanes;
      store(terms + b * lanes, group_terms(w + first * group, load(ws + first), x + at * group, scales + at,
                                           offsets + at, lanes, group));
      at = (at + lanes) % groups;
    }
    for (size_t i = 0; i < lanes; i++) {
      float acc = 0;
      for (size_t g = 0; g < groups; g++) acc += terms[i * groups + g];
      out[r + i] = acc;
    }
  }
  return r;
}

// Each row in turn, for each of `tokens` (<= LCK_STREAM_TOKENS). `group`, 64 or 32, is a constant at the call.
LCK_INLINE void stream(float *out, size_t out_stride, const int8_t *w, const float *ws, const int8_t *xq,
                       const float *xs, size_t rows, size_t n, const size_t group, size_t tokens) {
  int32_t offsets[LCK_STREAM_TOKENS][stream_groups] __attribute__((aligned(64)));
  float padded[LCK_STREAM_TOKENS][lanes];
  size_t all = n / group;
  if (tokens == 1 && all < narrow_groups && all % lanes != 0) {
    size_t done = stream_narrow(out, w, ws, xq, xs, rows, group, all);
    out += done, w += done * n, ws += done * all, rows -= done;
  }
  for (size_t g = 0; g < all && rows > 0; g += stream_groups) {
    size_t groups = smaller(all - g, stream_groups);
    for (size_t t = 0; t < tokens; t++) {
      x_offsets(offsets[t], xq + t * n + g * group, groups, group);
      if (groups < lanes) store(padded[t], load_part(xs + t * all + g, groups, 0));
    }
    for (size_t r = 0; r < rows; r++) {
      for (size_t t = 0; t < tokens; t++) {
        float *sum = out + t * out_stride + r;
        const float *scales = groups < lanes ? padded[t] : xs + t * all + g;
        *sum = row_sum(g == 0 ? 0 : *sum, w + r * n + g * group, ws + r * all + g, (rows - r) * all - g,
                       xq + t * n + g * group, scales, offsets[t], groups, group);
      }
    }
  }
}

static __attribute__((noinline)) LCK_TARGET void stream_64(float *out, size_t out_stride, const int8_t *w,
                                                           const float *ws, const int8_t *xq, const float *xs,
                                                           size_t rows, size_t n, size_t tokens) {
  stream(out, out_stride, w, ws, xq, xs, rows, n, 64, tokens);
}

static __attribute__((noinline)) LCK_TARGET void stream_32(float *out, size_t out_stride, const int8_t *w,
                                                           const float *ws, const int8_t *xq, const float *xs,
                                                           size_t rows, size_t n, size_t tokens) {
  stream(out, out_stride, w, ws, xq, xs, rows, n, 32, tokens);
}

// MARK: - Many tokens

typedef int32_t i32xp __attribute__((vector_size(LCK_PANEL_WIDTH * 4)));
typedef float f32xp __attribute__((vector_size(LCK_PANEL_WIDTH * 4)));

enum {
  slab_steps = 128,  // dwords of a row taken at a time
  slab_bytes = slab_steps * LCK_DWORD_BYTES,
  slab_groups = slab_bytes / 4,  // at most: no group is smaller than 4
  block_tokens = 128,
  panel_vectors = LCK_PANEL_ROWS / LCK_PANEL_WIDTH,
};

// One slab of LCK_PANEL_ROWS rows, lane = row.
typedef struct {
  int32_t w[slab_steps][LCK_PANEL_ROWS] __attribute__((aligned(64)));
  int32_t start[slab_groups][LCK_PANEL_ROWS] __attribute__((aligned(64)));  // where a group's sum starts
  float scales[slab_groups][LCK_PANEL_ROWS] __attribute__((aligned(64)));
} panel;

// `bytes` of a row, or of x, as dwords; zeros up to a multiple of 16 dwords.
LCK_INLINE i32x16 dwords_of(const int8_t *from, size_t bytes) {
  enum { most = lanes * LCK_DWORD_BYTES };
  if (bytes >= most) return dwords(from);
  int8_t padded[most] = {0};
  memcpy(padded, from, bytes);
  return dwords(padded);
}

// Sixteen dwords of each of sixteen rows, of which `count` exist, transposed into lanes `first`... of the panel.
LCK_INLINE void pack_block(panel *p, size_t step, size_t first, const int8_t *w, size_t count, size_t n,
                           size_t bytes) {
  i32x16 block[lanes];
  if (count == lanes && bytes >= lanes * LCK_DWORD_BYTES) {
    LCK_UNROLL for (size_t r = 0; r < lanes; r++) block[r] = dwords(w + r * n);
  } else {
    for (size_t r = 0; r < lanes; r++) block[r] = r < count ? dwords_of(w + r * n, bytes) : (i32x16){0};
  }
  transpose(block);
  LCK_UNROLL for (size_t s = 0; s < lanes; s++) memcpy(&p->w[step + s][first], &block[s], sizeof block[s]);
}

LCK_INLINE void pack_panel(panel *p, const int8_t *w, const float *ws, size_t rows, size_t n, size_t bytes,
                           size_t group, const int8_t *next) {
  enum { most = lanes * LCK_DWORD_BYTES };
  size_t groups = bytes / group, scale_stride = n / group;
  for (size_t first = 0; first < LCK_PANEL_ROWS; first += lanes) {
    size_t count = rows < first ? 0 : smaller(rows - first, lanes);
    for (size_t b = 0; b < bytes; b += most) {
      for (size_t r = 0; r < lanes; r++) __builtin_prefetch(next + (first + r) * n + b, 0, 2);
      pack_block(p, b / LCK_DWORD_BYTES, first, w + first * n + b, count, n, bytes - b);
    }
    for (size_t r = 0; r < lanes; r++) {
      const float *row = ws + (first + r) * scale_stride;
      for (size_t g = 0; g < groups; g++) p->scales[g][first + r] = r < count ? row[g] : 0;
    }
  }
  if (LCK_X_FLIP == 0) return;
  // x is offered as x + 128: each sum starts at -128 times the sum of its weights.
  size_t steps = group / LCK_DWORD_BYTES;
  for (size_t g = 0; g < groups; g++) {
    for (size_t v = 0; v < panel_vectors; v++) {
      i32xp acc = {0};
      for (size_t s = g * steps; s < (g + 1) * steps; s++) {
        acc = dot_step(acc, ((const i32xp *)p->w[s])[v], LCK_X_FLIP);
      }
      ((i32xp *)p->start[g])[v] = -acc;
    }
  }
}

// One slab of one panel for `tokens` tokens, a constant at the call. x is the packed slab.
LCK_INLINE void tile_q80(float *out, size_t out_stride, const panel *p, int32_t (*x)[slab_steps], const float *xs,
                         size_t xs_stride, size_t rows, size_t groups, size_t steps, bool first, const size_t tokens) {
  f32xp sums[LCK_TILE_TOKENS_Q80][panel_vectors] = {{{0}}};
  if (!first) {
    for (size_t t = 0; t < tokens; t++) memcpy(sums[t], out + t * out_stride, rows * sizeof(float));
  }
  for (size_t g = 0; g < groups; g++) {
    i32xp acc[LCK_TILE_TOKENS_Q80][panel_vectors] = {{{0}}};
    if (LCK_X_FLIP != 0) {
      LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
        LCK_UNROLL for (size_t v = 0; v < panel_vectors; v++) acc[t][v] = ((const i32xp *)p->start[g])[v];
      }
    }
    for (size_t s = g * steps; s < (g + 1) * steps; s++) {
      i32xp w[panel_vectors];
      LCK_UNROLL for (size_t v = 0; v < panel_vectors; v++) w[v] = ((const i32xp *)p->w[s])[v];
      LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
        LCK_UNROLL for (size_t v = 0; v < panel_vectors; v++) acc[t][v] = dot_step(acc[t][v], w[v], x[t][s]);
      }
    }
    LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
      LCK_UNROLL for (size_t v = 0; v < panel_vectors; v++) {
        f32xp ws = ((const f32xp *)p->scales[g])[v];
        sums[t][v] += (__builtin_convertvector(acc[t][v], f32xp) * ws) * xs[t * xs_stride + g];
      }
    }
  }
  for (size_t t = 0; t < tokens; t++) memcpy(out + t * out_stride, sums[t], rows * sizeof(float));
}

// All tokens of a block for one packed slab.
LCK_INLINE void tiles_q80(float *out, size_t out_stride, const panel *p, int32_t (*x)[slab_steps], const float *xs,
                          size_t xs_stride, size_t rows, size_t groups, size_t steps, bool first, size_t tokens) {
#define LCK_TILE(count) tile_q80(out, out_stride, p, x, xs, xs_stride, rows, groups, steps, first, count)
  for (; tokens >= LCK_TILE_TOKENS_Q80; tokens -= LCK_TILE_TOKENS_Q80) {
    LCK_TILE(LCK_TILE_TOKENS_Q80);
    out += LCK_TILE_TOKENS_Q80 * out_stride, x += LCK_TILE_TOKENS_Q80, xs += LCK_TILE_TOKENS_Q80 * xs_stride;
  }
  switch (tokens) {
    case 1: LCK_TILE(1); break;
    case 2: LCK_TILE(2); break;
    case 3: LCK_TILE(3); break;
#if LCK_TILE_TOKENS_Q80 > 4
    case 4: LCK_TILE(4); break;
    case 5: LCK_TILE(5); break;
    case 6: LCK_TILE(6); break;
    case 7: LCK_TILE(7); break;
#endif
    default: break;
  }
#undef LCK_TILE
}

static __attribute__((noinline)) LCK_TARGET void panels_q80(float *out, size_t out_stride, const int8_t *w, const float *ws, const int8_t *xq,
                                  const float *xs, size_t rows, size_t n, size_t group, size_t tokens) {
  size_t most = slab_bytes / group * group;
  int32_t x[block_tokens][slab_steps];
  panel p;
  for (size_t from = 0; from < n; from += most) {
    size_t bytes = smaller(n - from, most);
    for (size_t t = 0; t < tokens; t++) {
      for (size_t b = 0; b < bytes; b += lanes * LCK_DWORD_BYTES) {
        i32x16 packed = dwords_of(xq + t * n + from + b, bytes - b) ^ LCK_X_FLIP;
        memcpy(&x[t][b / LCK_DWORD_BYTES], &packed, sizeof packed);
      }
    }
    for (size_t r = 0; r < rows; r += LCK_PANEL_ROWS) {
      size_t count = smaller(rows - r, LCK_PANEL_ROWS);
      const int8_t *here = w + r * n + from;
      const int8_t *next = r + LCK_PANEL_ROWS < rows ? here + LCK_PANEL_ROWS * n : w + from + bytes;
      pack_panel(&p, here, ws + (r * n + from) / group, count, n, bytes, group, next);
      tiles_q80(out + r, out_stride, &p, x, xs + from / group, n / group, count, bytes / group,
                group / LCK_DWORD_BYTES, from == 0, tokens);
    }
  }
}

// MARK: - Any shape

static LCK_TARGET void matmul_q80(float *out, size_t out_stride, const int8_t *w, const float *ws, const int8_t *xq,
                                  const float *xs, size_t rows, size_t n, size_t group, size_t tokens) {
  if (group % 4 != 0 || group > slab_bytes) {
    lck_scalar_matmul_q80(out, out_stride, w, ws, xq, xs, rows, n, group, tokens);
  } else if (tokens <= LCK_STREAM_TOKENS && group == 64) {
    stream_64(out, out_stride, w, ws, xq, xs, rows, n, tokens);
  } else if (tokens <= LCK_STREAM_TOKENS && group == 32) {
    stream_32(out, out_stride, w, ws, xq, xs, rows, n, tokens);
  } else {
    for (size_t t = 0; t < tokens; t += block_tokens) {
      panels_q80(out + t * out_stride, out_stride, w, ws, xq + t * n, xs + t * (n / group), rows, n, group,
                 smaller(tokens - t, block_tokens));
    }
  }
}

#endif
