#include "CKernels.h"
const lck_kernels *lck_kernels_named(const char *name) { return (void *)0; }
