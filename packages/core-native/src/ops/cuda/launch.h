#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <string>

#include "tensor/tensor.h"

// What every CUDA kernel file shares: launch sizes, the compute type, and the check after each launch.
namespace ace::cuda {

constexpr int kThreads = 256;

inline unsigned blocks(int64_t items) { return static_cast<unsigned>((items + kThreads - 1) / kThreads); }

inline void check(cudaError_t error, const char* op, const Shape& shape) {
  if (error != cudaSuccess)
    throw Error(ErrorCode::device, std::string("CUDA: ") + op + " " + shape.text() + ": " + cudaGetErrorString(error));
}

inline void check_launch(const char* op, const Shape& shape) { check(cudaGetLastError(), op, shape); }

// Calls f(T{}) with the compute type of `dtype`.
template <class F>
void with_float(DType dtype, F&& f) {
  if (dtype == DType::f32) return f(float{});
  if (dtype == DType::f64) return f(double{});
  throw Error(ErrorCode::internal, std::string("a CUDA kernel was given a ") + name(dtype) + " tensor");
}

}  // namespace ace::cuda
