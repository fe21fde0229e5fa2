// For libraries that the emulated program opens at run time, as it would NVIDIA's: how they put work on a stream.
#pragma once
#include <functional>

// Puts `work` on `stream` (a cudaStream_t): device memory is open while it runs. False where the stream takes none.
extern "C" __attribute__((visibility("default"))) bool simt_put(void* stream, const std::function<void()>& work);
