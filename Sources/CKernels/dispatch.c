// Which tables this CPU, and the operating system under it, can run.
#include <string.h>

#include "tables.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

// Fastest first.
static const lck_kernels *const tables[] = {
#if defined(__x86_64__)
    &lck_avx512vnni, &lck_avxvnni, &lck_avx2,
#elif defined(__aarch64__)
    &lck_neoni8mm, &lck_neon,
#endif
    &lck_scalar,
};
enum { table_count = sizeof tables / sizeof *tables };

#if defined(__x86_64__)
static bool runs(const lck_kernels *table) {
  // These ask the operating system too: it must save the wide registers.
  __builtin_cpu_init();
  if (table == &lck_scalar) return true;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c")) {
    return false;
  }
  if (table == &lck_avxvnni) return __builtin_cpu_supports("avxvnni");
  return table == &lck_avx2
         || (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
             && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"));
}
#elif defined(__aarch64__) && defined(__linux__)
static bool runs(const lck_kernels *table) {
  const unsigned long dot_products = 1UL << 20;  // HWCAP_ASIMDDP
  const unsigned long int8_matrices = 1UL << 13;  // HWCAP2_I8MM
  if (table == &lck_scalar) return true;
  return getauxval(AT_HWCAP) & dot_products && (table != &lck_neoni8mm || getauxval(AT_HWCAP2) & int8_matrices);
}
#elif defined(__aarch64__) && defined(__APPLE__)
// Every Apple CPU since the A13 and M1 has dot products; int8 matrices came with the A15 and M2.
static bool runs(const lck_kernels *table) {
  int has = 0;
  size_t size = sizeof has;
  return table != &lck_neoni8mm
         || (sysctlbyname("hw.optional.arm.FEAT_I8MM", &has, &size, NULL, 0) == 0 && has != 0);
}
#else
static bool runs(const lck_kernels *table) { return table == &lck_scalar; }
#endif

const lck_kernels *lck_kernels_at(size_t index) {
  for (size_t i = 0; i < table_count; i++) {
    if (runs(tables[i]) && index-- == 0) return tables[i];
  }
  return NULL;
}

const lck_kernels *lck_kernels_best(void) { return lck_kernels_at(0); }

const lck_kernels *lck_kernels_named(const char *name) {
  for (size_t i = 0; i < table_count; i++) {
    if (runs(tables[i]) && strcmp(tables[i]->name, name) == 0) return tables[i];
  }
  return NULL;
}
