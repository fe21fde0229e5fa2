#include <cuda_runtime.h>

#include "ops/cuda/launch.h"
#include "ops/kernels.h"

namespace ace {

namespace {

template <class T>
__global__ void fill_kernel(T* to, int64_t n, T value) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) to[i] = value;
}

}  // namespace

void cuda::fill(Stream& stream, Tensor to, double value) {
  const int64_t n = to.elements();
  if (n == 0) return;
  auto s = static_cast<cudaStream_t>(stream.cuda_stream);
  if (to.dtype == DType::f64) fill_kernel<<<cuda::blocks(n), cuda::kThreads, 0, s>>>(to.as<double>(), n, value);
  else fill_kernel<<<cuda::blocks(n), cuda::kThreads, 0, s>>>(to.as<float>(), n, static_cast<float>(value));
  cuda::check_launch("fill", to.shape);
}

void cuda::copy(Stream& stream, Tensor to, Tensor from) {
  const cudaError_t error = cudaMemcpyAsync(to.data, from.data, static_cast<size_t>(to.bytes()), cudaMemcpyDeviceToDevice,
                                            static_cast<cudaStream_t>(stream.cuda_stream));
  cuda::check(error, "copy", to.shape);
}

}  // namespace ace
