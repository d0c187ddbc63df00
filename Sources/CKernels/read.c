// Reading memory as fast as it comes: the limit that decoding is measured against.

#include "CKernels.h"

typedef uint64_t line __attribute__((vector_size(64), aligned(8), may_alias));

uint64_t lck_read(const void *from, size_t bytes) {
  enum { step = 4 * sizeof(line), ahead = 4096 };
  line sums[4] = {{0}};
  for (size_t i = 0; i + step <= bytes; i += step) {
    const char *here = (const char *)from + i;
    for (size_t j = 0; j < 4; j++) {
      __builtin_prefetch(here + ahead + j * sizeof(line));
      sums[j] += *(const line *)(here + j * sizeof(line));
    }
  }
  line sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  uint64_t total = 0;
  for (size_t i = 0; i < 8; i++) total += sum[i];
  return total;
}
