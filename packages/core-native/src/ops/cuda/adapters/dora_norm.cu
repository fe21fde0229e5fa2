#include "ops/cuda/eights.cuh"
#include "ops/cuda/reduce.cuh"
#include "ops/kernels.h"

// One block a row of the weight, which is read once; the rank by rank part comes from the cache.
namespace ace {

namespace {

template <class W, class B>
__global__ void dora_norm_kernel(float* norm, const W* w, const float* g, const float* k, const B* b, int64_t rows, int64_t width,
                                 int rank, float scale, bool vector) {
  const int64_t row = blockIdx.x;
  cuda::SharedMemory shared;
  const auto partial = shared.take<float>(cuda::kThreads / cuda::kWarpSize);
  const B* low = b + row * rank;
  float square = 0;
  for (int64_t i = threadIdx.x * cuda::kEight; i < width; i += cuda::kThreads * cuda::kEight) {
    float a[cuda::kEight];
    cuda::load_eight(a, w + row * width + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) square += a[j] * a[j];
  }
  for (int j = static_cast<int>(threadIdx.x); j < rank; j += cuda::kThreads) {
    float mixed = 0;
    for (int i = 0; i < rank; ++i) mixed += cuda::load(low + i) * k[i * rank + j];
    square += scale * cuda::load(low + j) * (2.0f * g[j * rows + row] + scale * mixed);
  }
  const float total = cuda::block_sum(square, partial);
  // Rounding may leave less than nothing of a row that the change cancels.
  if (threadIdx.x == 0) norm[row] = sqrtf(fmaxf(total, 0.0f));
}

}  // namespace

void cuda::dora_norm(Stream& stream, Tensor norm, Tensor w, Tensor g, Tensor k, Tensor b, double scale) {
  const int64_t rows = w.shape.rows(), width = w.shape.last();
  if (rows == 0) return;
  with_activation(w.dtype, [&](auto weight) {
    with_activation(b.dtype, [&](auto low) {
      using W = decltype(weight);
      using B = decltype(low);
      launch("dora_norm", w.shape, stream, dora_norm_kernel<W, B>, static_cast<unsigned>(rows), kThreads,
             shared_bytes<float>(kThreads / kWarpSize), norm.as<float>(), w.as<W>(), g.as<float>(), k.as<float>(), b.as<B>(), rows, width,
             static_cast<int>(b.shape.last()), static_cast<float>(scale), aligned_rows(w));
    });
  });
}

}  // namespace ace
