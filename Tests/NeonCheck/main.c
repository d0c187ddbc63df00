// Compares every kernel table this CPU can run with the scalar definition, bit by bit, without Swift: built with a
// cross compiler and run under an emulator, it checks the tables of CPUs that are not at hand.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

static int passed, failed;

static uint32_t random_bits(void) {
  static uint64_t state = 0x9e3779b97f4a7c15;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33);
}

static float random_float(void) { return (float)((int)(random_bits() % 20001) - 10000) / 4096; }

static float *floats(size_t n) {
  float *x = malloc((n + 1) * sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = random_float();
  return x;
}

static int8_t *bytes(size_t n, int lowest) {
  int8_t *x = malloc(n + 1);
  for (size_t i = 0; i < n; i++) x[i] = (int8_t)(lowest + (int)(random_bits() % (uint32_t)(128 - lowest)));
  return x;
}

static float *copy(const float *x, size_t n) { return memcpy(malloc((n + 1) * sizeof *x), x, n * sizeof *x); }

// Counts one comparison and frees both sides.
static void same(void *a, void *b, size_t size, const char *what, size_t n, size_t m) {
  if (memcmp(a, b, size) == 0) {
    passed++;
  } else {
    failed++;
    fprintf(stderr, "%s differs from scalar (n %zu, %zu)\n", what, n, m);
  }
  free(a), free(b);
}

static void check_matmuls(const lck_kernels *k, const lck_kernels *scalar, size_t rows, size_t n, size_t group,
                          size_t tokens) {
  float *w = floats(rows * n), *x = floats(tokens * n);
  float *a = calloc(rows * tokens, 4), *b = calloc(rows * tokens, 4);
  k->matmul_f32(a, rows, w, x, rows, n, tokens);
  scalar->matmul_f32(b, rows, w, x, rows, n, tokens);
  same(a, b, rows * tokens * 4, "matmul_f32", n, tokens);

  int8_t *wq = bytes(rows * n, -128), *xq = bytes(tokens * n, -127);
  a = calloc(rows * tokens, 4), b = calloc(rows * tokens, 4);
  k->matmul_q80(a, rows, wq, w, xq, x, rows, n, group, tokens);
  scalar->matmul_q80(b, rows, wq, w, xq, x, rows, n, group, tokens);
  same(a, b, rows * tokens * 4, "matmul_q80", n, group);
  free(w), free(x), free(wq), free(xq);
}

static void check_elementwise(const lck_kernels *k, const lck_kernels *scalar, size_t n) {
  float *x = floats(n), *y = floats(n), *a, *b;
  k->rmsnorm(a = floats(n), x, y, n, 1e-5f);
  scalar->rmsnorm(b = floats(n), x, y, n, 1e-5f);
  same(a, b, n * 4, "rmsnorm", n, 0);
  k->rope(a = copy(x, n), y, y + 1, n / 4, 4);
  scalar->rope(b = copy(x, n), y, y + 1, n / 4, 4);
  same(a, b, n * 4, "rope", n, 4);
  k->swiglu(a = copy(x, n), y, n);
  scalar->swiglu(b = copy(x, n), y, n);
  same(a, b, n * 4, "swiglu", n, 0);
  k->add(a = copy(x, n), y, n);
  scalar->add(b = copy(x, n), y, n);
  same(a, b, n * 4, "add", n, 0);
  k->softmax(a = copy(x, n), n);
  scalar->softmax(b = copy(x, n), n);
  same(a, b, n * 4, "softmax", n, 0);
  float *sum = floats(1), *scalar_sum = floats(1);
  *sum = k->exponentials(a = floats(n), x, 0.7f, n);
  *scalar_sum = scalar->exponentials(b = floats(n), x, 0.7f, n);
  same(a, b, n * 4, "exponentials", n, 0);
  same(sum, scalar_sum, 4, "sum of exponentials", n, 0);
  float *tied = copy(x, n);
  tied[n / 2] = tied[n - 1] = 99;
  for (int damaged = 0; damaged < 2; damaged++) {
    if (damaged) tied[n / 3] = __builtin_nanf("");
    size_t found = k->argmax(tied, n), expected = damaged ? n : n / 2;
    same(copy((float *)&found, 2), copy((float *)&expected, 2), sizeof found, "argmax", n, 0);
  }
  free(tied);
  if (n % 4 == 0) {
    float *s = floats(n), *t = floats(n);
    int8_t *p = bytes(n, -127), *q = bytes(n, -127);
    k->quantize_q80(p, s, x, n, 4);
    scalar->quantize_q80(q, t, x, n, 4);
    same(p, q, n, "quantize_q80", n, 4);
    same(s, t, n / 4 * 4, "quantize_q80 scales", n, 4);
  }
  free(x), free(y);
}

static void check_attention(const lck_kernels *k, const lck_kernels *scalar, size_t positions, size_t head_size) {
  size_t rows = (positions + lck_key_block - 1) / lck_key_block * lck_key_block;
  float *q = floats(head_size), *keys = floats(rows * head_size), *values = floats(rows * head_size);
  float *a = floats(head_size), *b = floats(head_size), *s = floats(positions), *t = floats(positions);
  k->attention(a, s, q, keys, values, positions, head_size);
  scalar->attention(b, t, q, keys, values, positions, head_size);
  same(a, b, head_size * 4, "attention", positions, head_size);
  same(s, t, positions * 4, "attention scores", positions, head_size);
  free(q), free(keys), free(values);
}

int main(void) {
  const size_t rows[] = {1, 2, 7, 15, 16, 17, 33}, tokens[] = {1, 2, 3, 4, 5, 8, 17};
  const size_t shapes[][2] = {{4, 4}, {24, 8}, {48, 16}, {32, 32}, {288, 32}, {64, 64}, {576, 64}, {1088, 64}, {384, 128}};
  const size_t head_sizes[] = {2, 4, 18, 48, 64, 80, 128};
  const lck_kernels *scalar = lck_kernels_named("scalar");
  const char *const *names = lck_kernel_names();
#if defined(__aarch64__)
  if (strcmp(names[0], "neon") != 0) return fprintf(stderr, "this CPU has no dot products\n"), 2;
#endif
  for (; strcmp(*names, "scalar") != 0; names++) {
    const lck_kernels *k = lck_kernels_named(*names);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
      for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t j = 0; j < sizeof tokens / sizeof *tokens; j++) {
          check_matmuls(k, scalar, rows[i], shapes[s][0], shapes[s][1], tokens[j]);
        }
      }
    }
    for (size_t n = 1; n <= 70; n++) check_elementwise(k, scalar, n);
    for (size_t h = 0; h < sizeof head_sizes / sizeof *head_sizes; h++) {
      for (size_t positions = 1; positions <= 40; positions += 3) check_attention(k, scalar, positions, head_sizes[h]);
    }
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
