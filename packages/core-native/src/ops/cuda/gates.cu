#include "ops/cuda/launch.h"
#include "ops/kernels.h"

// One block a row, so that no element has to divide its place by the width.
namespace ace {

namespace {

template <class T>
__global__ void gate_add_forward_kernel(T* y, const T* x, const T* b, const T* mod, int64_t width, int64_t per_sample,
                                        int64_t mod_rows, int gate_row) {
  const int64_t row = blockIdx.x, at = row * width;
  const T* gate = mod == nullptr ? nullptr : mod + (row / per_sample * mod_rows + gate_row) * width;
  for (int64_t i = threadIdx.x; i < width; i += cuda::kThreads) y[at + i] = x[at + i] + (gate == nullptr ? b[at + i] : b[at + i] * gate[i]);
}

template <class T>
__global__ void gate_backward_kernel(T* db, const T* dy, const T* mod, int64_t width, int64_t per_sample, int64_t mod_rows,
                                     int gate_row, bool accumulate) {
  const int64_t row = blockIdx.x, at = row * width;
  const T* gate = mod + (row / per_sample * mod_rows + gate_row) * width;
  for (int64_t i = threadIdx.x; i < width; i += cuda::kThreads) {
    const T gradient = dy[at + i] * gate[i];
    db[at + i] = accumulate ? db[at + i] + gradient : gradient;
  }
}

}  // namespace

void cuda::gate_add_forward(Stream& stream, Tensor y, Tensor x, Tensor b, Tensor mod, int gate_row) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  if (x.elements() == 0) return;
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    gate_add_forward_kernel<T><<<static_cast<unsigned>(rows), kThreads, 0, static_cast<cudaStream_t>(stream.cuda_stream)>>>(
        y.as<T>(), x.as<T>(), b.as<T>(), mod.as<T>(), width, rows / x.shape[0], mod.given() ? mod.shape[1] : 0, gate_row);
  });
  check_launch("gate_add_forward", x.shape);
}

void cuda::gate_backward(Stream& stream, Tensor db, Tensor dy, Tensor mod, int gate_row, bool accumulate) {
  const int64_t rows = dy.shape.rows(), width = dy.shape.last();
  if (dy.elements() == 0) return;
  with_float(db.dtype, [&](auto type) {
    using T = decltype(type);
    gate_backward_kernel<T><<<static_cast<unsigned>(rows), kThreads, 0, static_cast<cudaStream_t>(stream.cuda_stream)>>>(
        db.as<T>(), dy.as<T>(), mod.as<T>(), width, rows / dy.shape[0], mod.shape[1], gate_row, accumulate);
  });
  check_launch("gate_backward", dy.shape);
}

}  // namespace ace
