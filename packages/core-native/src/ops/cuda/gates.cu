#include "ops/cuda/launch.h"
#include "ops/cuda/numbers.cuh"
#include "ops/kernels.h"

// One block a row, so that no element has to divide its place by the width.
namespace ace {

namespace {

template <class T>
__global__ void gate_add_forward_kernel(T* y, const T* x, const T* b, const float* mod, int64_t width, int64_t per_sample,
                                        int64_t mod_rows, int gate_row) {
  const int64_t row = blockIdx.x, at = row * width;
  const float* gate = mod == nullptr ? nullptr : mod + (row / per_sample * mod_rows + gate_row) * width;
  for (int64_t i = threadIdx.x; i < width; i += cuda::kThreads) {
    const float branch = cuda::load(b + at + i);
    cuda::store(y + at + i, cuda::load(x + at + i) + (gate == nullptr ? branch : branch * gate[i]));
  }
}

template <class T>
__global__ void gate_backward_kernel(T* db, const T* dy, const float* mod, int64_t width, int64_t per_sample, int64_t mod_rows,
                                     int gate_row, bool accumulate) {
  const int64_t row = blockIdx.x, at = row * width;
  const float* gate = mod + (row / per_sample * mod_rows + gate_row) * width;
  for (int64_t i = threadIdx.x; i < width; i += cuda::kThreads) {
    const float gradient = cuda::load(dy + at + i) * gate[i];
    cuda::store(db + at + i, accumulate ? cuda::load(db + at + i) + gradient : gradient);
  }
}

}  // namespace

void cuda::gate_add_forward(Stream& stream, Tensor y, Tensor x, Tensor b, Tensor mod, int gate_row) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  if (x.elements() == 0) return;
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    launch("gate_add_forward", x.shape, stream, gate_add_forward_kernel<T>, static_cast<unsigned>(rows), kThreads, 0, y.as<T>(),
           x.as<T>(), b.as<T>(), mod.as<float>(), width, rows / x.shape[0], mod.given() ? mod.shape[1] : 0, gate_row);
  });
}

void cuda::gate_backward(Stream& stream, Tensor db, Tensor dy, Tensor mod, int gate_row, bool accumulate) {
  const int64_t rows = dy.shape.rows(), width = dy.shape.last();
  if (dy.elements() == 0) return;
  with_activation(db.dtype, [&](auto type) {
    using T = decltype(type);
    launch("gate_backward", dy.shape, stream, gate_backward_kernel<T>, static_cast<unsigned>(rows), kThreads, 0, db.as<T>(),
           dy.as<T>(), mod.as<float>(), width, rows / dy.shape[0], mod.shape[1], gate_row, accumulate);
  });
}

}  // namespace ace
