// The first of LoKr's two products on tensor cores: Z [blocks, 64] = in [blocks, depth] R [depth, 64 columns], where block
// number r inner + j is row j of `in` seen as [inner, depth] in row row0 + r.
#pragma once
#include "ops/cuda/adapters/fragments.cuh"
#include "ops/cuda/adapters/lokr.h"

namespace ace::cuda {

constexpr int kDepthStride = kLokrDepth + kRowPadding, kColumnStride = kLokrColumns + kRowPadding;
constexpr int kInTile = kLokrRows * kDepthStride;
constexpr int kFactorTile = kLokrColumns * kDepthStride > kLokrDepth * kColumnStride ? kLokrColumns * kDepthStride : kLokrDepth * kColumnStride;

__host__ __device__ constexpr int to_sixteen(int n) { return (n + 15) / 16 * 16; }

// What the first product's pipeline takes of shared memory.
struct LokrBuffers {
  Smem<bf16> in, factor;
  __device__ explicit LokrBuffers(SharedMemory& shared) : in(shared.take<bf16>(2 * kInTile)), factor(shared.take<bf16>(2 * kFactorTile)) {}
  static size_t bytes() { return shared_bytes<bf16>(2 * kInTile) + shared_bytes<bf16>(2 * kFactorTile); }
};

struct LokrInput {
  const bf16* in;
  int64_t in_stride;
  const bf16* w2;  // R: [right, depth], or [depth, right] where kByRows
  int inner, depth, right;
};

// Starts copying one step's tiles.
template <bool kByRows>
__device__ void lokr_fetch(const LokrBuffers& buffers, const LokrInput& p, int64_t row0, int blocks_in, int column0, int step) {
  const int thread = static_cast<int>(threadIdx.x), k0 = step * kLokrDepth;
  constexpr int kChunks = kLokrDepth / 8, kWide = kLokrColumns / 8;
  const SharedMatrix a{buffers.in, kDepthStride, step % 2 * kInTile};
  for (int i = thread; i < kLokrRows * kChunks; i += kLokrThreads) {
    const int block = i / kChunks, k = i % kChunks * 8;
    const bool valid = block < blocks_in && k0 + k < p.depth;
    const bf16* from = p.in;
    if (valid) from += (row0 + block / p.inner) * p.in_stride + static_cast<int64_t>(block % p.inner) * p.depth + k0 + k;
    cp_async16(a.address(block, k), from, valid);
  }
  const SharedMatrix b{buffers.factor, kByRows ? kColumnStride : kDepthStride, step % 2 * kFactorTile};
  for (int i = thread; i < kLokrColumns * kChunks; i += kLokrThreads) {
    const int row = kByRows ? i / kWide : i / kChunks, column = (kByRows ? i % kWide : i % kChunks) * 8;
    const int k = k0 + (kByRows ? row : column), n = column0 + (kByRows ? column : row);
    const bool valid = k < p.depth && n < p.right;
    const bf16* from = p.w2;
    if (valid) from += kByRows ? static_cast<int64_t>(k) * p.right + n : static_cast<int64_t>(n) * p.depth + k;
    cp_async16(b.address(row, column), from, valid);
  }
  cp_async_commit();
}

// acc = Z's rows 16 warp to 16 warp + 15. lokr_fetch() of step 0 must be under way; every thread of the block calls it.
template <bool kByRows>
__device__ void lokr_first_product(float (&acc)[kLokrColumns / 8][4], const LokrBuffers& buffers, const LokrInput& p, int64_t row0,
                                   int blocks_in, int column0) {
  const int warp = static_cast<int>(threadIdx.x) / 32, steps = (p.depth + kLokrDepth - 1) / kLokrDepth;
#pragma unroll
  for (int n = 0; n < kLokrColumns / 8; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) acc[n][e] = 0;
  for (int step = 0; step < steps; ++step) {
    if (step + 1 < steps) {
      lokr_fetch<kByRows>(buffers, p, row0, blocks_in, column0, step + 1);
      cp_async_wait<1>();
    } else {
      cp_async_wait<0>();
    }
    __syncthreads();
    const SharedMatrix a{buffers.in, kDepthStride, step % 2 * kInTile};
    const SharedMatrix b{buffers.factor, kByRows ? kColumnStride : kDepthStride, step % 2 * kFactorTile};
    if (warp * 16 < blocks_in)
#pragma unroll
      for (int k = 0; k < kLokrDepth; k += 16) {
        uint32_t left[4];
        a.left(left, warp * 16, k);
#pragma unroll
        for (int n = 0; n < kLokrColumns; n += 16) {
          uint32_t right[4];
          if (kByRows) b.right_by_rows(right, k, n);
          else b.right_by_columns(right, n, k);
          mma_two(acc[n / 8], acc[n / 8 + 1], left, right);
        }
      }
    __syncthreads();  // the buffer is filled anew by the step after the next
  }
}

// Rounds the warp's rows to bf16 into z: block r inner + j goes to row r step + j.
__device__ inline void lokr_keep(const SharedMatrix& z, const float (&acc)[kLokrColumns / 8][4], int blocks, int inner, int step) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int block = static_cast<int>(threadIdx.x) / 32 * 16 + tile_row(2 * half);
    if (block >= blocks) continue;
    const int to = block / inner * step + block % inner;
#pragma unroll
    for (int n = 0; n < kLokrColumns / 8; ++n)
      z.memory.store(z.at(to, n * 8 + tile_column(0)), pack_bf16(acc[n][2 * half], acc[n][2 * half + 1]));
  }
}

// Zeros in rows [inner, step) of each of `count` groups of `step` rows, so that they add nothing.
__device__ inline void lokr_clear_padding(const SharedMatrix& z, int count, int inner, int step) {
  for (int i = static_cast<int>(threadIdx.x); i < count * (step - inner) * kLokrColumns; i += kLokrThreads) {
    const int at = i / kLokrColumns;
    z.memory[z.at(at / (step - inner) * step + inner + at % (step - inner), i % kLokrColumns)] = bf16{0};
  }
}

// w1 [a, b] or its transpose as a [rows, columns] matrix, zeros up to multiples of sixteen.
__device__ inline void lokr_load_left(const SharedMatrix& l, const bf16* w1, int rows, int columns, bool transposed) {
  const int columns16 = to_sixteen(columns);
  for (int i = static_cast<int>(threadIdx.x); i < to_sixteen(rows) * columns16; i += kLokrThreads) {
    const int m = i / columns16, k = i % columns16;
    bf16 value{0};
    if (m < rows && k < columns) value = transposed ? w1[k * rows + m] : w1[m * columns + k];
    l.memory[l.at(m, k)] = value;
  }
}

}  // namespace ace::cuda
