// COpenCL: what this program calls of OpenCL 1.2, looked up at run time, so that nothing is needed to build it
// and a machine without OpenCL runs everything else.
#ifndef LLAMA_CHAT_COPENCL_H
#define LLAMA_CHAT_COPENCL_H

#include <stddef.h>
#include <stdint.h>

typedef struct cl_platform *cl_platform_id;
typedef struct cl_device *cl_device_id;
typedef struct cl_context_object *cl_context;
typedef struct cl_queue_object *cl_command_queue;
typedef struct cl_memory_object *cl_mem;
typedef struct cl_program_object *cl_program;
typedef struct cl_kernel_object *cl_kernel;

enum {
  CL_SUCCESS = 0,
  CL_DEVICE_NOT_FOUND = -1,
  CL_PLATFORM_NOT_FOUND_KHR = -1001,

  CL_PLATFORM_VERSION = 0x0901,
  CL_PLATFORM_NAME = 0x0902,
  CL_DEVICE_TYPE_INFO = 0x1000,
  CL_DEVICE_MAX_COMPUTE_UNITS = 0x1002,
  CL_DEVICE_MAX_WORK_GROUP_SIZE = 0x1004,
  CL_DEVICE_MAX_MEM_ALLOC_SIZE = 0x1010,
  CL_DEVICE_SINGLE_FP_CONFIG = 0x101B,
  CL_DEVICE_GLOBAL_MEM_SIZE = 0x101F,
  CL_DEVICE_LOCAL_MEM_SIZE = 0x1023,
  CL_DEVICE_AVAILABLE = 0x1027,
  CL_DEVICE_COMPILER_AVAILABLE = 0x1028,
  CL_DEVICE_NAME = 0x102B,
  CL_DRIVER_VERSION = 0x102D,
  CL_DEVICE_VERSION = 0x102F,
  CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT = 0x103A,
  CL_DEVICE_EXTENSIONS = 0x1030,
  CL_PROGRAM_BINARY_SIZES = 0x1165,
  CL_PROGRAM_BINARIES = 0x1166,
  CL_PROGRAM_BUILD_LOG = 0x1183,

  CL_DEVICE_TYPE_CPU = 1 << 1,
  CL_FP_DENORM = 1 << 0,
  CL_FP_INF_NAN = 1 << 1,
  CL_FP_ROUND_TO_NEAREST = 1 << 2,
  CL_FP_FMA = 1 << 5,
  CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT = 1 << 7,
  CL_MEM_READ_WRITE = 1 << 0,
};
#define CL_DEVICE_TYPE_ALL 0xFFFFFFFFull

// OpenCL's functions, by their names.
typedef struct cl_functions {
  int32_t (*clGetPlatformIDs)(uint32_t, cl_platform_id *, uint32_t *);
  int32_t (*clGetPlatformInfo)(cl_platform_id, uint32_t, size_t, void *, size_t *);
  int32_t (*clGetDeviceIDs)(cl_platform_id, uint64_t, uint32_t, cl_device_id *, uint32_t *);
  int32_t (*clGetDeviceInfo)(cl_device_id, uint32_t, size_t, void *, size_t *);
  cl_context (*clCreateContext)(const intptr_t *, uint32_t, const cl_device_id *, void *, void *, int32_t *);
  int32_t (*clReleaseContext)(cl_context);
  cl_command_queue (*clCreateCommandQueue)(cl_context, cl_device_id, uint64_t, int32_t *);
  int32_t (*clReleaseCommandQueue)(cl_command_queue);
  cl_mem (*clCreateBuffer)(cl_context, uint64_t, size_t, void *, int32_t *);
  int32_t (*clReleaseMemObject)(cl_mem);
  cl_program (*clCreateProgramWithSource)(cl_context, uint32_t, const char **, const size_t *, int32_t *);
  cl_program (*clCreateProgramWithBinary)(cl_context, uint32_t, const cl_device_id *, const size_t *,
                                          const unsigned char **, int32_t *, int32_t *);
  int32_t (*clBuildProgram)(cl_program, uint32_t, const cl_device_id *, const char *, void *, void *);
  int32_t (*clGetProgramBuildInfo)(cl_program, cl_device_id, uint32_t, size_t, void *, size_t *);
  int32_t (*clGetProgramInfo)(cl_program, uint32_t, size_t, void *, size_t *);
  int32_t (*clReleaseProgram)(cl_program);
  cl_kernel (*clCreateKernel)(cl_program, const char *, int32_t *);
  int32_t (*clReleaseKernel)(cl_kernel);
  int32_t (*clSetKernelArg)(cl_kernel, uint32_t, size_t, const void *);
  int32_t (*clEnqueueNDRangeKernel)(cl_command_queue, cl_kernel, uint32_t, const size_t *, const size_t *,
                                    const size_t *, uint32_t, const void *, void *);
  int32_t (*clEnqueueReadBuffer)(cl_command_queue, cl_mem, uint32_t, size_t, size_t, void *, uint32_t, const void *,
                                 void *);
  int32_t (*clEnqueueWriteBuffer)(cl_command_queue, cl_mem, uint32_t, size_t, size_t, const void *, uint32_t,
                                  const void *, void *);
  int32_t (*clFinish)(cl_command_queue);
} cl_functions;

// Loads the library at `path` and looks up every function. Returns 0; else -1, with the reason in `message`.
int cl_load(cl_functions *functions, const char *path, char *message, size_t size);

#endif
