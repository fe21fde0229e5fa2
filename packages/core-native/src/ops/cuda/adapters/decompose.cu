#include <limits>

#include "ops/cuda/eights.cuh"
#include "ops/cuda/reduce.cuh"
#include "ops/kernels.h"

// LyCORIS' weight decompose, one block a row: the sum w + delta is formed in float and never rounded before the norm.
namespace ace {

namespace {

constexpr float kEpsilon = std::numeric_limits<float>::epsilon();

// Calls body(i, v, count) with v = w + delta at [i, i + 8) of the block's row.
template <class T, class W, class F>
__device__ void for_sums(const W* w, const T* delta, int64_t width, bool vector, F&& body) {
  for (int64_t i = threadIdx.x * cuda::kEight; i < width; i += cuda::kThreads * cuda::kEight) {
    float v[cuda::kEight], change[cuda::kEight];
    cuda::load_eight(v, w + i, width - i, vector);
    cuda::load_eight(change, delta + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) v[j] += change[j];
    body(i, v);
  }
}

template <class T, class W>
__global__ void weight_decompose_forward_kernel(T* wd, float* norm, const W* w, const T* delta, const float* magnitude, int64_t width,
                                                bool vector) {
  const int64_t row = blockIdx.x, at = row * width;
  cuda::SharedMemory shared;
  const auto partial = shared.take<float>(cuda::kThreads / cuda::kWarpSize);
  float square = 0;
  for_sums(w + at, delta + at, width, vector, [&](int64_t, const float(&v)[cuda::kEight]) {
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) square += v[j] * v[j];
  });
  const float n = sqrtf(cuda::block_sum(square, partial)), factor = magnitude[row] / (n + kEpsilon);
  if (threadIdx.x == 0) norm[row] = n;
  for_sums(w + at, delta + at, width, vector, [&](int64_t i, float(&v)[cuda::kEight]) {
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) v[j] *= factor;
    cuda::store_eight(wd + at + i, v, width - i, vector);
  });
}

// d/dv of v m / (|v| + eps): the direction of v is damped because its length grows the divisor.
template <class T, class W>
__global__ void weight_decompose_backward_kernel(T* ddelta, float* dmagnitude, const T* r, const W* w, const T* delta, const float* norm,
                                                 const float* magnitude, int64_t width, bool vector) {
  const int64_t row = blockIdx.x, at = row * width;
  cuda::SharedMemory shared;
  const auto partial = shared.take<float>(cuda::kThreads / cuda::kWarpSize);
  float mine = 0;
  for_sums(w + at, delta + at, width, vector, [&](int64_t i, const float(&v)[cuda::kEight]) {
    float g[cuda::kEight];
    cuda::load_eight(g, r + at + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) mine += g[j] * v[j];
  });
  const float dot = cuda::block_sum(mine, partial);
  const float n = norm[row], m = magnitude[row], over = 1.0f / (n + kEpsilon), pull = n > 0 ? m * dot * over * over / n : 0.0f;
  if (threadIdx.x == 0) dmagnitude[row] += dot * over;
  for_sums(w + at, delta + at, width, vector, [&](int64_t i, float(&v)[cuda::kEight]) {
    float g[cuda::kEight];
    cuda::load_eight(g, r + at + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) v[j] = m * over * g[j] - pull * v[j];
    cuda::store_eight(ddelta + at + i, v, width - i, vector);
  });
}

}  // namespace

void cuda::weight_decompose_forward(Stream& stream, Tensor wd, Tensor norm, Tensor w, Tensor delta, Tensor magnitude) {
  if (w.elements() == 0) return;
  with_activation(wd.dtype, [&](auto type) {
    with_activation(w.dtype, [&](auto weight) {
      using T = decltype(type);
      using W = decltype(weight);
      launch("weight_decompose_forward", w.shape, stream, weight_decompose_forward_kernel<T, W>, static_cast<unsigned>(w.shape.rows()),
             kThreads, shared_bytes<float>(kThreads / kWarpSize), wd.as<T>(), norm.as<float>(), w.as<W>(), delta.as<T>(),
             magnitude.as<float>(), w.shape.last(), aligned_rows(wd, w, delta));
    });
  });
}

void cuda::weight_decompose_backward(Stream& stream, Tensor ddelta, Tensor dmagnitude, Tensor r, Tensor w, Tensor delta, Tensor norm,
                                     Tensor magnitude) {
  if (w.elements() == 0) return;
  with_activation(r.dtype, [&](auto type) {
    with_activation(w.dtype, [&](auto weight) {
      using T = decltype(type);
      using W = decltype(weight);
      launch("weight_decompose_backward", w.shape, stream, weight_decompose_backward_kernel<T, W>,
             static_cast<unsigned>(w.shape.rows()), kThreads, shared_bytes<float>(kThreads / kWarpSize), ddelta.as<T>(),
             dmagnitude.as<float>(), r.as<T>(), w.as<W>(), delta.as<T>(), norm.as<float>(), magnitude.as<float>(), w.shape.last(),
             aligned_rows(ddelta, r, w, delta));
    });
  });
}

}  // namespace ace
