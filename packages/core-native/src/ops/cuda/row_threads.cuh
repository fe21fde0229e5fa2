// Which threads share a row, and their sums: a warp for short rows (several rows a block), else a block. Each thread
// owns every eighth group of eight elements and keeps its first one in registers, so that rows of up to 4096 elements
// cross memory once.
#pragma once
#include "ops/cuda/eights.cuh"
#include "ops/cuda/reduce.cuh"

namespace ace::cuda {

struct RowGrid {
  unsigned blocks, threads, row_threads;
  size_t shared;
};

inline RowGrid row_grid(int64_t rows, int64_t width) {
  constexpr int64_t kMostThreads = 512, kRowsOfWarps = kThreads / kWarpSize;
  const int64_t wanted = (width + kEight * kWarpSize - 1) / (kEight * kWarpSize) * kWarpSize;
  if (wanted <= kWarpSize) return {cuda::blocks(rows, kRowsOfWarps), kThreads, kWarpSize, 0};
  const unsigned threads = static_cast<unsigned>(wanted < kMostThreads ? wanted : kMostThreads);
  return {static_cast<unsigned>(rows), threads, threads, shared_bytes<float>(kMostThreads / kWarpSize)};
}

class RowThread {
 public:
  __device__ explicit RowThread(unsigned row_threads)
      : row(static_cast<int64_t>(blockIdx.x) * (blockDim.x / row_threads) + threadIdx.x / row_threads),
        first(static_cast<int64_t>(threadIdx.x % row_threads) * kEight), stride_(static_cast<int64_t>(row_threads) * kEight) {}

  // Calls body(i) for each of this thread's groups of eight, the held one first.
  template <class F>
  __device__ void each(int64_t width, F&& body) const {
    for (int64_t i = first; i < width; i += stride_) body(i);
  }
  // Every thread of the row must call it; all get the sum.
  __device__ float sum(float value) const {
    if (stride_ == kWarpSize * kEight) return warp_sum(value);
    SharedMemory shared;
    return block_sum(value, shared.take<float>(static_cast<int>(blockDim.x / kWarpSize)));
  }
  // Group i once more: from registers if it is the first.
  template <class T>
  __device__ void again(float (&out)[kEight], const float (&held)[kEight], int64_t i, const T* row_data, int64_t width, bool vector) const {
    if (i != first) return load_eight(out, row_data + i, width - i, vector);
    keep(out, held);
  }
  __device__ static void keep(float (&to)[kEight], const float (&from)[kEight]) {
#pragma unroll
    for (int j = 0; j < kEight; ++j) to[j] = from[j];
  }

  const int64_t row, first;

 private:
  const int64_t stride_;
};

// A row of a modulation table [B, R, D]; null where there is none.
struct ModRow {
  const float* table;
  int64_t rows, row;
  __device__ const float* of(int64_t sample, int64_t width) const { return table == nullptr ? nullptr : table + (sample * rows + row) * width; }
};
inline ModRow mod_row(const Tensor& mod, int row) { return {mod.as<float>(), mod.given() ? mod.shape[1] : 0, row}; }

// What a norm multiplies its row by: weight [* (1 + scale)].
__device__ inline void load_factor(float (&out)[kEight], const float* weight, const float* scale, int64_t i, int64_t width, bool vector) {
  load_eight(out, weight + i, width - i, vector);
  if (scale == nullptr) return;
  float more[kEight];
  load_eight(more, scale + i, width - i, vector);
#pragma unroll
  for (int j = 0; j < kEight; ++j) out[j] *= 1.0f + more[j];
}

}  // namespace ace::cuda
