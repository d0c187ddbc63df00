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
//   attention    llama2.c's, over keys and values as the cache keeps them, widened exactly. With q8,
//                score = (sum of q[i] * (float)key[i]) * key_scale / sqrt(head_size), and a value's weight is
//                probability * value_scale.
#ifndef LLAMA_CHAT_CKERNELS_H
#define LLAMA_CHAT_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Positions in a block of keys.
enum { lck_key_block = 16 };

// How keys and values are kept.
typedef enum lck_kv_type {
  lck_kv_f32,  // as computed
  lck_kv_f16,  // rounded to the nearest half, ties to even; what has no finite half (65520 and more) becomes NaN
  lck_kv_q8,   // int8 with a scale a position, as of quantize_q80 with the head as group
} lck_kv_type;

// Keys and values of one KV head. Rows beyond the positions in use may hold anything.
typedef struct lck_kv_head {
  lck_kv_type type;
  size_t head_size;
  // Blocks of 16 positions, (rows / 16, head_size, 16), so that a vector is one element of 16 keys.
  void *keys;
  // (rows, head_size).
  void *values;
  // (rows) each; q8 only.
  float *key_scales, *value_scales;
} lck_kv_head;

// Queries that share a KV head: `heads` query heads of each of `tokens` consecutive tokens. Row r is head
// r % heads of token r / heads, and sees positions 0 ..< `positions` + r / heads.
typedef struct lck_queries {
  // (tokens, heads, head_size), with `stride` floats from token to token, and out the same.
  const float *q;
  float *out;
  size_t stride;
  size_t heads, tokens, positions;
  // (tokens * heads, score_stride); the stride is a multiple of 16 and at least positions + tokens - 1.
  float *scores;
  size_t score_stride;
} lck_queries;

// The input of an int8 product: rows of int8 groups, one row a token; groups = ceil(n / group).
typedef struct lck_quantized {
  const int8_t *values;    // (tokens, stride), |value| <= 127; fastest on cache lines
  const float *scales;     // (tokens, groups)
  const int32_t *offsets;  // (tokens, groups): 128 times the sum of the group's values
  size_t stride;           // from a token's values to the next one's, at least n; see lck_stride
} lck_quantized;

// A stride of n or a little more, such that the same slab of neighbouring tokens shares no set of the cache.
static inline size_t lck_stride(size_t n) { return ((n + 511) / 512 | 1) * 512; }

// The functions of one instruction set. Row-major matrices throughout; no pointer needs alignment
// beyond its element's. Input and output never overlap unless said.
typedef struct lck_kernels {
  // "scalar", "avx2", "avxvnni", "avx512vnni", "neon" or "neoni8mm".
  const char *name;

  // out[t * out_stride + r] = dot(w[r * n ...], x[t * n ...]) for r < rows, t < tokens.
  void (*matmul_f32)(float *out, size_t out_stride, const float *w, const float *x,
                     size_t rows, size_t n, size_t tokens);

  // The same for int8 groups: w (rows, n) with ws (rows, n / group), x (tokens, n). group divides n and is at
  // most 131072, so that sums fit an int32. w may hold any int8. Fastest where group is 64 or 32.
  void (*matmul_q80)(float *out, size_t out_stride, const int8_t *w, const float *ws,
                     const lck_quantized *x, size_t rows, size_t n, size_t group, size_t tokens);

  // Groups of x (n) to int8, the last one short when group does not divide n: scale = max|x| / 127, value =
  // x / scale rounded half away from zero (runq.c); a group of zeros gets scale 0 and zeros. See lck_quantized.
  void (*quantize_q80)(int8_t *values, float *scales, int32_t *offsets, const float *x, size_t n, size_t group);

  // out[i] = weight[i] * (x[i] * (1 / rms(x))), rms with eps added to the mean square. out may be x.
  void (*rmsnorm)(float *out, const float *x, const float *weight, size_t n, float eps);

  // Rotates each pair (v[2i], v[2i+1]) of every head by (cos[i], sin[i]), i < head_size / 2, in place.
  void (*rope)(float *v, const float *cos, const float *sin, size_t heads, size_t head_size);

  // gate[i] = silu(gate[i]) * up[i], silu(a) = a * (1 / (1 + exp(-a))).
  void (*swiglu)(float *gate, const float *up, size_t n);

  // x[i] += y[i].
  void (*add)(float *x, const float *y, size_t n);

  // The first index of the largest of n > 0 values; n when any of them is NaN or infinite.
  size_t (*argmax)(const float *x, size_t n);

  // Softmax without its last step: out[i] = exp(x[i] / divisor - the largest x / divisor). Returns their sum in
  // order; divided by it they are softmax(x / divisor). divisor > 0; out may be x.
  float (*exponentials)(float *out, const float *x, float divisor, size_t n);

  // About the sum of exp(x[i] - most), within 1e-5 of it, where no x is above most: what a probability is divided
  // by where nothing is drawn by it.
  float (*sum_exp)(const float *x, float most, size_t n);

  // ((start + x[0]) + x[1]) + ..., each step rounded, where neither start nor any x is negative.
  float (*ordered_sum)(float start, const float *x, size_t n);

  // Puts the index of each x[i] >= limit into indices, which has room for n; returns how many there are.
  size_t (*indices_from)(uint32_t *indices, const float *x, float limit, size_t n);

  // Puts keys and values of `tokens` positions from `position` on, each (head_size) and `stride` floats apart,
  // into the cache, rounded to its type.
  void (*store_kv)(const lck_kv_head *head, const float *k, const float *v, size_t stride,
                   size_t position, size_t tokens);

  // Attention, in three steps that can be split: scores by positions, softmax by rows, values by elements.
  //
  // scores[p] = dot(q, key[p]) / sqrt(head_size) of every row, for the positions p in from ..< to that it sees;
  // from is a multiple of 16, and so is to unless it is the end. Scores of positions that a row does not see,
  // up to a multiple of 16, may come to hold anything.
  void (*attention_scores)(const lck_queries *group, const lck_kv_head *head, size_t from, size_t to);

  // softmax of the scores of rows from ..< to, each over the positions it sees, in place; those beyond, up to a
  // multiple of 16, may come to hold anything.
  void (*attention_softmax)(const lck_queries *group, size_t from, size_t to);

  // out[i] = sum over p of scores[p] * value[p][i] for the elements i in from ..< to of every row; both are
  // multiples of 16 or the head's size.
  void (*attention_values)(const lck_queries *group, const lck_kv_head *head, size_t from, size_t to);

  // Multiply and add as fast as can be, in registers alone; returns how many times. NULL where nobody asks.
  size_t (*peak_q80)(size_t rounds);
  size_t (*peak_f32)(size_t rounds);
} lck_kernels;

// int8 product where groups of `group` elements run over the flattened matrix and so may straddle rows
// (n % group != 0). row0 is the index of the first row inside the whole matrix w, ws. Inputs are
// quantised in groups of `group` from column 0, the last group short. Scalar: correct, not fast.
void lck_matmul_q80_straddling(float *out, size_t out_stride, const int8_t *w, const float *ws,
                               const lck_quantized *x, size_t row0, size_t rows, size_t n, size_t group,
                               size_t tokens);

// The tables this CPU can run, fastest first: the index'th of them, or NULL when there are not so many.
const lck_kernels *lck_kernels_at(size_t index);

// The fastest table this CPU can run.
const lck_kernels *lck_kernels_best(void);

// The table called `name`, or NULL when it is unknown or this CPU cannot run it.
const lck_kernels *lck_kernels_named(const char *name);

// Reads whole 256-byte steps of memory that starts on a multiple of 8; returns a sum, so that nothing is skipped.
uint64_t lck_read(const void *from, size_t bytes);

// Tells the processor that this thread is waiting in a loop.
static inline void lck_spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

#endif
