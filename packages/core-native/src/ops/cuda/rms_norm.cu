#include "ops/cuda/numbers.cuh"
#include "ops/cuda/reduce.cuh"
#include "ops/kernels.h"

// One block a row: two passes, of which the second finds the row in the cache.
namespace ace {

namespace {

template <class T>
__global__ void rms_norm_forward_kernel(T* y, float* rstd, const T* x, const float* weight, const float* mod, int64_t width,
                                        int64_t per_sample, int64_t mod_rows, int scale_row, int shift_row, float eps) {
  const int64_t row = blockIdx.x;
  cuda::SharedMemory shared;
  const auto partial = shared.take<float>(cuda::kThreads / cuda::kWarpSize);
  const T* in = x + row * width;
  T* out = y + row * width;
  float square = 0;
  for (int64_t i = threadIdx.x; i < width; i += cuda::kThreads) square += cuda::load(in + i) * cuda::load(in + i);
  const float r = 1.0f / sqrtf(cuda::block_sum(square, partial) / static_cast<float>(width) + eps);
  if (threadIdx.x == 0) rstd[row] = r;
  const float* sample = mod == nullptr ? nullptr : mod + row / per_sample * mod_rows * width;
  for (int64_t i = threadIdx.x; i < width; i += cuda::kThreads) {
    const float normed = cuda::load(in + i) * r * weight[i];
    cuda::store(out + i, mod == nullptr ? normed : normed * (1.0f + sample[scale_row * width + i]) + sample[shift_row * width + i]);
  }
}

// With u = dy weight (1 + scale): dx = rstd (u - x rstd^2 mean(u x)).
template <class T>
__global__ void rms_norm_backward_kernel(T* dx, const T* dy, const T* x, const float* rstd, const float* weight, const float* mod,
                                         int64_t width, int64_t per_sample, int64_t mod_rows, int scale_row, bool accumulate) {
  const int64_t row = blockIdx.x;
  cuda::SharedMemory shared;
  const auto partial = shared.take<float>(cuda::kThreads / cuda::kWarpSize);
  const T *in = x + row * width, *upstream = dy + row * width;
  const float* scale = mod == nullptr ? nullptr : mod + (row / per_sample * mod_rows + scale_row) * width;
  T* out = dx + row * width;
  auto weighted = [&](int64_t i) {
    const float u = cuda::load(upstream + i) * weight[i];
    return scale == nullptr ? u : u * (1.0f + scale[i]);
  };
  float dot = 0;
  for (int64_t i = threadIdx.x; i < width; i += cuda::kThreads) dot += weighted(i) * cuda::load(in + i);
  const float r = rstd[row], pull = cuda::block_sum(dot, partial) * r * r / static_cast<float>(width);
  // dx may be dy: each element is read before it is written, by the thread that writes it.
  for (int64_t i = threadIdx.x; i < width; i += cuda::kThreads) {
    const float gradient = r * (weighted(i) - cuda::load(in + i) * pull);
    cuda::store(out + i, accumulate ? cuda::load(out + i) + gradient : gradient);
  }
}

}  // namespace

void cuda::rms_norm_forward(Stream& stream, Tensor y, Tensor rstd, Tensor x, Tensor weight, Tensor mod, int scale_row,
                            int shift_row, double eps) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  if (x.elements() == 0) return;
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    launch("rms_norm_forward", x.shape, stream, rms_norm_forward_kernel<T>, static_cast<unsigned>(rows), kThreads,
           shared_bytes<float>(kThreads / kWarpSize), y.as<T>(), rstd.as<float>(), x.as<T>(), weight.as<float>(), mod.as<float>(),
           width, rows / x.shape[0], mod.given() ? mod.shape[1] : 0, scale_row, shift_row, static_cast<float>(eps));
  });
}

void cuda::rms_norm_backward(Stream& stream, Tensor dx, Tensor dy, Tensor x, Tensor rstd, Tensor weight, Tensor mod,
                             int scale_row, bool accumulate) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  if (x.elements() == 0) return;
  with_activation(dx.dtype, [&](auto type) {
    using T = decltype(type);
    launch("rms_norm_backward", x.shape, stream, rms_norm_backward_kernel<T>, static_cast<unsigned>(rows), kThreads,
           shared_bytes<float>(kThreads / kWarpSize), dx.as<T>(), dy.as<T>(), x.as<T>(), rstd.as<float>(), weight.as<float>(),
           mod.as<float>(), width, rows / x.shape[0], mod.given() ? mod.shape[1] : 0, scale_row, accumulate);
  });
}

}  // namespace ace
