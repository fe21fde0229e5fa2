// Which threads share a row, and their sums: a warp for short rows (several rows a block), else a block. Each thread owns
// every eighth group of eight elements of its row and keeps its first one in registers, so that rows of up to 3072 elements
// cross memory once. It walks over some rows in turn, so that what all rows share (weights, a sample's modulation) is
// read once for them, and the next row is on its way while this one's sum is formed.
#pragma once
#include <type_traits>

#include "ops/cuda/eights.cuh"
#include "ops/cuda/reduce.cuh"

namespace ace::cuda {

// Of a row, at most. Two such blocks, three of 256 threads, are to fit on a multiprocessor: kernels are bound to that.
constexpr int kRowThreads = 384;

struct RowGrid {
  unsigned blocks, threads, row_threads, in_turn;
  size_t shared;
};

// Few rows in turn where there are few: every multiprocessor is to have some blocks.
inline RowGrid row_grid(int64_t rows, int64_t width) {
  constexpr int64_t kRowsOfWarps = kThreads / kWarpSize, kMostInTurn = 4, kManyBlocks = 512;
  const int64_t wanted = (width + kEight * kWarpSize - 1) / (kEight * kWarpSize) * kWarpSize;
  const int64_t at_once = wanted <= kWarpSize ? kRowsOfWarps : 1, turns = rows / (at_once * kManyBlocks);
  const int64_t in_turn = turns < 1 ? 1 : turns < kMostInTurn ? turns : kMostInTurn;
  RowGrid out{cuda::blocks(rows, at_once * in_turn), kThreads, kWarpSize, static_cast<unsigned>(in_turn), 0};
  if (at_once > 1) return out;
  out.threads = out.row_threads = static_cast<unsigned>(wanted < kRowThreads ? wanted : kRowThreads);
  out.shared = shared_bytes<float>(kRowThreads / kWarpSize);
  return out;
}

// kWhole: the first groups of a row's threads are all of the row.
template <bool kWhole>
class RowThread {
 public:
  __device__ RowThread(const RowGrid& grid, int64_t rows)
      : begin(static_cast<int>((blockIdx.x * (grid.threads / grid.row_threads) + threadIdx.x / grid.row_threads) * grid.in_turn)),
        end(min(begin + static_cast<int>(grid.in_turn), static_cast<int>(rows))),
        first(static_cast<int>(threadIdx.x % grid.row_threads) * kEight), stride_(static_cast<int>(grid.row_threads) * kEight) {}

  // Calls body(i) for each of this thread's groups of eight but the first.
  template <class F>
  __device__ void each_other(int64_t width, F&& body) const {
    if constexpr (!kWhole)
      for (int64_t i = first + stride_; i < width; i += stride_) body(i);
  }
  // Calls start(sample) before the first row of a sample (or of this thread's), and body(row, last) for each row in turn.
  template <class Start, class Body>
  __device__ void each_row(int64_t per_sample, Start&& start, Body&& body) const {
    const int rows = static_cast<int>(per_sample);
    int sample = begin / rows, change = begin;
    for (int row = begin; row < end; ++row) {
      if (row == change) {
        start(sample++);
        change = sample * rows;
      }
      body(row, row + 1 == end);
    }
  }
  // Every thread of the row must call it; all get the sum.
  __device__ float sum(float value) const {
    if (stride_ == kWarpSize * kEight) return warp_sum(value);
    SharedMemory shared;
    return block_sum(value, shared.take<float>(static_cast<int>(blockDim.x / kWarpSize)));
  }

  const int begin, end, first;

 private:
  const int stride_;
};

// Calls f(T{}, std::bool_constant<whole>{}, grid) for the rows of x, [.., width] numbers, with `dtype`'s activation type and whether the
// grid's threads hold whole rows in their first groups; not at all where x is empty.
template <class F>
void with_row_kernels(const Tensor& x, DType dtype, F&& f) {
  const int64_t width = x.shape.last();
  if (x.elements() == 0) return;
  const RowGrid grid = row_grid(x.shape.rows(), width);
  with_activation(dtype, [&](auto type) {
    if (width <= static_cast<int64_t>(grid.row_threads) * kEight) return f(type, std::true_type{}, grid);
    return f(type, std::false_type{}, grid);
  });
}

__device__ inline void copy_eight(float (&to)[kEight], const float (&from)[kEight]) {
#pragma unroll
  for (int j = 0; j < kEight; ++j) to[j] = from[j];
}

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

// What is added or multiplied by a row of a table, `neutral` where there is none.
__device__ inline void load_or(float neutral, float (&out)[kEight], const float* row, int64_t i, int64_t width, bool vector) {
  if (row != nullptr) return load_eight(out, row + i, width - i, vector);
#pragma unroll
  for (int j = 0; j < kEight; ++j) out[j] = neutral;
}

}  // namespace ace::cuda
