#include "ops/cuda/eights.cuh"
#include "ops/kernels.h"

// gate and up are the two halves of one product's columns, and so are their gradients: rows may lie apart.
namespace ace {

namespace {

constexpr int64_t kRows = 4;  // of a block

// Never a division by infinity: __fdividef gives 0 for a divisor beyond 2^126, which is what the sigmoid rounds to.
__device__ float sigmoid(float x) { return __fdividef(1.0f, 1.0f + expf(-x)); }

template <class T>
__global__ void swiglu_forward_kernel(cuda::Rows<T> h, cuda::Rows<const T> gate, cuda::Rows<const T> up, int64_t rows, int64_t width, bool vector) {
  const int64_t column = cuda::first_column(), count = width - column;
  if (count <= 0) return;
  cuda::for_block_rows<kRows>(rows, [&](int64_t row) {
    float g[cuda::kEight], u[cuda::kEight];
    cuda::load_eight(g, gate.data + row * gate.stride + column, count, vector);
    cuda::load_eight(u, up.data + row * up.stride + column, count, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) g[j] *= sigmoid(g[j]) * u[j];
    cuda::store_eight(h.data + row * h.stride + column, g, count, vector);
  });
}

template <class T>
__global__ void swiglu_backward_kernel(cuda::Rows<T> dgate, cuda::Rows<T> dup, cuda::Rows<const T> dh, cuda::Rows<const T> gate,
                                       cuda::Rows<const T> up, int64_t rows, int64_t width, bool accumulate_gate, bool accumulate_up, bool vector) {
  const int64_t column = cuda::first_column(), count = width - column;
  if (count <= 0) return;
  cuda::for_block_rows<kRows>(rows, [&](int64_t row) {
    float g[cuda::kEight], u[cuda::kEight], d[cuda::kEight], dg[cuda::kEight] = {}, du[cuda::kEight] = {};
    cuda::load_eight(g, gate.data + row * gate.stride + column, count, vector);
    cuda::load_eight(u, up.data + row * up.stride + column, count, vector);
    cuda::load_eight(d, dh.data + row * dh.stride + column, count, vector);
    if (accumulate_gate) cuda::load_eight(dg, dgate.data + row * dgate.stride + column, count, vector);
    if (accumulate_up) cuda::load_eight(du, dup.data + row * dup.stride + column, count, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) {
      const float s = sigmoid(g[j]);
      du[j] += d[j] * g[j] * s;
      dg[j] += d[j] * u[j] * s * (1.0f + g[j] * (1.0f - s));
    }
    cuda::store_eight(dgate.data + row * dgate.stride + column, dg, count, vector);
    cuda::store_eight(dup.data + row * dup.stride + column, du, count, vector);
  });
}

}  // namespace

void cuda::swiglu_forward(Stream& stream, Tensor h, Tensor gate, Tensor up) {
  if (h.elements() == 0) return;
  const int64_t rows = h.shape.rows(), width = h.shape.last();
  with_activation(h.dtype, [&](auto type) {
    using T = decltype(type);
    launch("swiglu_forward", h.shape, stream, swiglu_forward_kernel<T>, column_grid<kRows>(rows, width), kColumnThreads, 0, rows_of<T>(h),
           rows_of<const T>(gate), rows_of<const T>(up), rows, width, aligned_rows(h, gate, up));
  });
}

void cuda::swiglu_backward(Stream& stream, Tensor dgate, Tensor dup, Tensor dh, Tensor gate, Tensor up, bool accumulate_gate,
                           bool accumulate_up) {
  if (dh.elements() == 0) return;
  const int64_t rows = dh.shape.rows(), width = dh.shape.last();
  with_activation(dh.dtype, [&](auto type) {
    using T = decltype(type);
    launch("swiglu_backward", dh.shape, stream, swiglu_backward_kernel<T>, column_grid<kRows>(rows, width), kColumnThreads, 0, rows_of<T>(dgate),
           rows_of<T>(dup), rows_of<const T>(dh), rows_of<const T>(gate), rows_of<const T>(up), rows, width, accumulate_gate, accumulate_up,
           aligned_rows(dgate, dup, dh, gate, up));
  });
}

}  // namespace ace
