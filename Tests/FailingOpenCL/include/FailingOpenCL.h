// FailingOpenCL: an OpenCL library for tests, loaded in place of this machine's by $LLAMA_CHAT_OPENCL. All goes to the
// machine's, but while the file $FAILING_OPENCL is there, no kernel is launched: CL_OUT_OF_RESOURCES.
