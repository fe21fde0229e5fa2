#include "ops/cuda/launch.h"
#include "ops/kernels.h"

namespace ace {

namespace {

template <class T>
__global__ void fill_kernel(T* to, int64_t n, T value) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) to[i] = value;
}

template <class T>
__global__ void add_to_kernel(T* to, const T* from, int64_t n) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) to[i] += from[i];
}

}  // namespace

void cuda::fill(Stream& stream, Tensor to, double value) {
  const int64_t n = to.elements();
  if (n == 0) return;
  with_float(to.dtype, [&](auto type) {
    using T = decltype(type);
    fill_kernel<T><<<blocks(n), kThreads, 0, static_cast<cudaStream_t>(stream.cuda_stream)>>>(to.as<T>(), n, T(value));
  });
  check_launch("fill", to.shape);
}

void cuda::copy(Stream& stream, Tensor to, Tensor from) {
  const cudaError_t error = cudaMemcpyAsync(to.data, from.data, static_cast<size_t>(to.bytes()), cudaMemcpyDeviceToDevice,
                                            static_cast<cudaStream_t>(stream.cuda_stream));
  check(error, "copy", to.shape);
}

void cuda::add_to(Stream& stream, Tensor to, Tensor from) {
  const int64_t n = to.elements();
  if (n == 0) return;
  with_float(to.dtype, [&](auto type) {
    using T = decltype(type);
    add_to_kernel<T><<<blocks(n), kThreads, 0, static_cast<cudaStream_t>(stream.cuda_stream)>>>(to.as<T>(), from.as<T>(), n);
  });
  check_launch("add_to", to.shape);
}

}  // namespace ace
