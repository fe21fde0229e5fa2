#include "ops/cuda/eights.cuh"
#include "ops/kernels.h"

namespace ace {

namespace {

template <class T>
__global__ void fill_kernel(T* to, int64_t n, float value, bool vector) {
  const int64_t i = cuda::first_of_eight();
  if (i >= n) return;
  const float values[cuda::kEight] = {value, value, value, value, value, value, value, value};
  cuda::store_eight(to + i, values, n - i, vector);
}

template <class T>
__global__ void add_to_kernel(T* to, const T* from, int64_t n, bool vector) {
  const int64_t i = cuda::first_of_eight();
  if (i >= n) return;
  float a[cuda::kEight], b[cuda::kEight];
  cuda::load_eight(a, to + i, n - i, vector);
  cuda::load_eight(b, from + i, n - i, vector);
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) a[j] += b[j];
  cuda::store_eight(to + i, a, n - i, vector);
}

template <class T, class X>
__global__ void silu_kernel(T* y, const X* x, int64_t n, bool vector) {
  const int64_t i = cuda::first_of_eight();
  if (i >= n) return;
  float v[cuda::kEight];
  cuda::load_eight(v, x + i, n - i, vector);
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) v[j] = v[j] / (1.0f + expf(-v[j]));
  cuda::store_eight(y + i, v, n - i, vector);
}

}  // namespace

void cuda::fill(Stream& stream, Tensor to, double value) {
  const int64_t n = to.elements();
  if (n == 0) return;
  with_activation(to.dtype, [&](auto type) {
    using T = decltype(type);
    launch("fill", to.shape, stream, fill_kernel<T>, sample_grid(1, n), kThreads, 0, to.as<T>(), n, static_cast<float>(value), aligned_flat(to));
  });
}

void cuda::copy(Stream& stream, Tensor to, Tensor from) {
  if (to.contiguous() && from.contiguous()) {
    check(cudaMemcpyAsync(to.data, from.data, static_cast<size_t>(to.bytes()), cudaMemcpyDeviceToDevice, stream_of(stream)), "copy", to.shape);
    return;
  }
  const size_t size = size_of(to.dtype);
  check(cudaMemcpy2DAsync(to.data, static_cast<size_t>(to.row_stride()) * size, from.data, static_cast<size_t>(from.row_stride()) * size,
                          static_cast<size_t>(to.shape.last()) * size, static_cast<size_t>(to.shape.rows()), cudaMemcpyDeviceToDevice,
                          stream_of(stream)),
        "copy", to.shape);
}

void cuda::add_to(Stream& stream, Tensor to, Tensor from) {
  const int64_t n = to.elements();
  if (n == 0) return;
  with_activation(to.dtype, [&](auto type) {
    using T = decltype(type);
    launch("add_to", to.shape, stream, add_to_kernel<T>, sample_grid(1, n), kThreads, 0, to.as<T>(), from.as<T>(), n, aligned_flat(to, from));
  });
}

void cuda::silu(Stream& stream, Tensor y, Tensor x) {
  const int64_t n = y.elements();
  if (n == 0) return;
  with_activation(y.dtype, [&](auto type) {
    with_activation(x.dtype, [&](auto from) {
      using T = decltype(type);
      using X = decltype(from);
      launch("silu", y.shape, stream, silu_kernel<T, X>, sample_grid(1, n), kThreads, 0, y.as<T>(), x.as<X>(), n, aligned_flat(y, x));
    });
  });
}

}  // namespace ace
