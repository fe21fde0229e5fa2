#pragma once
#include <cuda_runtime.h>

#include <string>

#include "tensor/tensor.h"

// What every CUDA kernel file shares: launch sizes and the check after each launch.
namespace ace::cuda {

constexpr int kThreads = 256;

inline unsigned blocks(int64_t items) { return static_cast<unsigned>((items + kThreads - 1) / kThreads); }

inline void check(cudaError_t error, const char* op, const Shape& shape) {
  if (error != cudaSuccess)
    throw Error(ErrorCode::device, std::string("CUDA: ") + op + " " + shape.text() + ": " + cudaGetErrorString(error));
}

inline void check_launch(const char* op, const Shape& shape) { check(cudaGetLastError(), op, shape); }

}  // namespace ace::cuda
