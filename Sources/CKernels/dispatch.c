// Which tables this CPU, and the operating system under it, can run.
#include <string.h>

#include "tables.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

// Fastest first. A CPU that runs one runs all that follow.
#if defined(__x86_64__)
static const lck_kernels *const tables[] = {&lck_avx512vnni, &lck_avx2, &lck_scalar, NULL};
static const char *const names[] = {"avx512vnni", "avx2", "scalar", NULL};
#elif defined(__aarch64__)
static const lck_kernels *const tables[] = {&lck_neon, &lck_scalar, NULL};
static const char *const names[] = {"neon", "scalar", NULL};
#else
static const lck_kernels *const tables[] = {&lck_scalar, NULL};
static const char *const names[] = {"scalar", NULL};
#endif

// The index in `tables` of the first one that runs here.
static size_t first_that_runs(void) {
#if defined(__x86_64__)
  // These ask the operating system too: it must save the wide registers.
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c")) {
    return 2;
  }
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
                 && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni")
             ? 0
             : 1;
#elif defined(__aarch64__) && defined(__linux__)
  const unsigned long dot_products = 1UL << 20;  // HWCAP_ASIMDDP
  return getauxval(AT_HWCAP) & dot_products ? 0 : 1;
#else
  return 0;  // every Apple CPU since the A13 and M1 has dot products
#endif
}

const lck_kernels *lck_kernels_best(void) { return tables[first_that_runs()]; }

const char *const *lck_kernel_names(void) { return names + first_that_runs(); }

const lck_kernels *lck_kernels_named(const char *name) {
  for (const lck_kernels *const *table = tables + first_that_runs(); *table; table++) {
    if (strcmp((*table)->name, name) == 0) return *table;
  }
  return NULL;
}
