#include <cmath>

#include "ops/cuda/eights.cuh"
#include "ops/cuda/reduce.cuh"
#include "ops/kernels.h"
#include "ops/philox.h"

// Masks from the same Philox integers as the CPU twin's: an element is dropped on both or on neither.
namespace ace {

namespace {

uint32_t module_purpose(int module) { return static_cast<uint32_t>(Purpose::dropout) + static_cast<uint32_t>(module); }

// uniform01(word) < p exactly where word < drop_below(p): (word + 1/2) / 2^32 and p 2^32 are exact in double, and so is
// the difference wherever it is positive.
uint64_t drop_below(double p) {
  const double limit = std::ceil(p * 4294967296.0 - 0.5);
  return limit > 0 ? static_cast<uint64_t>(limit) : 0;
}

template <class T>
__global__ void dropout_kernel(T* y, const T* x, const int64_t* counters, int64_t batch, int64_t each, uint64_t below, float keep,
                               uint32_t purpose, bool accumulate, bool vector) {
  const int64_t per_sample = (each + cuda::kEight - 1) / cuda::kEight;
  const int64_t item = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (item >= batch * per_sample) return;
  const int64_t b = item / per_sample, from = item % per_sample * cuda::kEight, count = each - from;
  float value[cuda::kEight], old[cuda::kEight];
  cuda::load_eight(value, x + b * each + from, count, vector);
  if (accumulate) cuda::load_eight(old, y + b * each + from, count, vector);
#pragma unroll
  for (int part = 0; part < cuda::kEight / 4; ++part) {
    const Philox words = random_words(static_cast<uint64_t>(counters[0]), static_cast<uint64_t>(counters[1]),
                                      static_cast<uint64_t>(counters[2 + b]), purpose, static_cast<uint64_t>(from / 4 + part));
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float& out = value[part * 4 + i];
      out = words.word[i] < below ? 0.0f : out * keep;
      if (accumulate) out += old[part * 4 + i];
    }
  }
  cuda::store_eight(y + b * each + from, value, count, vector);
}

// Words 4 i to 4 i + 3 decide columns 4 i to 4 i + 3, for every row alike: the first sample's key names the micro-batch.
__device__ Philox column_words(const int64_t* counters, uint32_t purpose, int64_t block) {
  return random_words(static_cast<uint64_t>(counters[0]), static_cast<uint64_t>(counters[1]), static_cast<uint64_t>(counters[2]), purpose,
                      static_cast<uint64_t>(block));
}

template <class T>
__global__ void drop_columns_kernel(cuda::Rows<T> y, cuda::Rows<const T> x, const int64_t* counters, int64_t rows, int64_t width,
                                    uint64_t below, uint32_t purpose, bool scale, bool accumulate, bool vector) {
  float factor = 1;
  if (scale) {  // every block counts all columns: a dozen words a thread, against a launch and a buffer more
    cuda::SharedMemory shared;
    const auto partial = shared.take<int>(cuda::kColumnThreads / cuda::kWarpSize);
    int mine = 0;
    for (int64_t block = threadIdx.x; block * 4 < width; block += cuda::kColumnThreads) {
      const Philox words = column_words(counters, purpose, block);
      for (int i = 0; i < 4; ++i) mine += block * 4 + i < width && words.word[i] >= below ? 1 : 0;
    }
    const int kept = cuda::block_sum(mine, partial);
    // All columns dropped: 0 / 0 in LyCORIS; here nothing is added.
    if (kept > 0) factor = static_cast<float>(width) / static_cast<float>(kept);
  }
  const int64_t column = (static_cast<int64_t>(blockIdx.x) * cuda::kColumnThreads + threadIdx.x) * cuda::kEight;
  if (column >= width) return;
  const int64_t count = width - column;
  float mask[cuda::kEight];
#pragma unroll
  for (int part = 0; part < cuda::kEight / 4; ++part) {
    const Philox words = column_words(counters, purpose, column / 4 + part);
#pragma unroll
    for (int i = 0; i < 4; ++i) mask[part * 4 + i] = words.word[i] < below ? 0.0f : factor;
  }
  cuda::for_block_rows(rows, [&](int64_t row) {
    float value[cuda::kEight], old[cuda::kEight] = {};
    cuda::load_eight(value, x.data + row * x.stride + column, count, vector);
    T* to = y.data + row * y.stride + column;
    if (accumulate) cuda::load_eight(old, to, count, vector);
#pragma unroll
    for (int i = 0; i < cuda::kEight; ++i) value[i] = accumulate ? old[i] + value[i] * mask[i] : value[i] * mask[i];
    cuda::store_eight(to, value, count, vector);
  });
}

}  // namespace

void cuda::dropout(Stream& stream, Tensor y, Tensor x, Tensor counters, double p, int module, bool accumulate) {
  if (x.elements() == 0) return;
  const int64_t batch = x.shape[0], each = x.elements() / batch;
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    const bool vector = aligned_rows(y) && aligned_rows(x) && (batch == 1 || each % kEight == 0);
    launch("dropout", x.shape, stream, dropout_kernel<T>, blocks(batch * ((each + kEight - 1) / kEight)), kThreads, 0, y.as<T>(),
           x.as<T>(), counters.as<int64_t>(), batch, each, drop_below(p), static_cast<float>(1 / (1 - p)), module_purpose(module),
           accumulate, vector);
  });
}

void cuda::drop_columns(Stream& stream, Tensor y, Tensor x, Tensor counters, double p, bool scale, int module, bool accumulate) {
  if (x.elements() == 0) return;
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    launch("drop_columns", x.shape, stream, drop_columns_kernel<T>, column_grid(rows, width), kColumnThreads,
           shared_bytes<int>(kColumnThreads / kWarpSize), rows_of<T>(y), rows_of<const T>(x), counters.as<int64_t>(), rows, width,
           drop_below(p), module_purpose(module), scale, accumulate, aligned_rows(y, x));
  });
}

}  // namespace ace
