#include "FailingOpenCL.h"

#include <stdlib.h>
#include <unistd.h>

#include "COpenCL.h"

static cl_functions real;

// Before anything is called: whoever loads this library looks up its functions first.
__attribute__((constructor)) static void load_real(void) {
  char message[512];
  if (cl_load(&real, "libOpenCL.so.1", message, sizeof message) != 0) abort();
}

// A function that calls the machine's: what it returns, its name, its parameters, and their names.
#define FORWARD(result, name, parameters, arguments) \
  result name parameters { return real.name arguments; }

FORWARD(int32_t, clGetPlatformIDs, (uint32_t a, cl_platform_id *b, uint32_t *c), (a, b, c))
FORWARD(int32_t, clGetPlatformInfo, (cl_platform_id a, uint32_t b, size_t c, void *d, size_t *e), (a, b, c, d, e))
FORWARD(int32_t, clGetDeviceIDs, (cl_platform_id a, uint64_t b, uint32_t c, cl_device_id *d, uint32_t *e),
        (a, b, c, d, e))
FORWARD(int32_t, clGetDeviceInfo, (cl_device_id a, uint32_t b, size_t c, void *d, size_t *e), (a, b, c, d, e))
FORWARD(cl_context, clCreateContext,
        (const intptr_t *a, uint32_t b, const cl_device_id *c, void *d, void *e, int32_t *f), (a, b, c, d, e, f))
FORWARD(int32_t, clReleaseContext, (cl_context a), (a))
FORWARD(cl_command_queue, clCreateCommandQueue, (cl_context a, cl_device_id b, uint64_t c, int32_t *d), (a, b, c, d))
FORWARD(int32_t, clReleaseCommandQueue, (cl_command_queue a), (a))
FORWARD(cl_mem, clCreateBuffer, (cl_context a, uint64_t b, size_t c, void *d, int32_t *e), (a, b, c, d, e))
FORWARD(int32_t, clReleaseMemObject, (cl_mem a), (a))
FORWARD(cl_program, clCreateProgramWithSource,
        (cl_context a, uint32_t b, const char **c, const size_t *d, int32_t *e), (a, b, c, d, e))
FORWARD(cl_program, clCreateProgramWithBinary,
        (cl_context a, uint32_t b, const cl_device_id *c, const size_t *d, const unsigned char **e, int32_t *f,
         int32_t *g),
        (a, b, c, d, e, f, g))
FORWARD(int32_t, clBuildProgram,
        (cl_program a, uint32_t b, const cl_device_id *c, const char *d, void *e, void *f), (a, b, c, d, e, f))
FORWARD(int32_t, clGetProgramBuildInfo,
        (cl_program a, cl_device_id b, uint32_t c, size_t d, void *e, size_t *f), (a, b, c, d, e, f))
FORWARD(int32_t, clGetProgramInfo, (cl_program a, uint32_t b, size_t c, void *d, size_t *e), (a, b, c, d, e))
FORWARD(int32_t, clReleaseProgram, (cl_program a), (a))
FORWARD(cl_kernel, clCreateKernel, (cl_program a, const char *b, int32_t *c), (a, b, c))
FORWARD(int32_t, clReleaseKernel, (cl_kernel a), (a))
FORWARD(int32_t, clSetKernelArg, (cl_kernel a, uint32_t b, size_t c, const void *d), (a, b, c, d))
FORWARD(int32_t, clEnqueueReadBuffer,
        (cl_command_queue a, cl_mem b, uint32_t c, size_t d, size_t e, void *f, uint32_t g, const void *h, void *i),
        (a, b, c, d, e, f, g, h, i))
FORWARD(int32_t, clEnqueueWriteBuffer,
        (cl_command_queue a, cl_mem b, uint32_t c, size_t d, size_t e, const void *f, uint32_t g, const void *h,
         void *i),
        (a, b, c, d, e, f, g, h, i))
FORWARD(int32_t, clFinish, (cl_command_queue a), (a))

int32_t clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, uint32_t dimensions, const size_t *offset,
                               const size_t *global, const size_t *local, uint32_t count, const void *events,
                               void *event) {
  const char *broken = getenv("FAILING_OPENCL");
  if (broken != NULL && access(broken, F_OK) == 0) return -5;
  return real.clEnqueueNDRangeKernel(queue, kernel, dimensions, offset, global, local, count, events, event);
}
