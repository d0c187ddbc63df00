#include "COpenCL.h"

#include <dlfcn.h>
#include <stdio.h>

int cl_load(cl_functions *functions, const char *path, char *message, size_t size) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    snprintf(message, size, "%s", dlerror());
    return -1;
  }
  // Pointers to functions come as pointers to data, which POSIX guarantees to have the same form.
#define LOOK_UP(name)                                    \
  *(void **)&functions->name = dlsym(library, #name);    \
  if (functions->name == NULL) {                         \
    snprintf(message, size, "%s has no " #name, path);   \
    return -1;                                           \
  }
  LOOK_UP(clGetPlatformIDs)
  LOOK_UP(clGetPlatformInfo)
  LOOK_UP(clGetDeviceIDs)
  LOOK_UP(clGetDeviceInfo)
  LOOK_UP(clCreateContext)
  LOOK_UP(clReleaseContext)
  LOOK_UP(clCreateCommandQueue)
  LOOK_UP(clReleaseCommandQueue)
  LOOK_UP(clCreateBuffer)
  LOOK_UP(clReleaseMemObject)
  LOOK_UP(clCreateProgramWithSource)
  LOOK_UP(clCreateProgramWithBinary)
  LOOK_UP(clBuildProgram)
  LOOK_UP(clGetProgramBuildInfo)
  LOOK_UP(clGetProgramInfo)
  LOOK_UP(clReleaseProgram)
  LOOK_UP(clCreateKernel)
  LOOK_UP(clReleaseKernel)
  LOOK_UP(clSetKernelArg)
  LOOK_UP(clEnqueueNDRangeKernel)
  LOOK_UP(clEnqueueReadBuffer)
  LOOK_UP(clEnqueueWriteBuffer)
  LOOK_UP(clFinish)
#undef LOOK_UP
  return 0;
}
