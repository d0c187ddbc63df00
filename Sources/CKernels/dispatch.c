// Which tables this CPU, and the operating system under it, can run.
#include <string.h>

#include "tables.h"

// Fastest first. A CPU that runs one runs all that follow.
static const lck_kernels *const tables[] = {&lck_scalar, NULL};
static const char *const names[] = {"scalar", NULL};

static size_t first_that_runs(void) { return 0; }

const lck_kernels *lck_kernels_best(void) { return tables[first_that_runs()]; }

const char *const *lck_kernel_names(void) { return names + first_that_runs(); }

const lck_kernels *lck_kernels_named(const char *name) {
  for (const lck_kernels *const *table = tables + first_that_runs(); *table; table++) {
    if (strcmp((*table)->name, name) == 0) return *table;
  }
  return NULL;
}
