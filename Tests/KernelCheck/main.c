// Compares every kernel table this CPU can run with the scalar definition, bit by bit, without Swift: built with a
// cross compiler and run under an emulator, it checks the tables of CPUs that are not at hand.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"
#ifdef LCK_VNNI_OF_AVX512
#include "tables.h"
#endif

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
  // What lies between the rows of a token and the next one's must stay as it is.
  const size_t out_stride = rows + 3, size = out_stride * tokens;
  float *w = floats(rows * n), *x = floats(tokens * n), *a = calloc(size, 4), *b = calloc(size, 4);
  k->matmul_f32(a, out_stride, w, x, rows, n, tokens);
  scalar->matmul_f32(b, out_stride, w, x, rows, n, tokens);
  same(a, b, size * 4, "matmul_f32", n, tokens);

  const size_t stride = lck_stride(n), groups = n / group;
  int8_t *wq = bytes(rows * n, -128), *xq = bytes(tokens * stride, -127);
  int32_t *offsets = calloc(tokens * groups, 4);
  for (size_t i = 0; i < tokens * n; i++) offsets[i / group] += 128 * xq[i / n * stride + i % n];
  lck_quantized input = {xq, x, offsets, stride};
  a = calloc(size, 4), b = calloc(size, 4);
  k->matmul_q80(a, out_stride, wq, w, &input, rows, n, group, tokens);
  scalar->matmul_q80(b, out_stride, wq, w, &input, rows, n, group, tokens);
  same(a, b, size * 4, "matmul_q80", n, group);
  free(w), free(x), free(wq), free(xq), free(offsets);
}

// The same bits from every table, and close to the sum of exact exponentials.
static void check_sum_exp(const lck_kernels *k, const lck_kernels *scalar, const float *x, size_t n) {
  float *wide = floats(n), *a = floats(1), *b = floats(1);
  float most = -__builtin_inff();
  for (size_t i = 0; i < n; i++) {
    wide[i] = x[i] * 200;
    if (wide[i] > most) most = wide[i];
  }
  *a = k->sum_exp(wide, most, n);
  *b = scalar->sum_exp(wide, most, n);
  float exact = scalar->exponentials(wide, wide, 1, n), error = *a / exact - 1;
  if (!(error < 1e-5f && error > -1e-5f)) *b = exact;
  same(a, b, 4, "sum_exp", n, 0);
  free(wide);
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
  float *sum = floats(1), *scalar_sum = floats(1);
  *sum = k->exponentials(a = floats(n), x, 0.7f, n);
  *scalar_sum = scalar->exponentials(b = floats(n), x, 0.7f, n);
  same(a, b, n * 4, "exponentials", n, 0);
  same(sum, scalar_sum, 4, "sum of exponentials", n, 0);
  check_sum_exp(k, scalar, x, n);
  float *tied = copy(x, n);
  tied[n / 2] = tied[n - 1] = 99;
  for (int damaged = 0; damaged < 2; damaged++) {
    if (damaged) tied[n / 3] = __builtin_nanf("");
    size_t found = k->argmax(tied, n), expected = damaged ? n : n / 2;
    same(copy((float *)&found, 2), copy((float *)&expected, 2), sizeof found, "argmax", n, 0);
  }
  free(tied);
  float *s = floats(n), *t = floats(n);
  int8_t *p = bytes(n, -127), *q = bytes(n, -127);
  int32_t *u = calloc(n, 4), *v = calloc(n, 4);
  k->quantize_q80(p, s, u, x, n, 4);
  scalar->quantize_q80(q, t, v, x, n, 4);
  same(p, q, n, "quantize_q80", n, 4);
  same(s, t, (n + 3) / 4 * 4, "quantize_q80 scales", n, 4);
  same(u, v, n * 4, "quantize_q80 offsets", n, 4);
  free(x), free(y);
}

// Storing, and attention of some queries, for one type of cache.
static void check_attention(const lck_kernels *k, const lck_kernels *scalar, lck_kv_type type, size_t positions,
                            size_t head_size, size_t heads, size_t tokens) {
  size_t all = positions + tokens - 1, rows = (all + lck_key_block - 1) / lck_key_block * lck_key_block;
  size_t plane = rows * head_size * 4, queries = heads * tokens;
  float *q = floats(queries * head_size), *keys = floats(all * head_size), *values = floats(all * head_size);
  const lck_kernels *tables[2] = {k, scalar};
  float *out[2], *scores[2];
  lck_kv_head head[2];
  for (int i = 0; i < 2; i++) {
    char *memory = calloc(2, plane);
    head[i] = (lck_kv_head){type, head_size, memory, memory + plane, calloc(rows, 4), calloc(rows, 4)};
    out[i] = floats(queries * head_size);
    scores[i] = calloc(queries * rows, 4);
    tables[i]->store_kv(&head[i], keys, values, head_size, 0, all);
    lck_queries group = {q, out[i], heads * head_size, heads, tokens, positions, scores[i], rows};
    tables[i]->attention_scores(&group, &head[i], 0, all);
    tables[i]->attention_softmax(&group, 0, queries);
    tables[i]->attention_values(&group, &head[i], 0, head_size);
    // What a row does not see may differ.
    for (size_t r = 0; r < queries; r++) {
      for (size_t p = positions + r / heads; p < rows; p++) scores[i][r * rows + p] = 0;
    }
  }
  same(out[0], out[1], queries * head_size * 4, "attention", positions, head_size);
  same(scores[0], scores[1], queries * rows * 4, "attention scores", positions, head_size);
  same(head[0].keys, head[1].keys, 2 * plane, "keys and values", positions, head_size);
  same(head[0].key_scales, head[1].key_scales, rows * 4, "scales of keys", positions, head_size);
  same(head[0].value_scales, head[1].value_scales, rows * 4, "scales of values", positions, head_size);
  free(q), free(keys), free(values);
}

static void check_attentions(const lck_kernels *k, const lck_kernels *scalar, size_t head_size) {
  const size_t groups[][2] = {{1, 1}, {2, 1}, {3, 1}, {4, 3}, {8, 1}, {1, 17}};
  for (lck_kv_type type = lck_kv_f32; type <= lck_kv_q8; type++) {
    for (size_t positions = 1; positions <= 90; positions += positions < 30 ? 3 : 20) {
      for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        check_attention(k, scalar, type, positions, head_size, groups[g][0], groups[g][1]);
      }
    }
  }
}

// Every half as a key of one element, and floats of every exponent as values.
static void check_halves(const lck_kernels *k, const lck_kernels *scalar) {
  enum { count = 1 << 16 };
  const float one = 1;
  const lck_kernels *tables[2] = {k, scalar};
  float *scores[2], *x = floats(count);
  uint16_t *halves[2], *keys = malloc(count * sizeof *keys);
  for (size_t i = 0; i < count; i++) {
    int is_nan = (i & 0x7fff) > 0x7c00;
    keys[i] = is_nan ? 0 : (uint16_t)i;
    uint32_t bits = (uint32_t)i << 16 | (random_bits() & 0xffff);
    memcpy(&x[i], &bits, sizeof bits);
  }
  for (int i = 0; i < 2; i++) {
    scores[i] = floats(count);
    halves[i] = calloc(count, sizeof **halves);
    lck_kv_head head = {lck_kv_f16, 1, keys, NULL, NULL, NULL};
    lck_queries group = {&one, NULL, 1, 1, 1, count, scores[i], count};
    tables[i]->attention_scores(&group, &head, 0, count);
    lck_kv_head wide = {lck_kv_f16, count, calloc(count, 32), halves[i], NULL, NULL};
    tables[i]->store_kv(&wide, x, x, count, 0, 1);
    free(wide.keys);
  }
  same(scores[0], scores[1], count * 4, "widening halves", 0, 0);
  same(halves[0], halves[1], count * 2, "rounding to halves", 0, 0);
  free(x), free(keys);
}

// With an argument, also checks that it is the name of the fastest table.
int main(int count, char **arguments) {
  const size_t rows[] = {1, 2, 7, 8, 15, 16, 17, 33, 45}, tokens[] = {1, 2, 3, 4, 5, 6, 7, 8, 17};
  const size_t shapes[][2] = {{4, 4},   {24, 8},  {36, 12},  {48, 16},  {1080, 24}, {32, 32},   {288, 32},
                              {64, 64}, {576, 64}, {1088, 64}, {384, 128}, {1024, 512}, {1024, 1024}};
  const size_t head_sizes[] = {2, 4, 18, 48, 64, 80, 128};
  const lck_kernels *scalar = lck_kernels_named("scalar");
#if defined(LCK_VNNI_OF_AVX512)
  const lck_kernels *tables[] = {&lck_avxvnni, NULL};
#else
  const lck_kernels *tables[8] = {0};
  for (size_t i = 0; lck_kernels_at(i) != scalar; i++) tables[i] = lck_kernels_at(i);
#endif
  if (!tables[0]) return fprintf(stderr, "this CPU has no fast kernels\n"), 2;
  if (count > 1 && strcmp(arguments[1], tables[0]->name) != 0) {
    return fprintf(stderr, "the fastest table is %s, not %s\n", tables[0]->name, arguments[1]), 3;
  }
  for (const lck_kernels **table = tables; *table; table++) {
    const lck_kernels *k = *table;
    printf("%s: ", k->name);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
      for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t j = 0; j < sizeof tokens / sizeof *tokens; j++) {
          check_matmuls(k, scalar, rows[i], shapes[s][0], shapes[s][1], tokens[j]);
        }
      }
    }
    check_matmuls(k, scalar, 33, 160, 32, 259);
    check_matmuls(k, scalar, 13, 1992, 24, 67);
    for (size_t n = 1; n <= 70; n++) check_elementwise(k, scalar, n);
    check_halves(k, scalar);
    for (size_t h = 0; h < sizeof head_sizes / sizeof *head_sizes; h++) {
      check_attentions(k, scalar, head_sizes[h]);
    }
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
