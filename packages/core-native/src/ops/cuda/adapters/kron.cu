#include "ops/cuda/eights.cuh"
#include "ops/cuda/reduce.cuh"
#include "ops/kernels.h"

// Kronecker products as whole matrices: only for decomposed adapters, whose row norm needs every element.
namespace ace {

namespace {

constexpr int kSumColumns = 32, kSumGroups = 8;  // of kron_second_backward: 32 columns of w2 by 8 groups of terms

// One block a row of delta [a c, b d].
template <class T>
__global__ void kron_kernel(T* delta, const T* w1, const T* w2, int64_t b, int64_t c, int64_t d, float scale) {
  const int64_t row = blockIdx.x;
  const T *left = w1 + row / c * b, *right = w2 + row % c * d;
  T* out = delta + row * b * d;
  for (int64_t at = threadIdx.x; at < b * d; at += cuda::kThreads)
    cuda::store(out + at, scale * cuda::load(left + at / d) * cuda::load(right + at % d));
}

// One block an element of dw1: s times the sum of a [c, d] tile of r with w2.
template <class T, class G>
__global__ void kron_first_backward_kernel(G* dw1, const T* r, const T* w2, int64_t b, int64_t c, int64_t d, float scale) {
  cuda::SharedMemory shared;
  const auto partial = shared.take<float>(cuda::kThreads / cuda::kWarpSize);
  const int64_t i = blockIdx.x / b, j = blockIdx.x % b;
  float mine = 0;
  for (int64_t at = threadIdx.x; at < c * d; at += cuda::kThreads)
    mine += cuda::load(r + (i * c + at / d) * b * d + j * d + at % d) * cuda::load(w2 + at);
  const float sum = cuda::block_sum(mine, partial);
  if (threadIdx.x == 0) cuda::store(dw1 + blockIdx.x, cuda::load(dw1 + blockIdx.x) + scale * sum);
}

// One block 32 columns of a row of dw2: group g sums the terms (i, j) with j % 8 = g, then the groups are added in order.
template <class T, class G>
__global__ void kron_second_backward_kernel(G* dw2, const T* r, const T* w1, int64_t a, int64_t b, int64_t c, int64_t d, float scale) {
  cuda::SharedMemory shared;
  const auto partial = shared.take<float>(kSumColumns * kSumGroups);
  const int column = static_cast<int>(threadIdx.x) % kSumColumns, group = static_cast<int>(threadIdx.x) / kSumColumns;
  const int64_t k = blockIdx.x % c, l = blockIdx.x / c * kSumColumns + column;
  float sum = 0;
  if (l < d)
    for (int64_t i = 0; i < a; ++i)
      for (int64_t j = group; j < b; j += kSumGroups) sum += cuda::load(r + (i * c + k) * b * d + j * d + l) * cuda::load(w1 + i * b + j);
  partial[group * kSumColumns + column] = sum;
  __syncthreads();
  if (group != 0 || l >= d) return;
  float total = 0;
  for (int g = 0; g < kSumGroups; ++g) total += partial[g * kSumColumns + column];
  cuda::store(dw2 + k * d + l, cuda::load(dw2 + k * d + l) + scale * total);
}

}  // namespace

void cuda::kron(Stream& stream, Tensor delta, Tensor w1, Tensor w2, double scale) {
  if (delta.elements() == 0) return;
  with_activation(delta.dtype, [&](auto type) {
    using T = decltype(type);
    launch("kron", delta.shape, stream, kron_kernel<T>, static_cast<unsigned>(delta.shape.rows()), kThreads, 0, delta.as<T>(),
           w1.as<T>(), w2.as<T>(), w1.shape[1], w2.shape[0], w2.shape[1], static_cast<float>(scale));
  });
}

void cuda::kron_backward(Stream& stream, Tensor dw1, Tensor dw2, Tensor r, Tensor w1, Tensor w2, double scale) {
  if (r.elements() == 0) return;
  const int64_t a = w1.shape[0], b = w1.shape[1], c = w2.shape[0], d = w2.shape[1];
  with_activation(r.dtype, [&](auto type) {
    using T = decltype(type);
    // A thin factor's gradient is a passing tensor of type T, a whole factor's is the float32 gradient itself.
    with_activation(dw1.dtype, [&](auto gradient) {
      using G = decltype(gradient);
      launch("kron_backward", r.shape, stream, kron_first_backward_kernel<T, G>, static_cast<unsigned>(a * b), kThreads,
             shared_bytes<float>(kThreads / kWarpSize), dw1.as<G>(), r.as<T>(), w2.as<T>(), b, c, d, static_cast<float>(scale));
    });
    with_activation(dw2.dtype, [&](auto gradient) {
      using G = decltype(gradient);
      launch("kron_backward", r.shape, stream, kron_second_backward_kernel<T, G>, static_cast<unsigned>(c * ((d + kSumColumns - 1) / kSumColumns)),
             kSumColumns * kSumGroups, shared_bytes<float>(kSumColumns * kSumGroups), dw2.as<G>(), r.as<T>(), w1.as<T>(), a, b, c, d,
             static_cast<float>(scale));
    });
  });
}

}  // namespace ace
