#include "ops/cuda/adapters/lokr_tiles.cuh"
#include "ops/cuda/launch.h"

// Gradients of LoKr's factors on tensor cores, each block over one piece of the rows: the intermediates are made again in
// shared memory and never leave the chip.
namespace ace {

namespace {

using cuda::kColumnStride;
using cuda::kLokrColumns;
using cuda::kLokrRows;
using cuda::kLokrThreads;
using cuda::to_sixteen;

constexpr int kWarps = kLokrThreads / 32;
constexpr int kMostTiles = kLokrRows / 16 * (kLokrRows / 16) / kWarps;  // of w1's gradient, by one warp

// Rows taken together: at most 128 rows of [b, ..] and 256 of [a, ..].
int rows_together(int a, int b) {
  const int by_b = kLokrRows / b, by_a = 2 * kLokrRows / to_sixteen(a), by_z = 2 * kLokrRows / to_sixteen(b);
  const int least = by_a < by_b ? by_a : by_b;
  return least < by_z ? (least < 1 ? 1 : least) : (by_z < 1 ? 1 : by_z);
}

size_t first_shared(const cuda::LokrGradient& p) {
  const size_t together = static_cast<size_t>(rows_together(p.a, p.b));
  return cuda::LokrBuffers::bytes() + cuda::shared_bytes<bf16>(together * to_sixteen(p.b) * kColumnStride) +
         cuda::shared_bytes<bf16>(together * to_sixteen(p.a) * kColumnStride);
}
size_t second_shared(const cuda::LokrGradient& p) {
  const size_t together = static_cast<size_t>(rows_together(p.a, p.b));
  return cuda::shared_bytes<bf16>(together * to_sixteen(p.a) * kColumnStride) + 2 * cuda::shared_bytes<bf16>(kLokrRows * kColumnStride) +
         cuda::shared_bytes<bf16>(static_cast<size_t>(to_sixteen(p.b)) * (to_sixteen(p.a) + cuda::kRowPadding));
}

// The rows of piece `piece` of `pieces`.
struct Piece {
  int64_t from, to;
  __device__ Piece(int64_t rows, int64_t piece, int64_t pieces) {
    const int64_t each = (rows + pieces - 1) / pieces;
    from = piece * each < rows ? piece * each : rows;
    to = from + each < rows ? from + each : rows;
  }
};

// Starts copying 64 columns from column0 on of rows [0, height) of `count` matrices [height, width]; matrix r begins at
// from + r stride and goes to rows r step on. What lies outside becomes zero.
__device__ void fetch_columns(const cuda::SharedMatrix& to, const bf16* from, int64_t stride, int count, int all, int height, int step,
                              int width, int column0) {
  constexpr int kWide = kLokrColumns / 8;
  for (int i = static_cast<int>(threadIdx.x); i < all * step * kWide; i += kLokrThreads) {
    const int row = i / kWide, r = row / step, j = row % step, column = i % kWide * 8;
    const bool valid = r < count && j < height && column0 + column < width;
    cuda::cp_async16(to.address(row, column), valid ? from + r * stride + static_cast<int64_t>(j) * width + column0 + column : from, valid);
  }
}

// first[piece, tile] [a, b] = sum over the piece's rows of G [a, 64 columns] Z^T [64 columns, b], Z = X w2^T.
__global__ void lokr_first_gradient_kernel(cuda::LokrGradient p, int together) {
  const int a16 = to_sixteen(p.a), b16 = to_sixteen(p.b), column0 = static_cast<int>(blockIdx.y) * kLokrColumns;
  cuda::SharedMemory shared;
  const cuda::LokrBuffers buffers(shared);
  const cuda::SharedMatrix z{shared.take<bf16>(together * b16 * kColumnStride), kColumnStride};
  const cuda::SharedMatrix g{shared.take<bf16>(together * a16 * kColumnStride), kColumnStride};
  const int warp = static_cast<int>(threadIdx.x) / 32, wide = b16 / 16, tiles = a16 / 16 * wide;
  const Piece piece(p.rows, blockIdx.x, p.first_pieces);
  const cuda::LokrInput input{static_cast<const bf16*>(p.x), p.x_stride, static_cast<const bf16*>(p.w2), p.b, p.d, p.c};
  float sum[kMostTiles][2][4] = {};
  cuda::lokr_clear_padding(z, together, p.b, b16);
  for (int64_t row0 = piece.from; row0 < piece.to; row0 += together) {
    const int rows = static_cast<int>(piece.to - row0 < together ? piece.to - row0 : together);
    fetch_columns(g, static_cast<const bf16*>(p.dy) + row0 * p.dy_stride, p.dy_stride, rows, together, p.a, a16, p.c, column0);
    cuda::lokr_fetch<false>(buffers, input, row0, rows * p.b, column0, 0);
    float acc[kLokrColumns / 8][4];
    cuda::lokr_first_product<false>(acc, buffers, input, row0, rows * p.b, column0);
    cuda::lokr_keep(z, acc, together * p.b, p.b, b16);
    __syncthreads();
#pragma unroll
    for (int i = 0; i < kMostTiles; ++i) {
      const int tile = warp + i * kWarps;
      if (tile >= tiles) continue;
      for (int r = 0; r < rows; ++r)
#pragma unroll
        for (int k = 0; k < kLokrColumns; k += 16) {
          uint32_t left[4], right[4];
          g.left(left, r * a16 + tile / wide * 16, k);
          z.right_by_columns(right, r * b16 + tile % wide * 16, k);
          cuda::mma_two(sum[i][0], sum[i][1], left, right);
        }
    }
    __syncthreads();  // g and z are written anew
  }
  float* out = p.first + (static_cast<int64_t>(blockIdx.x) * gridDim.y + blockIdx.y) * p.a * p.b;
#pragma unroll
  for (int i = 0; i < kMostTiles; ++i) {
    const int tile = warp + i * kWarps;
    if (tile >= tiles) continue;
#pragma unroll
    for (int n = 0; n < 2; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int row = tile / wide * 16 + cuda::tile_row(e), column = tile % wide * 16 + n * 8 + cuda::tile_column(e);
        if (row < p.a && column < p.b) out[row * p.b + column] = sum[i][n][e];
      }
  }
}

// second[piece] [c, d], one 64 x 64 tile of it: the sum over the piece's rows of dZ^T X, dZ = w1^T G. Warp w owns rows
// 16 (w % 4) on and columns 32 (w / 4) on of the tile.
__global__ void lokr_second_gradient_kernel(cuda::LokrGradient p, int together) {
  const int a16 = to_sixteen(p.a), b16 = to_sixteen(p.b);
  const int c0 = static_cast<int>(blockIdx.y) * kLokrColumns, d0 = static_cast<int>(blockIdx.z) * kLokrColumns;
  cuda::SharedMemory shared;
  const cuda::SharedMatrix g{shared.take<bf16>(together * a16 * kColumnStride), kColumnStride};
  const cuda::SharedMatrix x{shared.take<bf16>(kLokrRows * kColumnStride), kColumnStride};
  const cuda::SharedMatrix dz{shared.take<bf16>(kLokrRows * kColumnStride), kColumnStride};
  const cuda::SharedMatrix l{shared.take<bf16>(b16 * (a16 + cuda::kRowPadding)), a16 + cuda::kRowPadding};
  const int warp = static_cast<int>(threadIdx.x) / 32, c_from = warp % 4 * 16, d_from = warp / 4 * 32;
  const Piece piece(p.rows, blockIdx.x, p.second_pieces);
  float sum[4][4] = {};
  cuda::lokr_load_left(l, static_cast<const bf16*>(p.w1), p.b, p.a, true);
  // Rows of dZ that no row of x fills: zeros, whatever x's tile holds there is zero too.
  for (int i = static_cast<int>(threadIdx.x); i < kLokrRows * kLokrColumns; i += kLokrThreads)
    dz.memory[dz.at(i / kLokrColumns, i % kLokrColumns)] = bf16{0};
  for (int64_t row0 = piece.from; row0 < piece.to; row0 += together) {
    const int rows = static_cast<int>(piece.to - row0 < together ? piece.to - row0 : together);
    fetch_columns(g, static_cast<const bf16*>(p.dy) + row0 * p.dy_stride, p.dy_stride, rows, together, p.a, a16, p.c, c0);
    // X's rows lie densely: row r of x is b of them.
    constexpr int kWide = kLokrColumns / 8;
    for (int i = static_cast<int>(threadIdx.x); i < kLokrRows * kWide; i += kLokrThreads) {
      const int block = i / kWide, column = i % kWide * 8;
      const bool valid = block < rows * p.b && d0 + column < p.d;
      const bf16* from = static_cast<const bf16*>(p.x);
      if (valid) from += (row0 + block / p.b) * p.x_stride + static_cast<int64_t>(block % p.b) * p.d + d0 + column;
      cuda::cp_async16(x.address(block, column), from, valid);
    }
    cuda::cp_async_commit();
    cuda::cp_async_wait<0>();
    __syncthreads();
    for (int tile = warp; tile < rows * (b16 / 16); tile += kWarps) {
      const int r = tile / (b16 / 16), j0 = tile % (b16 / 16) * 16;
      float acc[kLokrColumns / 8][4] = {};
      for (int k = 0; k < a16; k += 16) {
        uint32_t left[4];
        l.left(left, j0, k);
#pragma unroll
        for (int n = 0; n < kLokrColumns; n += 16) {
          uint32_t right[4];
          g.right_by_rows(right, r * a16 + k, n);
          cuda::mma_two(acc[n / 8], acc[n / 8 + 1], left, right);
        }
      }
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int j = j0 + cuda::tile_row(2 * half);
        if (j >= p.b) continue;
#pragma unroll
        for (int n = 0; n < kLokrColumns / 8; ++n)
          dz.memory.store(dz.at(r * p.b + j, n * 8 + cuda::tile_column(0)), cuda::pack_bf16(acc[n][2 * half], acc[n][2 * half + 1]));
      }
    }
    __syncthreads();
    for (int k = 0; k < rows * p.b; k += 16) {
      uint32_t left[4];
      dz.left_transposed(left, k, c_from);
#pragma unroll
      for (int n = 0; n < 32; n += 16) {
        uint32_t right[4];
        x.right_by_rows(right, k, d_from + n);
        cuda::mma_two(sum[n / 8], sum[n / 8 + 1], left, right);
      }
    }
    __syncthreads();  // all three are written anew
  }
  float* out = p.second + static_cast<int64_t>(blockIdx.x) * p.c * p.d;
#pragma unroll
  for (int n = 0; n < 4; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const int row = c0 + c_from + cuda::tile_row(e), column = d0 + d_from + n * 8 + cuda::tile_column(e);
      if (row < p.c && column < p.d) out[static_cast<int64_t>(row) * p.d + column] = sum[n][e];
    }
}

bool aligned(const Tensor& t, int64_t stride) { return reinterpret_cast<uintptr_t>(t.data) % 16 == 0 && stride % 8 == 0; }

}  // namespace

bool cuda::lokr_gradient_on_tensor_cores(const LokrGradient& p, const Tensor& dy, const Tensor& x, const Tensor& w2) {
  return x.dtype == DType::bf16 && p.a <= kLokrRows && p.b <= kLokrRows && p.c % 8 == 0 && p.d % 8 == 0 && aligned(dy, p.dy_stride) &&
         aligned(x, p.x_stride) && aligned(w2, 0) && first_shared(p) <= kSharedOnEveryDevice && second_shared(p) <= kSharedOnEveryDevice;
}

void cuda::lokr_gradient_mma(const Stream& stream, const Shape& shape, const LokrGradient& p) {
  const int together = rows_together(p.a, p.b);
  const unsigned tiles = blocks(p.c, kLokrColumns);
  launch("lokr_backward_w", shape, stream, lokr_first_gradient_kernel, dim3(static_cast<unsigned>(p.first_pieces), tiles), kLokrThreads,
         first_shared(p), p, together);
  launch("lokr_backward_w", shape, stream, lokr_second_gradient_kernel,
         dim3(static_cast<unsigned>(p.second_pieces), tiles, blocks(p.d, kLokrColumns)), kLokrThreads, second_shared(p), p, together);
}

}  // namespace ace
