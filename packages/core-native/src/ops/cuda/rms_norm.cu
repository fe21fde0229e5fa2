#include "ops/cuda/reduce.cuh"
#include "ops/kernels.h"

// One block a row: two passes, of which the second finds the row in the cache.
namespace ace {

namespace {

template <class T>
__global__ void rms_norm_forward_kernel(T* y, T* rstd, const T* x, const T* weight, const T* mod, int64_t width,
                                        int64_t per_sample, int64_t mod_rows, int scale_row, int shift_row, T eps) {
  const int64_t row = blockIdx.x;
  const T* in = x + row * width;
  T* out = y + row * width;
  T square = 0;
  for (int64_t i = threadIdx.x; i < width; i += cuda::kThreads) square += in[i] * in[i];
  const T r = T(1) / sqrt(cuda::block_sum(square) / T(width) + eps);
  if (threadIdx.x == 0) rstd[row] = r;
  if (mod == nullptr) {
    for (int64_t i = threadIdx.x; i < width; i += cuda::kThreads) out[i] = in[i] * r * weight[i];
    return;
  }
  const T* sample = mod + row / per_sample * mod_rows * width;
  const T *scale = sample + scale_row * width, *shift = sample + shift_row * width;
  for (int64_t i = threadIdx.x; i < width; i += cuda::kThreads) out[i] = in[i] * r * weight[i] * (T(1) + scale[i]) + shift[i];
}

// With u = dy weight (1 + scale): dx = rstd (u - x rstd^2 mean(u x)).
template <class T>
__global__ void rms_norm_backward_kernel(T* dx, const T* dy, const T* x, const T* rstd, const T* weight, const T* mod,
                                         int64_t width, int64_t per_sample, int64_t mod_rows, int scale_row, bool accumulate) {
  const int64_t row = blockIdx.x;
  const T *in = x + row * width, *upstream = dy + row * width;
  const T* scale = mod == nullptr ? nullptr : mod + (row / per_sample * mod_rows + scale_row) * width;
  T* out = dx + row * width;
  auto weighted = [&](int64_t i) {
    const T u = upstream[i] * weight[i];
    return scale == nullptr ? u : u * (T(1) + scale[i]);
  };
  T dot = 0;
  for (int64_t i = threadIdx.x; i < width; i += cuda::kThreads) dot += weighted(i) * in[i];
  const T r = rstd[row], pull = cuda::block_sum(dot) * r * r / T(width);
  // dx may be dy: each element is read before it is written, by the thread that writes it.
  for (int64_t i = threadIdx.x; i < width; i += cuda::kThreads) {
    const T gradient = r * (weighted(i) - in[i] * pull);
    out[i] = accumulate ? out[i] + gradient : gradient;
  }
}

}  // namespace

void cuda::rms_norm_forward(Stream& stream, Tensor y, Tensor rstd, Tensor x, Tensor weight, Tensor mod, int scale_row,
                            int shift_row, double eps) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  if (x.elements() == 0) return;
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    rms_norm_forward_kernel<T><<<static_cast<unsigned>(rows), kThreads, 0, static_cast<cudaStream_t>(stream.cuda_stream)>>>(
        y.as<T>(), rstd.as<T>(), x.as<T>(), weight.as<T>(), mod.as<T>(), width, rows / x.shape[0],
        mod.given() ? mod.shape[1] : 0, scale_row, shift_row, T(eps));
  });
  check_launch("rms_norm_forward", x.shape);
}

void cuda::rms_norm_backward(Stream& stream, Tensor dx, Tensor dy, Tensor x, Tensor rstd, Tensor weight, Tensor mod,
                             int scale_row, bool accumulate) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  if (x.elements() == 0) return;
  with_float(dx.dtype, [&](auto type) {
    using T = decltype(type);
    rms_norm_backward_kernel<T><<<static_cast<unsigned>(rows), kThreads, 0, static_cast<cudaStream_t>(stream.cuda_stream)>>>(
        dx.as<T>(), dy.as<T>(), x.as<T>(), rstd.as<T>(), weight.as<T>(), mod.as<T>(), width, rows / x.shape[0],
        mod.given() ? mod.shape[1] : 0, scale_row, accumulate);
  });
  check_launch("rms_norm_backward", x.shape);
}

}  // namespace ace
