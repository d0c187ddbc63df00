// The tiles of panels_q80.h for sixteen registers of 256 bits: rows are packed in blocks of eight by eight dwords.
#ifndef LLAMA_CHAT_TILES_AVX2_H
#define LLAMA_CHAT_TILES_AVX2_H

#define LCK_PACKS

// Four dwords of a row at `low`, and of one at `high`.
LCK_INLINE __m256i two_rows(const int8_t *low, const int8_t *high) {
  __m256i both = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)low));
  return _mm256_inserti128_si256(both, _mm_loadu_si128((const __m128i *)high), 1);
}

// Sixteen dwords of each of sixteen rows, `n` apart, as lanes `first`... of the panel's `step`...
LCK_INLINE void pack_rows(panel *p, size_t step, size_t first, const int8_t *w, size_t n) {
  const __m256i flip = _mm256_set1_epi32(LCK_W_FLIP);
  for (size_t r = 0; r < lanes; r += 8) {
    const int8_t *rows = w + r * n;
    LCK_UNROLL for (size_t s = 0; s < lanes; s += 4) {
      const int8_t *at = rows + s * sizeof(int32_t);
      __m256i a = two_rows(at, at + 4 * n), b = two_rows(at + n, at + 5 * n);
      __m256i c = two_rows(at + 2 * n, at + 6 * n), d = two_rows(at + 3 * n, at + 7 * n);
      __m256i ab = _mm256_unpacklo_epi32(a, b), cd = _mm256_unpacklo_epi32(c, d);
      __m256i ab_high = _mm256_unpackhi_epi32(a, b), cd_high = _mm256_unpackhi_epi32(c, d);
      __m256i columns[4] = {
          _mm256_unpacklo_epi64(ab, cd),
          _mm256_unpackhi_epi64(ab, cd),
          _mm256_unpacklo_epi64(ab_high, cd_high),
          _mm256_unpackhi_epi64(ab_high, cd_high),
      };
      LCK_UNROLL for (size_t i = 0; i < 4; i++) {
        _mm256_store_si256((__m256i *)&p->w[step + s + i][first + r], _mm256_xor_si256(columns[i], flip));
      }
    }
  }
}

#include "tiles_q80.h"

#endif
