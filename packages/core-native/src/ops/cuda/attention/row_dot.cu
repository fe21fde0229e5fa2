#include "ops/cuda/attention/kernels.h"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/reduce.cuh"

namespace ace::cuda::attention {

namespace {

// One warp a row and head. Vectors of kWide elements where rows and heads are aligned to them.
template <class T, int kWide>
__global__ void row_dot_kernel(float* row_dot, Rows<const T> d_o, Rows<const T> o, int64_t rows, int length, int heads, int head_size) {
  const int64_t item = (static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / kWarpSize;
  if (item >= rows * heads) return;
  const int64_t row = item / heads;
  const int head = static_cast<int>(item % heads), lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const T* a = d_o.data + row * d_o.row + static_cast<int64_t>(head) * head_size;
  const T* b = o.data + row * o.row + static_cast<int64_t>(head) * head_size;
  float sum = 0;
  for (int i = lane * kWide; i < head_size; i += kWarpSize * kWide) {
    float x[kWide], y[kWide];
    load_pack(x, a + i);
    load_pack(y, b + i);
#pragma unroll
    for (int j = 0; j < kWide; ++j) sum += x[j] * y[j];
  }
  sum = warp_sum(sum);
  if (lane == 0) row_dot[(row / length * heads + head) * length + row % length] = sum;
}

bool aligned(const Tensor& tensor, int elements) {
  return reinterpret_cast<uintptr_t>(tensor.data) % (size_of(tensor.dtype) * static_cast<size_t>(elements)) == 0 &&
         tensor.row_stride() % elements == 0;
}

}  // namespace

void row_dots(Stream& stream, const Problem& p, const Tensor& row_dot, const Tensor& d_o, const Tensor& o) {
  constexpr int kWide = 4;
  const int64_t rows = o.shape.rows();
  const bool wide = p.head_size % kWide == 0 && aligned(d_o, kWide) && aligned(o, kWide);
  with_activation(o.dtype, [&](auto type) {
    using T = decltype(type);
    launch("attention_backward row_dot", o.shape, stream, wide ? row_dot_kernel<T, kWide> : row_dot_kernel<T, 1>,
           blocks(rows * p.heads * kWarpSize), kThreads, 0, row_dot.as<float>(), rows_of<const T>(d_o), rows_of<const T>(o), rows,
           p.length, p.heads, p.head_size);
  });
}

}  // namespace ace::cuda::attention
