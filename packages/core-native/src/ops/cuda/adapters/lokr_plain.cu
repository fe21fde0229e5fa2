#include "ops/cuda/adapters/lokr.h"
#include "ops/cuda/launch.h"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/smem.cuh"

// LoKr without tensor cores: float32 activations, and sizes whose rows are not aligned to 16 bytes.
namespace ace {

namespace {

using cuda::kLokrColumns;

constexpr int kGroups = cuda::kLokrThreads / kLokrColumns;

// One block: one row by 64 columns of `right`. Z [inner, 64] is formed in shared memory, then L Z.
template <class T>
__global__ void lokr_plain_kernel(cuda::LokrProduct p) {
  cuda::SharedMemory shared;
  const auto z = shared.take<float>(p.inner * kLokrColumns);
  const T *in = static_cast<const T*>(p.in) + blockIdx.x * p.in_stride, *w1 = static_cast<const T*>(p.w1), *w2 = static_cast<const T*>(p.w2);
  T* out = static_cast<T*>(p.out) + blockIdx.x * p.out_stride;
  const int lane = static_cast<int>(threadIdx.x) % kLokrColumns, group = static_cast<int>(threadIdx.x) / kLokrColumns;
  const int column = static_cast<int>(blockIdx.y) * kLokrColumns + lane;
  for (int j = group; j < p.inner; j += kGroups) {
    float sum = 0;
    if (column < p.right)
      for (int k = 0; k < p.depth; ++k)
        sum += cuda::load(in + static_cast<int64_t>(j) * p.depth + k) *
               cuda::load(w2 + (p.backward ? static_cast<int64_t>(k) * p.right + column : static_cast<int64_t>(column) * p.depth + k));
    z[j * kLokrColumns + lane] = sum;
  }
  __syncthreads();
  if (column >= p.right) return;
  for (int m = group; m < p.left; m += kGroups) {
    float sum = 0;
    for (int j = 0; j < p.inner; ++j) {
      const float from = z[j * kLokrColumns + lane];
      sum += cuda::load(w1 + (p.backward ? j * p.left + m : m * p.inner + j)) * from;
    }
    T* to = out + static_cast<int64_t>(m) * p.right + column;
    cuda::store(to, p.accumulate ? cuda::load(to) + p.scale * sum : p.scale * sum);
  }
}

// One block: one piece of the rows by 64 columns of c. Partial sums grow in global memory, each place by one thread.
template <class T>
__global__ void lokr_plain_first_kernel(cuda::LokrGradient p) {
  cuda::SharedMemory shared;
  const auto z = shared.take<float>(p.b * kLokrColumns);
  const int thread = static_cast<int>(threadIdx.x), column0 = static_cast<int>(blockIdx.y) * kLokrColumns;
  const int width = p.c - column0 < kLokrColumns ? p.c - column0 : kLokrColumns;
  const T *w2 = static_cast<const T*>(p.w2) + static_cast<int64_t>(column0) * p.d;
  float* out = p.first + (static_cast<int64_t>(blockIdx.x) * gridDim.y + blockIdx.y) * p.a * p.b;
  for (int i = thread; i < p.a * p.b; i += cuda::kLokrThreads) out[i] = 0;
  const int64_t each = (p.rows + p.first_pieces - 1) / p.first_pieces;
  for (int64_t row = blockIdx.x * each; row < (blockIdx.x + 1) * each && row < p.rows; ++row) {
    const T *x = static_cast<const T*>(p.x) + row * p.x_stride, *dy = static_cast<const T*>(p.dy) + row * p.dy_stride + column0;
    for (int i = thread; i < p.b * width; i += cuda::kLokrThreads) {
      const int j = i / width, k = i % width;
      float sum = 0;
      for (int l = 0; l < p.d; ++l) sum += cuda::load(x + static_cast<int64_t>(j) * p.d + l) * cuda::load(w2 + static_cast<int64_t>(k) * p.d + l);
      z[j * kLokrColumns + k] = sum;
    }
    __syncthreads();
    for (int i = thread; i < p.a * p.b; i += cuda::kLokrThreads) {
      float sum = 0;
      for (int k = 0; k < width; ++k) {
        const float from = z[i % p.b * kLokrColumns + k];
        sum += cuda::load(dy + static_cast<int64_t>(i / p.b) * p.c + k) * from;
      }
      out[i] += sum;
    }
    __syncthreads();
  }
}

// One block: one piece of the rows by a 64 x 64 tile of [c, d].
template <class T>
__global__ void lokr_plain_second_kernel(cuda::LokrGradient p) {
  cuda::SharedMemory shared;
  const auto dz = shared.take<float>(p.b * kLokrColumns);
  const int thread = static_cast<int>(threadIdx.x), c0 = static_cast<int>(blockIdx.y) * kLokrColumns, d0 = static_cast<int>(blockIdx.z) * kLokrColumns;
  const int height = p.c - c0 < kLokrColumns ? p.c - c0 : kLokrColumns, width = p.d - d0 < kLokrColumns ? p.d - d0 : kLokrColumns;
  const T* w1 = static_cast<const T*>(p.w1);
  float* out = p.second + (static_cast<int64_t>(blockIdx.x) * p.c + c0) * p.d + d0;
  for (int i = thread; i < height * width; i += cuda::kLokrThreads) out[static_cast<int64_t>(i / width) * p.d + i % width] = 0;
  const int64_t each = (p.rows + p.second_pieces - 1) / p.second_pieces;
  for (int64_t row = blockIdx.x * each; row < (blockIdx.x + 1) * each && row < p.rows; ++row) {
    const T *x = static_cast<const T*>(p.x) + row * p.x_stride + d0, *dy = static_cast<const T*>(p.dy) + row * p.dy_stride + c0;
    for (int i = thread; i < p.b * height; i += cuda::kLokrThreads) {
      const int j = i / height, k = i % height;
      float sum = 0;
      for (int m = 0; m < p.a; ++m) sum += cuda::load(w1 + m * p.b + j) * cuda::load(dy + static_cast<int64_t>(m) * p.c + k);
      dz[j * kLokrColumns + k] = sum;
    }
    __syncthreads();
    for (int i = thread; i < height * width; i += cuda::kLokrThreads) {
      float sum = 0;
      for (int j = 0; j < p.b; ++j) {
        const float from = dz[j * kLokrColumns + i / width];
        sum += from * cuda::load(x + static_cast<int64_t>(j) * p.d + i % width);
      }
      out[static_cast<int64_t>(i / width) * p.d + i % width] += sum;
    }
    __syncthreads();
  }
}

}  // namespace

void cuda::lokr_product_plain(const Stream& stream, const Shape& shape, DType dtype, const LokrProduct& p) {
  with_activation(dtype, [&](auto type) {
    using T = decltype(type);
    launch("lokr", shape, stream, lokr_plain_kernel<T>, dim3(static_cast<unsigned>(p.rows), blocks(p.right, kLokrColumns)), kLokrThreads,
           shared_bytes<float>(static_cast<size_t>(p.inner) * kLokrColumns), p);
  });
}

void cuda::lokr_gradient_plain(const Stream& stream, const Shape& shape, DType dtype, const LokrGradient& p) {
  with_activation(dtype, [&](auto type) {
    using T = decltype(type);
    const size_t shared = shared_bytes<float>(static_cast<size_t>(p.b) * kLokrColumns);
    const unsigned tiles = blocks(p.c, kLokrColumns);
    launch("lokr_backward_w", shape, stream, lokr_plain_first_kernel<T>, dim3(static_cast<unsigned>(p.first_pieces), tiles), kLokrThreads,
           shared, p);
    launch("lokr_backward_w", shape, stream, lokr_plain_second_kernel<T>,
           dim3(static_cast<unsigned>(p.second_pieces), tiles, blocks(p.d, kLokrColumns)), kLokrThreads, shared, p);
  });
}

}  // namespace ace
