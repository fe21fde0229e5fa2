// Tiles of bf16 rows in shared memory as the products of wgmma.cuh read them: panels of 64 columns.
#pragma once
#include "ops/cuda/attention/tile.cuh"
#include "ops/cuda/hopper/wgmma.cuh"

namespace ace::cuda::attention {

// [kRows, HD] from element `base` on, a multiple of 512 (1024 bytes); copied by kCopiers threads, the block's or
// those of one of its teams.
template <int HD, int kRows, int kCopiers>
struct Panels {
  static_assert(HD % 64 == 0 && kRows % 8 == 0);
  static constexpr unsigned kChunks = HD / 8, kRowsAPass = kCopiers / kChunks;
  static constexpr uint32_t kPanelBytes = kRows * 128;
  static constexpr int kElements = kRows * HD;

  uint32_t start;
  uint64_t factor;

  __device__ Panels(Smem<bf16> in, int base) : start(in.address(base)), factor(wgmma_factor(start, kPanelBytes)) {}

  __device__ uint32_t address(unsigned row, unsigned chunk) const {
    return start + chunk / 8 * kPanelBytes + row * 128 + (chunk % 8 ^ row % 8) * 16;
  }

  // Starts copying the rows of `from`; rows from `valid` on become zeros and are not read.
  __device__ void copy(const bf16* from, int64_t row_stride, int valid) const {
    static_assert(kRows % kRowsAPass == 0 && kRowsAPass % 8 == 0);
    const unsigned thread = threadIdx.x % kCopiers, chunk = thread % kChunks, row0 = thread / kChunks;
    const bf16* source = from + row0 * row_stride + chunk * 8;
    const uint32_t to = address(row0, chunk);
#pragma unroll
    for (unsigned row = 0; row < kRows; row += kRowsAPass) {
      cp_async16(to + row * 128, source, static_cast<int>(row0 + row) < valid);
      source += kRowsAPass * row_stride;
    }
  }

  // Columns 16 k16 .. 16 k16 + 15 of the rows from row0 (a multiple of 8) on, for wgmma_rows().
  __device__ uint64_t rows(unsigned row0, unsigned k16) const {
    return wgmma_factor_at(factor, k16 / 4 * kPanelBytes + row0 * 128 + k16 % 4 * 32);
  }
  // All columns of the sixteen rows from row0 (a multiple of 16) on, for wgmma_columns().
  __device__ uint64_t columns(unsigned row0) const { return wgmma_factor_at(factor, row0 * 128); }

  // Rows row0 .. row0 + 15, columns 16 k16 .. 16 k16 + 15, as a left factor in registers.
  __device__ void left(uint32_t (&a)[4], unsigned row0, unsigned k16) const {
    const unsigned lane = threadIdx.x % 32;
    ldmatrix_x4(a, address(row0 + lane % 16, 2 * k16 + lane / 16));
  }
};

}  // namespace ace::cuda::attention
