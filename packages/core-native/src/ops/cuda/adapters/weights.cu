#include "ops/cuda/eights.cuh"
#include "ops/cuda/reduce.cuh"
#include "ops/kernels.h"

// Whole weight matrices: sums, products and row norms. A frozen weight and a change may each be float or bf16; sums are
// formed and squared in float.
namespace ace {

namespace {

template <class S, class W, class D>
__global__ void add_weight_kernel(S* sum, const W* weight, const D* delta, int64_t n, bool vector) {
  const int64_t from = cuda::first_of_eight(), count = n - from;
  if (count <= 0) return;
  float a[cuda::kEight], b[cuda::kEight];
  cuda::load_eight(a, weight + from, count, vector);
  cuda::load_eight(b, delta + from, count, vector);
#pragma unroll
  for (int i = 0; i < cuda::kEight; ++i) a[i] += b[i];
  cuda::store_eight(sum + from, a, count, vector);
}

template <class T>
__global__ void multiply_kernel(T* c, const T* a, const T* b, int64_t n, float alpha, bool accumulate, bool vector) {
  const int64_t from = cuda::first_of_eight(), count = n - from;
  if (count <= 0) return;
  float left[cuda::kEight], right[cuda::kEight], old[cuda::kEight] = {};
  cuda::load_eight(left, a + from, count, vector);
  cuda::load_eight(right, b + from, count, vector);
  if (accumulate) cuda::load_eight(old, c + from, count, vector);
#pragma unroll
  for (int i = 0; i < cuda::kEight; ++i) left[i] = accumulate ? old[i] + alpha * left[i] * right[i] : alpha * left[i] * right[i];
  cuda::store_eight(c + from, left, count, vector);
}

template <class T>
__global__ void scale_rows_kernel(T* y, const T* x, const float* magnitude, const float* norm, int64_t width, bool vector) {
  const int64_t row = blockIdx.x;
  const float factor = magnitude[row] / norm[row];
  for (int64_t i = threadIdx.x * cuda::kEight; i < width; i += cuda::kThreads * cuda::kEight) {
    float value[cuda::kEight];
    cuda::load_eight(value, x + row * width + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) value[j] *= factor;
    cuda::store_eight(y + row * width + i, value, width - i, vector);
  }
}

// One block a row. delta may be null.
template <class W, class D>
__global__ void row_norm_kernel(float* norm, const W* w, const D* delta, int64_t width, bool vector) {
  const int64_t row = blockIdx.x;
  cuda::SharedMemory shared;
  const auto partial = shared.take<float>(cuda::kThreads / cuda::kWarpSize);
  float square = 0;
  for (int64_t i = threadIdx.x * cuda::kEight; i < width; i += cuda::kThreads * cuda::kEight) {
    float a[cuda::kEight], b[cuda::kEight] = {};
    cuda::load_eight(a, w + row * width + i, width - i, vector);
    if (delta != nullptr) cuda::load_eight(b, delta + row * width + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) square += (a[j] + b[j]) * (a[j] + b[j]);
  }
  const float total = cuda::block_sum(square, partial);
  if (threadIdx.x == 0) norm[row] = sqrtf(total);
}

unsigned blocks_of_eights(int64_t n) { return cuda::blocks(n, cuda::kThreads * cuda::kEight); }

}  // namespace

void cuda::add_weight(Stream& stream, Tensor sum, Tensor weight, Tensor delta) {
  const int64_t n = sum.elements();
  if (n == 0) return;
  with_activation(sum.dtype, [&](auto s) {
    with_activation(weight.dtype, [&](auto w) {
      with_activation(delta.dtype, [&](auto d) {
        using S = decltype(s);
        using W = decltype(w);
        using D = decltype(d);
        launch("add_weight", sum.shape, stream, add_weight_kernel<S, W, D>, blocks_of_eights(n), kThreads, 0, sum.as<S>(),
               weight.as<W>(), delta.as<D>(), n, aligned_flat(sum) && aligned_flat(weight) && aligned_flat(delta));
      });
    });
  });
}

void cuda::multiply(Stream& stream, Tensor c, Tensor a, Tensor b, double alpha, bool accumulate) {
  const int64_t n = c.elements();
  if (n == 0) return;
  with_activation(c.dtype, [&](auto type) {
    using T = decltype(type);
    launch("multiply", c.shape, stream, multiply_kernel<T>, blocks_of_eights(n), kThreads, 0, c.as<T>(), a.as<T>(), b.as<T>(), n,
           static_cast<float>(alpha), accumulate, aligned_flat(c) && aligned_flat(a) && aligned_flat(b));
  });
}

void cuda::scale_rows(Stream& stream, Tensor y, Tensor x, Tensor magnitude, Tensor norm) {
  if (x.elements() == 0) return;
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    launch("scale_rows", x.shape, stream, scale_rows_kernel<T>, static_cast<unsigned>(x.shape.rows()), kThreads, 0, y.as<T>(),
           x.as<T>(), magnitude.as<float>(), norm.as<float>(), x.shape.last(), aligned_rows(y, x));
  });
}

void cuda::row_norm(Stream& stream, Tensor norm, Tensor w, Tensor delta) {
  if (w.elements() == 0) return;
  with_activation(w.dtype, [&](auto weight) {
    with_activation(delta.given() ? delta.dtype : w.dtype, [&](auto change) {
      using W = decltype(weight);
      using D = decltype(change);
      launch("row_norm", w.shape, stream, row_norm_kernel<W, D>, static_cast<unsigned>(w.shape.rows()), kThreads,
             shared_bytes<float>(kThreads / kWarpSize), norm.as<float>(), w.as<W>(), delta.as<D>(), w.shape.last(),
             aligned_rows(w) && aligned_rows(delta));
    });
  });
}

}  // namespace ace
