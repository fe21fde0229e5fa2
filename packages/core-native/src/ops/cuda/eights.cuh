// Eight elements of a row at a time: what one thread of the row kernels holds in registers.
#pragma once
#include "ops/cuda/launch.h"
#include "ops/cuda/numbers.cuh"

namespace ace::cuda {

constexpr int kEight = 8;  // one 16-byte access of bf16, two of float

// A tensor as rows that may lie apart: what a kernel gets of Tensor::columns().
template <class T>
struct Rows {
  T* data;
  int64_t stride;
};

template <class T>
Rows<T> rows_of(const Tensor& tensor) {
  return {tensor.as<T>(), tensor.row_stride()};
}

// True where every eighth element of every row is aligned to 16 bytes, so that vector accesses are allowed.
inline bool aligned_rows(const Tensor& tensor) {
  return !tensor.given() || (reinterpret_cast<uintptr_t>(tensor.data) % 16 == 0 &&
                             (tensor.shape.rows() <= 1 || tensor.row_stride() * static_cast<int64_t>(size_of(tensor.dtype)) % 16 == 0));
}
template <class... More>
bool aligned_rows(const Tensor& first, const More&... more) {
  return aligned_rows(first) && aligned_rows(more...);
}

// The same of a tensor's elements as they follow one another, for kernels that do not look at rows.
inline bool aligned_flat(const Tensor& tensor) { return reinterpret_cast<uintptr_t>(tensor.data) % 16 == 0; }
template <class... More>
bool aligned_flat(const Tensor& first, const More&... more) {
  return aligned_flat(first) && aligned_flat(more...);
}

// Elements [0, count) from `from`, the rest zero. `vector`: `from` is aligned to 16 bytes.
template <class T>
__device__ inline void load_eight(float (&out)[kEight], const T* from, int64_t count, bool vector) {
  if (vector && count >= kEight) {
#pragma unroll
    for (int i = 0; i < kEight; i += kPackOf<T>) {
      float pack[kPackOf<T>];
      load_pack(pack, from + i);
#pragma unroll
      for (int j = 0; j < kPackOf<T>; ++j) out[i + j] = pack[j];
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < kEight; ++i) out[i] = i < count ? load(from + i) : 0.0f;
}

template <class T>
__device__ inline void store_eight(T* to, const float (&in)[kEight], int64_t count, bool vector) {
  if (vector && count >= kEight) {
#pragma unroll
    for (int i = 0; i < kEight; i += kPackOf<T>) {
      float pack[kPackOf<T>];
#pragma unroll
      for (int j = 0; j < kPackOf<T>; ++j) pack[j] = in[i + j];
      store_pack(to + i, pack);
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < kEight; ++i)
    if (i < count) store(to + i, in[i]);
}

// Of a kernel whose grid's x covers a buffer (or a sample's part of one, with the samples along y) in eights: the first
// of this thread's eight.
__device__ inline int64_t first_of_eight() { return (static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * kEight; }
inline dim3 sample_grid(int64_t batch, int64_t each) { return dim3(blocks(each, kThreads * kEight), static_cast<unsigned>(batch)); }

// The grid of a kernel whose threads own eight columns each and walk down the rows: x over columns, y over pieces of kRows
// rows; few where a column brings nothing along that all its rows need, so that the last blocks of the grid end soon.
constexpr int kColumnThreads = 64;
constexpr int64_t kRowsOfBlock = 16;

template <int64_t kRows = kRowsOfBlock>
dim3 column_grid(int64_t rows, int64_t width) {
  const int64_t pieces = (rows + kRows - 1) / kRows;
  return dim3(blocks(width, kColumnThreads * kEight), static_cast<unsigned>(pieces < 65535 ? pieces : 65535));
}

// The first of this thread's eight columns.
__device__ inline int64_t first_column() { return (static_cast<int64_t>(blockIdx.x) * kColumnThreads + threadIdx.x) * kEight; }

// Calls body(row) for every row of this block's pieces.
template <int64_t kRows = kRowsOfBlock, class F>
__device__ inline void for_block_rows(int64_t rows, F&& body) {
  for (int64_t from = blockIdx.y * kRows; from < rows; from += gridDim.y * kRows)
    for (int64_t row = from; row < from + kRows && row < rows; ++row) body(row);
}

}  // namespace ace::cuda
