// The elements of the cache of keys and values, and how they get there.
#ifndef LLAMA_CHAT_CACHE_H
#define LLAMA_CHAT_CACHE_H

#include "../vector/elementwise.h"
#include "../vector/half.h"

// Sixteen elements of the cache from index `at` on.
LCK_INLINE f32x16 widen(const void *elements, size_t at, const lck_kv_type type) {
  if (type == lck_kv_f32) return load((const float *)elements + at);
  if (type == lck_kv_f16) return widen_halves((const uint16_t *)elements + at);
  i8x16 q;
  memcpy(&q, (const int8_t *)elements + at, sizeof q);
  return __builtin_convertvector(q, f32x16);
}

LCK_INLINE size_t element_bytes(const lck_kv_type type) {
  return type == lck_kv_f32 ? sizeof(float) : type == lck_kv_f16 ? sizeof(uint16_t) : sizeof(int8_t);
}

// The same where only the elements before `end` exist; the lanes beyond hold anything.
LCK_INLINE f32x16 widen_before(const void *elements, size_t at, size_t end, const lck_kv_type type) {
  if (at + lanes <= end) return widen(elements, at, type);
  float padded[lanes] = {0};
  memcpy(padded, (const char *)elements + at * element_bytes(type), (end - at) * element_bytes(type));
  return widen(padded, 0, type);
}

// `count` elements from index `at` on as floats.
LCK_INLINE void widen_all(float *out, const void *elements, size_t at, size_t count, const lck_kv_type type) {
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) store(out + i, widen(elements, at + i, type));
  if (i < count) store_part(out + i, widen_before(elements, at + i, at + count, type), count - i);
}

// MARK: - Storing

// Sixteen floats as elements of the cache; with q8, `scale` is their position's.
LCK_INLINE void narrow(void *elements, size_t at, f32x16 x, float scale, const lck_kv_type type) {
  if (type == lck_kv_f32) {
    store((float *)elements + at, x);
  } else if (type == lck_kv_f16) {
    u16x16 halves = narrow_to_halves(x);
    memcpy((uint16_t *)elements + at, &halves, sizeof halves);
  } else {
    i8x16 q = {0};
    if (scale > 0) q = rounded_quotients(x, scale);
    memcpy((int8_t *)elements + at, &q, sizeof q);
  }
}

// The vector of one position, (head_size), to elements `step` apart from `at` on.
LCK_INLINE void store_vector(void *elements, size_t at, const size_t step, const float *x, size_t head_size,
                             float scale, const lck_kv_type type) {
  for (size_t i = 0; i < head_size; i += lanes) {
    size_t count = head_size - i < lanes ? head_size - i : (size_t)lanes;
    f32x16 v = count == lanes ? load(x + i) : load_part(x + i, count, 0);
    if (step == 1 && count == lanes) {
      narrow(elements, at + i, v, scale, type);
      continue;
    }
    char few[sizeof(f32x16)] __attribute__((aligned(sizeof(f32x16))));
    narrow(few, 0, v, scale, type);
    const size_t size = element_bytes(type);
    for (size_t j = 0; j < count; j++) {
      memcpy((char *)elements + (at + (i + j) * step) * size, few + j * size, size);
    }
  }
}

// Keys of the sixteen positions of one block, `stride` floats apart: whole lines instead of a piece of each.
LCK_INLINE void store_key_block(void *keys, size_t at, const float *k, size_t stride, size_t head_size,
                                const float *scales, const lck_kv_type type) {
  for (size_t i = 0; i < head_size; i += lanes) {
    size_t count = head_size - i < lanes ? head_size - i : (size_t)lanes;
    i32x16 v[lanes];
    for (size_t p = 0; p < lanes; p++) {
      f32x16 x = count == lanes ? load(k + p * stride + i) : load_part(k + p * stride + i, count, 0);
      v[p] = (i32x16)x;
      if (type == lck_kv_q8) {
        i8x16 q = {0};
        if (scales[p] > 0) q = rounded_quotients(x, scales[p]);
        v[p] = __builtin_convertvector(q, i32x16);
      }
    }
    transpose(v);
    for (size_t j = 0; j < count; j++) {
      if (type == lck_kv_q8) {
        i8x16 q = __builtin_convertvector(v[j], i8x16);
        memcpy((int8_t *)keys + at + (i + j) * lanes, &q, sizeof q);
      } else {
        narrow(keys, at + (i + j) * lanes, (f32x16)v[j], 0, type);
      }
    }
  }
}

LCK_INLINE void store_positions(const lck_kv_head *head, const float *k, const float *v, size_t stride,
                                size_t position, size_t tokens, const lck_kv_type type) {
  const size_t n = head->head_size;
  if (type == lck_kv_q8) {
    for (size_t t = 0; t < tokens; t++) {
      head->key_scales[position + t] = group_scale(k + t * stride, n);
      head->value_scales[position + t] = group_scale(v + t * stride, n);
    }
  }
  for (size_t t = 0; t < tokens;) {
    size_t p = position + t, at = p / lanes * lanes * n + p % lanes;
    const float *scales = type == lck_kv_q8 ? head->key_scales + p : NULL;
    if (p % lanes == 0 && tokens - t >= lanes) {
      store_key_block(head->keys, at, k + t * stride, stride, n, scales, type);
      t += lanes;
    } else {
      store_vector(head->keys, at, lanes, k + t * stride, n, scales ? *scales : 0, type);
      t++;
    }
  }
  for (size_t t = 0; t < tokens; t++) {
    float scale = type == lck_kv_q8 ? head->value_scales[position + t] : 0;
    store_vector(head->values, (position + t) * n, 1, v + t * stride, n, scale, type);
  }
}

static LCK_TARGET void store_kv(const lck_kv_head *head, const float *k, const float *v, size_t stride,
                                size_t position, size_t tokens) {
  switch (head->type) {
    case lck_kv_f32: store_positions(head, k, v, stride, position, tokens, lck_kv_f32); break;
    case lck_kv_f16: store_positions(head, k, v, stride, position, tokens, lck_kv_f16); break;
    case lck_kv_q8: store_positions(head, k, v, stride, position, tokens, lck_kv_q8); break;
  }
}

#endif
