#include "ops/cuda/launch.h"
#include "ops/cuda/numbers.cuh"
#include "ops/kernels.h"

// A handful of numbers a code: one thread a code, in the CPU twin's operations one by one, so that no code differs by
// another rounding before floor().
namespace ace {

namespace {

template <class T>
__global__ void fsq_quantise_kernel(T* codes, int32_t* index, const T* z, const int32_t* levels, int64_t rows, int64_t count) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (row >= rows) return;
  int32_t sum = 0, basis = 1;
  for (int64_t d = 0; d < count; ++d) {
    const float last = static_cast<float>(levels[d] - 1), reach = 1.0f + 1.0f / last;
    const float squashed = tanhf(cuda::load(z + row * count + d) / reach) * reach;
    const float clamped = squashed > -1.0f ? (squashed < 1.0f ? squashed : 1.0f) : -1.0f;  // a NaN becomes -1
    const float level = floorf(__fadd_rn(__fmul_rn(last, __fadd_rn(clamped, 1.0f)) / 2.0f, 0.5f));
    cuda::store(codes + row * count + d, __fsub_rn(__fmul_rn(2.0f / last, level), 1.0f));
    sum += static_cast<int32_t>(level) * basis;
    basis *= levels[d];
  }
  index[row] = sum;
}

template <class T>
__global__ void fsq_codes_kernel(T* codes, const int32_t* index, const int32_t* levels, int64_t rows, int64_t count) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (row >= rows) return;
  int32_t rest = index[row];
  for (int64_t d = 0; d < count; ++d) {
    const float step = 2.0f / static_cast<float>(levels[d] - 1);
    cuda::store(codes + row * count + d, __fsub_rn(__fmul_rn(static_cast<float>(rest % levels[d]), step), 1.0f));
    rest /= levels[d];
  }
}

}  // namespace

void cuda::fsq_quantise(Stream& stream, Tensor codes, Tensor index, Tensor z, Tensor levels) {
  const int64_t rows = index.elements();
  if (rows == 0) return;
  with_activation(z.dtype, [&](auto type) {
    using T = decltype(type);
    launch("fsq_quantise", z.shape, stream, fsq_quantise_kernel<T>, blocks(rows), kThreads, 0, codes.as<T>(), index.as<int32_t>(), z.as<T>(),
           levels.as<int32_t>(), rows, levels.elements());
  });
}

void cuda::fsq_codes(Stream& stream, Tensor codes, Tensor index, Tensor levels) {
  const int64_t rows = index.elements();
  if (rows == 0) return;
  with_activation(codes.dtype, [&](auto type) {
    using T = decltype(type);
    launch("fsq_codes", codes.shape, stream, fsq_codes_kernel<T>, blocks(rows), kThreads, 0, codes.as<T>(), index.as<int32_t>(),
           levels.as<int32_t>(), rows, levels.elements());
  });
}

}  // namespace ace
