// Fragments of mma_bf16 from matrices in shared memory whose rows are padded by 16 bytes, so that the eight rows of an 8x8
// matrix lie in different banks.
#pragma once
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/smem.cuh"

namespace ace::cuda {

constexpr int kRowPadding = 8;

// A bf16 matrix in shared memory, `stride` elements from row to row.
struct SharedMatrix {
  Smem<bf16> memory;
  int stride;
  int base = 0;

  __device__ uint32_t address(int row, int column) const { return memory.address(base + row * stride + column); }
  __device__ int at(int row, int column) const { return base + row * stride + column; }

  // As left factor [16, 16] from (row, column) on.
  __device__ void left(uint32_t (&a)[4], int row, int column) const {
    const int lane = static_cast<int>(threadIdx.x % 32);
    ldmatrix_x4(a, address(row + lane % 16, column + lane / 16 * 8));
  }
  // The transposed left factor: element (i, k) lies at (row + k, column + i).
  __device__ void left_transposed(uint32_t (&a)[4], int row, int column) const {
    const int lane = static_cast<int>(threadIdx.x % 32);
    ldmatrix_x4_transposed(a, address(row + lane % 8 + lane / 16 * 8, column + lane / 8 % 2 * 8));
  }
  // Two right factors [16, 8]: element (k, j) of both lies at (row + j, column + k), j < 16.
  __device__ void right_by_columns(uint32_t (&b)[4], int row, int column) const {
    const int lane = static_cast<int>(threadIdx.x % 32);
    ldmatrix_x4(b, address(row + lane % 8 + lane / 16 * 8, column + lane / 8 % 2 * 8));
  }
  // Two right factors [16, 8]: element (k, j) of both lies at (row + k, column + j), j < 16.
  __device__ void right_by_rows(uint32_t (&b)[4], int row, int column) const {
    const int lane = static_cast<int>(threadIdx.x % 32);
    ldmatrix_x4_transposed(b, address(row + lane % 16, column + lane / 16 * 8));
  }
};

// d0, d1 [16, 8] += a [16, 16] times the two right factors in b.
__device__ inline void mma_two(float (&d0)[4], float (&d1)[4], const uint32_t (&a)[4], const uint32_t (&b)[4]) {
  const uint32_t first[2] = {b[0], b[1]}, second[2] = {b[2], b[3]};
  mma_bf16(d0, a, first);
  mma_bf16(d1, a, second);
}

// Where element e (of 4) of this thread's accumulator lies in its [16, 8] tile.
__device__ inline int tile_row(int e) { return static_cast<int>(threadIdx.x % 32 / 4) + e / 2 * 8; }
__device__ inline int tile_column(int e) { return static_cast<int>(threadIdx.x % 4 * 2) + e % 2; }

}  // namespace ace::cuda
