// The kernels of 256-bit registers, around the one operation their files provide:
//
//   dot_bytes(acc, w, x)  acc + the four products of bytes of w and x in each lane, exactly
//   LCK_W_FLIP            see matmul_q80.h
#ifndef LLAMA_CHAT_AVX2_H
#define LLAMA_CHAT_AVX2_H

typedef int32_t i32x8 __attribute__((vector_size(32)));

#define LCK_WIDENS_HALVES
LCK_INLINE f32x16 widen_halves(const uint16_t *from) {
  __m256 halves[2] = {
      _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from)),
      _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from + 1)),
  };
  f32x16 both;
  memcpy(&both, halves, sizeof both);
  return both;
}

// Of a tile's vectors, each two registers, eight are sums.
#define LCK_SCORE_BLOCKS(rows) ((rows) == 1 ? 4 : (rows) == 2 ? 2 : 1)
#define LCK_VALUE_VECTORS(rows) ((rows) == 1 ? 4 : (rows) == 2 ? 2 : 1)
#include "attention/attention.h"

#define LCK_TILE_ROWS 3
#define LCK_TILE_TOKENS 2
#include "products/matmul_f32.h"

enum { prefetch_bytes = 8192 };  // into the second-level cache

#define LCK_STREAM_TOKENS 3
#define LCK_PANEL_WIDTH 8
#define LCK_PANEL_ROWS 16
#define LCK_TILE_TOKENS_Q80 4

LCK_INLINE i32x8 dot_step(i32x8 acc, i32x8 w, int32_t x) {
  return (i32x8)dot_bytes((__m256i)acc, (__m256i)w, _mm256_set1_epi32(x));
}

// The sums of 32 weights and inputs, in 8 lanes.
LCK_INLINE __m256i dot_32(__m256i acc, const int8_t *w, const int8_t *x) {
  __m256i flipped = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)w), _mm256_set1_epi32(LCK_W_FLIP));
  return dot_bytes(acc, flipped, _mm256_loadu_si256((const __m256i *)x));
}

// The sums of 8 groups, the ones from `count` on zero.
LCK_INLINE __m256i eight_sums(const int8_t *w, const int8_t *x, size_t count, const size_t group) {
  __m256i v[8];
  LCK_UNROLL for (size_t i = 0; i < 8; i++) {
    v[i] = _mm256_setzero_si256();
    if (i < count) {
      v[i] = dot_32(v[i], w + i * group, x + i * group);
      if (group == 64) v[i] = dot_32(v[i], w + i * 64 + 32, x + i * 64 + 32);
      if (group == 64 || i % 2 == 0) _mm_prefetch((const char *)w + i * group + prefetch_bytes, _MM_HINT_T1);
    }
  }
  __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
  __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(v[4], v[5]), _mm256_hadd_epi32(v[6], v[7]));
  return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

LCK_INLINE i32x16 group_sums(const int8_t *w, const int8_t *x, const int32_t *offsets, size_t count,
                             const size_t group) {
  __m256i halves[2] = {eight_sums(w, x, count, group), _mm256_setzero_si256()};
  if (count > 8) halves[1] = eight_sums(w + 8 * group, x + 8 * group, count - 8, group);
  return LCK_W_FLIP == 0 ? load_i32(halves) : load_i32(halves) - load_i32(offsets);
}

#define LCK_TILES_Q80 "tiles_avx2.h"
#include "products/matmul_q80.h"

#define LCK_PEAK_CHAINS 8
#include "products/peak.h"

#endif
