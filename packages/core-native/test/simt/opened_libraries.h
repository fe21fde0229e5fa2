// For libraries that the emulated program opens at run time, as it would NVIDIA's: how they put work on a stream.
#pragma once
#include <functional>

// Runs `work` with device memory open, or records it where `stream` (a cudaStream_t) is captured.
extern "C" __attribute__((visibility("default"))) void simt_put(void* stream, const std::function<void()>& work);
