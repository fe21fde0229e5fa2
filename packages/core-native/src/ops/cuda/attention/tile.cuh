// Tiles of bf16 rows in shared memory, and the fragments of mma_bf16 in them. A row is a run of 16-byte chunks; chunks
// are permuted within a row so that the eight rows of an 8x8 matrix, and a warp's copies, hit all banks once.
#pragma once
#include "ops/cuda/attention/problem.cuh"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/smem.cuh"

namespace ace::cuda::attention {

constexpr int kTileThreads = 128;  // four warps, sixteen rows each
constexpr int kTileRows = 64;

// [rows, HD] from element `base` on, copied by kCopiers threads.
template <int HD, int kCopiers = kTileThreads>
struct Tile {
  static constexpr unsigned kChunks = HD / 8;
  static constexpr unsigned kRowsAPass = kCopiers / kChunks;  // of a copy by all threads

  Smem<bf16> memory;
  int base;
  uint32_t start;  // the address of `base`, formed once: an address is then one sum, which the instruction itself forms

  __device__ Tile(Smem<bf16> in, int element) : memory(in), base(element), start(in.address(element)) {}

  // The element at which a chunk starts, counted from `base`. Unsigned, so that the compiler sees what is constant.
  __device__ static unsigned at(unsigned row, unsigned chunk) {
    constexpr unsigned kRowsALine = kChunks < 8 ? 8 / kChunks : 1, kPermuted = kChunks < 8 ? kChunks : 8;
    return row * HD + chunk / kPermuted * kPermuted * 8 + (chunk % kPermuted ^ row / kRowsALine % kPermuted) * 8;
  }
  __device__ uint32_t address(unsigned row, unsigned chunk) const { return start + at(row, chunk) * static_cast<unsigned>(sizeof(bf16)); }

  // Starts copying rows [0, kRows) of `from`; rows from `valid` on become zeros and are not read.
  template <int kRows>
  __device__ void copy(const bf16* from, int64_t row_stride, int valid) const {
    static_assert(kRows % kRowsAPass == 0);
    const unsigned chunk = threadIdx.x % kChunks, row0 = threadIdx.x / kChunks;
    const bf16* source = from + row0 * row_stride + chunk * 8;
#pragma unroll
    for (unsigned row = 0; row < kRows; row += kRowsAPass) {
      cp_async16(address(row0 + row, chunk), source, static_cast<int>(row0 + row) < valid);
      source += kRowsAPass * row_stride;
    }
  }

  // Rows row0 .. row0 + 15, columns 16 k16 .. 16 k16 + 15, as the left factor. row0: a multiple of 16, here and below.
  __device__ void left(uint32_t (&a)[4], unsigned row0, unsigned k16) const {
    const unsigned lane = threadIdx.x % 32;
    ldmatrix_x4(a, address(row0 + lane % 16, 2 * k16 + lane / 16));
  }
  // The same block as the right factor of a product over columns: [16 columns] x [16 rows], words 0, 1 for rows 0 .. 7.
  __device__ void right_of_columns(uint32_t (&b)[4], unsigned row0, unsigned k16) const {
    const unsigned lane = threadIdx.x % 32;
    ldmatrix_x4(b, address(row0 + lane / 16 * 8 + lane % 8, 2 * k16 + lane / 8 % 2));
  }
  // The same block as the right factor of a product over rows: [16 rows] x [16 columns], words 0, 1 for columns 0 .. 7.
  __device__ void right_of_rows(uint32_t (&b)[4], unsigned row0, unsigned n16) const {
    const unsigned lane = threadIdx.x % 32;
    ldmatrix_x4_transposed(b, address(row0 + lane % 16, 2 * n16 + lane / 16));
  }
};

// d0, d1 [16, 8] += a [16, 16] times the two halves of b [16, 16].
__device__ inline void mma_pair(float (&d0)[4], float (&d1)[4], const uint32_t (&a)[4], const uint32_t (&b)[4]) {
  const uint32_t low[2] = {b[0], b[1]}, high[2] = {b[2], b[3]};
  mma_bf16(d0, a, low);
  mma_bf16(d1, a, high);
}

// Two neighbouring [16, 8] results as the left factor [16, 16] of the next product, rounded to bf16.
__device__ inline void pack_left(uint32_t (&a)[4], const float (&d0)[4], const float (&d1)[4]) {
  a[0] = pack_bf16(d0[0], d0[1]);
  a[1] = pack_bf16(d0[2], d0[3]);
  a[2] = pack_bf16(d1[0], d1[1]);
  a[3] = pack_bf16(d1[2], d1[3]);
}

// The rows of an accumulator element e (of 4) of this thread within its warp's sixteen, and its column within eight.
__device__ inline int fragment_row(int e) { return static_cast<int>(threadIdx.x % 32 / 4) + e / 2 * 8; }
__device__ inline int fragment_column(int e) { return static_cast<int>(threadIdx.x % 4 * 2) + e % 2; }

// Which columns of a step a thread's two rows see, counted from the thread's own first column: element e of the n-th
// [16, 8] result is seen where holds(n, e). Two numbers a row, so that a step costs no more registers than that.
struct Seen {
  Range columns[2];
  __device__ bool holds(int n, int e) const {
    return n * 8 + e % 2 >= columns[e / 2].from && n * 8 + e % 2 < columns[e / 2].to;
  }
};

// Results with a row of Q a row, for the warp's rows row0 .. row0 + 15 and the keys from key0 on.
__device__ inline Seen seen_keys(const Mask& mask, int row0, int key0) {
  Seen seen;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = row0 + fragment_row(2 * half), origin = key0 + fragment_column(0);
    const Range keys = mask.keys_of(row, row + 1);
    seen.columns[half] = {keys.from - origin, keys.to - origin};
  }
  return seen;
}
// Transposed: a key a row.
__device__ inline Seen seen_rows(const Mask& mask, int key0, int row0) {
  Seen seen;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int key = key0 + fragment_row(2 * half), origin = row0 + fragment_column(0);
    const Range rows = mask.rows_of(key, key + 1, kNoWindow);
    seen.columns[half] = {rows.from - origin, rows.to - origin};
  }
  return seen;
}

// The scores that are not seen become -infinity, their exponentials zero.
template <int kBlocks>
__device__ inline void hide(float (&scores)[kBlocks][4], const Seen& seen) {
#pragma unroll
  for (int n = 0; n < kBlocks; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e)
      if (!seen.holds(n, e)) scores[n][e] = -INFINITY;
}

// Puts factor[half] acc of the sixteen rows from `row0` on into `tile`, plus what `to` holds where `accumulate`: the first
// half of a store. `factor`: of a thread's rows g and g + 8. Rows from `valid` on are not read.
template <int HD>
__device__ void put_rows(const Tile<HD>& tile, const bf16* to, int64_t row_stride, int row0, int valid, const float (&acc)[HD / 8][4],
                         const float (&factor)[2], bool accumulate) {
#pragma unroll
  for (unsigned n = 0; n < HD / 8; ++n)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = row0 + fragment_row(2 * half);
      float pair[2] = {acc[n][2 * half] * factor[half], acc[n][2 * half + 1] * factor[half]};
      if (accumulate && row < valid) {
        float before[2];
        load_pack(before, to + row * row_stride + n * 8 + fragment_column(0));
        pair[0] += before[0];
        pair[1] += before[1];
      }
      tile.memory.store(tile.base + static_cast<int>(tile.at(static_cast<unsigned>(row), n)) + fragment_column(0), pack_bf16(pair[0], pair[1]));
    }
}

// The second half, after a barrier: rows [0, kRows) of `tile` that are below `valid`, in whole chunks.
template <int kRows, int HD>
__device__ void take_rows(const Tile<HD>& tile, bf16* to, int64_t row_stride, int valid) {
  const unsigned thread = threadIdx.x % kTileThreads, chunk = thread % tile.kChunks;
#pragma unroll
  for (unsigned row = thread / tile.kChunks; row < kRows; row += tile.kRowsAPass)
    if (static_cast<int>(row) < valid) {
      bf16* const place = to + row * row_stride + chunk * 8;
      touch(place, sizeof(uint4), true);
      *reinterpret_cast<uint4*>(place) = tile.memory.template load<uint4>(tile.base + static_cast<int>(tile.at(row, chunk)));
    }
}

// to[row] (+)= factor[half] acc for a tile's 64 rows below `valid`, sixteen a warp of four, by way of `tile`, which nobody
// may be reading any more; the barrier in here is for all of the block's threads.
template <int HD>
__device__ void store_rows(const Tile<HD>& tile, bf16* to, int64_t row_stride, int valid, const float (&acc)[HD / 8][4],
                           const float (&factor)[2], bool accumulate) {
  put_rows<HD>(tile, to, row_stride, static_cast<int>(threadIdx.x % kTileThreads / 32 * 16), valid, acc, factor, accumulate);
  __syncthreads();
  take_rows<kTileRows>(tile, to, row_stride, valid);
}

}  // namespace ace::cuda::attention
