#include "ops/cuda/launch.h"
#include "ops/cuda/numbers.cuh"
#include "ops/kernels.h"

namespace ace {

namespace {

template <class T>
__global__ void fill_kernel(T* to, int64_t n, float value) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) cuda::store(to + i, value);
}

template <class T>
__global__ void add_to_kernel(T* to, const T* from, int64_t n) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) cuda::store(to + i, cuda::load(to + i) + cuda::load(from + i));
}

}  // namespace

void cuda::fill(Stream& stream, Tensor to, double value) {
  const int64_t n = to.elements();
  if (n == 0) return;
  with_activation(to.dtype, [&](auto type) {
    using T = decltype(type);
    launch("fill", to.shape, stream, fill_kernel<T>, blocks(n), kThreads, 0, to.as<T>(), n, static_cast<float>(value));
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
    launch("add_to", to.shape, stream, add_to_kernel<T>, blocks(n), kThreads, 0, to.as<T>(), from.as<T>(), n);
  });
}

}  // namespace ace
