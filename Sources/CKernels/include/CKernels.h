// CKernels: the leaf arithmetic of the engine. No allocation, no threads, no I/O.
//
// One table of functions per instruction set. `scalar` is the definition: every other table computes
// the same bits for the same input (see the canonical arithmetic below), so logits depend neither on
// the machine, nor on how work is split over threads and batches.
//
// Canonical arithmetic: llama2.c's, operation by operation, as its C source is written. Sums run over
// ascending index in one accumulator, nothing is fused or reassociated, and exp has the bits of the GNU C
// library's expf. (Fast kernels put independent sums side by side, never the terms of one.)
//   int8 dot     exact int32 sum per group, then acc += ((float)sum * weight_scale) * input_scale, groups
//                ascending. So an int8 model's logits are those of runq.c, bit by bit.
//   f32 dot      the exception, as one chain of additions would be too slow: 16 partial sums, lane = index
//                mod 16, each a chain of fused multiply-adds over ascending index; then lanes are added
//                pairwise: 8 apart, 4 apart, 2 apart, 1 apart.
#ifndef LLAMA_CHAT_CKERNELS_H
#define LLAMA_CHAT_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The functions of one instruction set. Row-major matrices throughout; no pointer needs alignment
// beyond its element's. Input and output never overlap unless said.
typedef struct lck_kernels {
  // "scalar", "avx2", "avx512vnni" or "neon".
  const char *name;

  // out[t * out_stride + r] = dot(w[r * n ...], x[t * n ...]) for r < rows, t < tokens.
  void (*matmul_f32)(float *out, size_t out_stride, const float *w, const float *x,
                     size_t rows, size_t n, size_t tokens);

  // The same for int8 groups: w (rows, n) with ws (rows, n / group), xq (tokens, n) with
  // xs (tokens, n / group). group divides n and is at most 131072, so that sums fit an int32. |xq| <= 127;
  // w may hold any int8. Fastest where group is 64 or 32 and xq begins on a cache line.
  void (*matmul_q80)(float *out, size_t out_stride, const int8_t *w, const float *ws,
                     const int8_t *xq, const float *xs, size_t rows, size_t n, size_t group,
                     size_t tokens);

  // Groups of x (n, n % group == 0) to int8: scale = max|x| / 127, q = x / scale rounded half away
  // from zero (runq.c); a group of zeros gets scale 0 and zeros.
  void (*quantize_q80)(int8_t *q, float *scales, const float *x, size_t n, size_t group);

  // out[i] = weight[i] * (x[i] / rms(x)), rms with eps added to the mean square. out may be x.
  void (*rmsnorm)(float *out, const float *x, const float *weight, size_t n, float eps);

  // Rotates each pair (v[2i], v[2i+1]) of every head by (cos[i], sin[i]), i < head_size / 2, in place.
  void (*rope)(float *v, const float *cos, const float *sin, size_t heads, size_t head_size);

  // gate[i] = silu(gate[i]) * up[i], silu(a) = a * (1 / (1 + exp(-a))).
  void (*swiglu)(float *gate, const float *up, size_t n);

  // x[i] += y[i].
  void (*add)(float *x, const float *y, size_t n);

  // The first index of the largest of n > 0 values; n when any of them is NaN or infinite.
  size_t (*argmax)(const float *x, size_t n);

  // x = softmax(x), in place.
  void (*softmax)(float *x, size_t n);

  // Softmax without its last step: out[i] = exp(x[i] / divisor - the largest x / divisor). Returns their sum in
  // order; divided by it they are softmax(x / divisor). divisor > 0; out may be x.
  float (*exponentials)(float *out, const float *x, float divisor, size_t n);

  // ((start + x[0]) + x[1]) + ..., each step rounded, where neither start nor any x is negative.
  float (*ordered_sum)(float start, const float *x, size_t n);

  // Puts the index of each x[i] >= limit into indices, which has room for n; returns how many there are.
  size_t (*indices_from)(uint32_t *indices, const float *x, float limit, size_t n);

  // Attention of one query head over positions 0 ..< positions of one KV head, q (head_size):
  // scores[p] = dot(q, k[p]) / sqrt(head_size); softmax; out = sum over p of scores[p] * v[p].
  // k is stored in blocks of 16 positions, (positions / 16, head_size, 16), see lck_store_key; the rest of
  // the last block may hold anything. v is (positions, head_size). scores has room for positions.
  void (*attention)(float *out, float *scores, const float *q, const float *k, const float *v,
                    size_t positions, size_t head_size);
} lck_kernels;

// int8 product where groups of `group` elements run over the flattened matrix and so may straddle rows
// (n % group != 0). row0 is the index of the first row inside the whole matrix w, ws. Inputs are
// quantised in groups of `group` from column 0, the last group short. Scalar: correct, not fast.
void lck_matmul_q80_straddling(float *out, size_t out_stride, const int8_t *w, const float *ws,
                               const int8_t *xq, const float *xs, size_t row0, size_t rows,
                               size_t n, size_t group, size_t tokens);

// Like quantize_q80, for any n: the last group may be short. ceil(n / group) scales.
void lck_quantize_q80_ragged(int8_t *q, float *scales, const float *x, size_t n, size_t group);

// The table called `name`, or NULL when it is unknown or this CPU cannot run it.
const lck_kernels *lck_kernels_named(const char *name);

// The fastest table this CPU can run.
const lck_kernels *lck_kernels_best(void);

// The names this CPU can run, fastest first, as a NULL-terminated array.
const char *const *lck_kernel_names(void);

// Reads whole 256-byte steps of memory that starts on a multiple of 8; returns a sum, so that nothing is skipped.
uint64_t lck_read(const void *from, size_t bytes);

// Positions in a block of keys.
enum { lck_key_block = 16 };

// Puts the key of one position, (head_size), into its place among a head's blocks of keys.
static inline void lck_store_key(float *keys, const float *key, size_t position, size_t head_size) {
  float *to = keys + position / lck_key_block * lck_key_block * head_size + position % lck_key_block;
  for (size_t i = 0; i < head_size; i++) to[i * lck_key_block] = key[i];
}

// Tells the processor that this thread is waiting in a loop.
static inline void lck_spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

#endif
