// The tiles of panels_q80.h where a panel is transposed, so that a lane is a row. An including file that defines
// LCK_PACKS has its own pack_rows, one that defines LCK_DOTS its own dot_steps.
#ifndef LLAMA_CHAT_TILES_Q80_H
#define LLAMA_CHAT_TILES_Q80_H

#ifndef LCK_PACKS
// Sixteen dwords of each of sixteen rows, `n` apart, as lanes `first`... of the panel's `step`...
LCK_INLINE void pack_rows(panel *p, size_t step, size_t first, const int8_t *w, size_t n) {
  i32x16 block[lanes];
  LCK_UNROLL for (size_t r = 0; r < lanes; r++) block[r] = load_i32(w + r * n) ^ LCK_W_FLIP;
  transpose(block);
  LCK_UNROLL for (size_t s = 0; s < lanes; s++) memcpy(&p->w[step + s][first], &block[s], sizeof block[s]);
}
#endif

#ifndef LCK_DOTS
LCK_INLINE int32_t dword_at(const int8_t *from) {
  int32_t dword;
  memcpy(&dword, from, sizeof dword);
  return dword;
}

// Adds the products of `steps` dwords of a tile's rows, in w, and of its tokens, `stride` apart.
LCK_INLINE void dot_steps(i32xp (*acc)[tile_vectors], const i32xp *w, const int8_t *x, size_t stride,
                          const size_t steps, const size_t tokens) {
  for (size_t s = 0; s < steps; s++) {
    LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
      int32_t xi = dword_at(x + t * stride + s * sizeof(int32_t));
      LCK_UNROLL for (size_t v = 0; v < tile_vectors; v++) {
        acc[t][v] = dot_step(acc[t][v], w[s * panel_vectors + v], xi);
      }
    }
  }
}
#endif

// The tile's rows from `row` on of one packed slab, for `tokens` tokens, which is a constant at the call, as is
// `steps`, the dwords of a group, where it matters.
LCK_INLINE void tile_q80(float (*sums)[LCK_PANEL_ROWS], const panel *p, size_t row, size_t scales_at, const slab *x,
                         size_t token, size_t groups, const size_t steps, bool first, const size_t tokens) {
  const int8_t *values = x->values + token * x->stride;
  const float *scales = x->scales + token * x->groups;
  const int32_t *offsets = x->offsets + token * x->groups;
  f32xp sum[LCK_TILE_TOKENS_Q80][tile_vectors] = {{{0}}};
  if (!first) {
    LCK_UNROLL for (size_t t = 0; t < tokens; t++) memcpy(sum[t], &sums[token + t][row], sizeof sum[t]);
  }
  for (size_t g = 0; g < groups; g++) {
    i32xp acc[LCK_TILE_TOKENS_Q80][tile_vectors];
    LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
      LCK_UNROLL for (size_t v = 0; v < tile_vectors; v++) {
        acc[t][v] = (i32xp){0} - (LCK_W_FLIP != 0 ? offsets[t * x->groups + g] : 0);
      }
    }
    dot_steps(acc, (const i32xp *)&p->w[g * steps][row], values + g * steps * sizeof(int32_t), x->stride, steps,
              tokens);
    LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
      LCK_UNROLL for (size_t v = 0; v < tile_vectors; v++) {
        f32xp ws = ((const f32xp *)&p->scales[scales_at + g][row])[v];
        sum[t][v] += (__builtin_convertvector(acc[t][v], f32xp) * ws) * scales[t * x->groups + g];
      }
    }
  }
  LCK_UNROLL for (size_t t = 0; t < tokens; t++) memcpy(&sums[token + t][row], sum[t], sizeof sum[t]);
}

// All rows of one packed slab, of which `rows` exist, for some tokens.
LCK_INLINE void tiles_of_rows(panel_sums sums, const panel *p, size_t scales_at, const slab *x, size_t token,
                              size_t rows, size_t groups, const size_t steps, bool first, const size_t tokens) {
  for (size_t r = 0; r < rows; r += LCK_TILE_ROWS_Q80) {
    tile_q80(sums, p, r, scales_at, x, token, groups, steps, first, tokens);
  }
}

// All tokens of a block for one packed slab.
LCK_INLINE void tiles_q80(panel_sums sums, const panel *p, size_t scales_at, const slab *x, size_t rows, size_t groups,
                          const size_t steps, bool first, size_t tokens) {
  size_t t = 0;
#define LCK_TILE(count) tiles_of_rows(sums, p, scales_at, x, t, rows, groups, steps, first, count)
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

#endif
