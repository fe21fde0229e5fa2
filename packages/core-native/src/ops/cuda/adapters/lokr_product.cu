#include "ops/cuda/adapters/lokr_tiles.cuh"
#include "ops/cuda/launch.h"

// LoKr's two small products in one kernel: the intermediate Z = in R, rounded to bf16, never leaves the chip.
namespace ace {

namespace {

using cuda::kColumnStride;
using cuda::kLokrColumns;
using cuda::kLokrRows;
using cuda::kLokrThreads;
using cuda::to_sixteen;

size_t shared_of(const cuda::LokrProduct& p, int64_t together) {
  return cuda::LokrBuffers::bytes() + cuda::shared_bytes<bf16>(static_cast<size_t>(together) * to_sixteen(p.inner) * kColumnStride) +
         cuda::shared_bytes<bf16>(static_cast<size_t>(to_sixteen(p.left)) * (to_sixteen(p.inner) + cuda::kRowPadding));
}

// One block: `together` rows of in by 64 columns of `right`. Warp w forms Z's rows 16 w to 16 w + 15, then the tiles
// w, w + 8, ... of L Z.
template <bool kBackward>
__global__ void lokr_product_kernel(cuda::LokrProduct p, int together) {
  const int inner16 = to_sixteen(p.inner), left16 = to_sixteen(p.left), l_stride = inner16 + cuda::kRowPadding;
  cuda::SharedMemory shared;
  const cuda::LokrBuffers buffers(shared);
  const cuda::SharedMatrix z{shared.take<bf16>(together * inner16 * kColumnStride), kColumnStride};
  const cuda::SharedMatrix l{shared.take<bf16>(left16 * l_stride), l_stride};
  const int warp = static_cast<int>(threadIdx.x) / 32, column0 = static_cast<int>(blockIdx.y) * kLokrColumns;
  const int64_t row0 = static_cast<int64_t>(blockIdx.x) * together;
  const int rows = static_cast<int>(p.rows - row0 < together ? p.rows - row0 : together);
  const cuda::LokrInput input{static_cast<const bf16*>(p.in), p.in_stride, static_cast<const bf16*>(p.w2), p.inner, p.depth, p.right};

  cuda::lokr_fetch<kBackward>(buffers, input, row0, rows * p.inner, column0, 0);
  cuda::lokr_load_left(l, static_cast<const bf16*>(p.w1), p.left, p.inner, kBackward);
  cuda::lokr_clear_padding(z, together, p.inner, inner16);
  float acc[kLokrColumns / 8][4];
  cuda::lokr_first_product<kBackward>(acc, buffers, input, row0, rows * p.inner, column0);
  cuda::lokr_keep(z, acc, together * p.inner, p.inner, inner16);
  __syncthreads();

  const int tiles = rows * (left16 / 16);
  for (int tile = warp; tile < tiles; tile += kLokrThreads / 32) {
    const int r = tile / (left16 / 16), m0 = tile % (left16 / 16) * 16;
    float sum[kLokrColumns / 8][4] = {};
    for (int k = 0; k < inner16; k += 16) {
      uint32_t left[4];
      l.left(left, m0, k);
#pragma unroll
      for (int n = 0; n < kLokrColumns; n += 16) {
        uint32_t right[4];
        z.right_by_rows(right, r * inner16 + k, n);
        cuda::mma_two(sum[n / 8], sum[n / 8 + 1], left, right);
      }
    }
    bf16* out = static_cast<bf16*>(p.out) + (row0 + r) * p.out_stride;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int m = m0 + cuda::tile_row(2 * half);
      if (m >= p.left) continue;
#pragma unroll
      for (int n = 0; n < kLokrColumns / 8; ++n) {
        const int column = column0 + n * 8 + cuda::tile_column(0);
        if (column >= p.right) continue;  // `right` is a multiple of eight, so a pair is in or out
        bf16* to = out + static_cast<int64_t>(m) * p.right + column;
        float before[2] = {};
        if (p.accumulate) cuda::load_pack(before, to);
        before[0] += p.scale * sum[n][2 * half];
        before[1] += p.scale * sum[n][2 * half + 1];
        cuda::store_pack(to, before);
      }
    }
  }
}

bool aligned(const Tensor& t, int64_t stride) { return reinterpret_cast<uintptr_t>(t.data) % 16 == 0 && stride % 8 == 0; }

}  // namespace

int64_t cuda::lokr_rows_of_block(int64_t inner) {
  const int64_t by_in = kLokrRows / inner, by_z = 2 * kLokrRows / to_sixteen(static_cast<int>(inner));
  const int64_t rows = by_in < by_z ? by_in : by_z;
  return rows < 1 ? 1 : rows;
}

bool cuda::lokr_on_tensor_cores(const LokrProduct& p, const Tensor& in, const Tensor& out, const Tensor& w2) {
  return in.dtype == DType::bf16 && p.inner <= kLokrRows && p.depth % 8 == 0 && p.right % 8 == 0 && aligned(in, p.in_stride) &&
         aligned(out, p.out_stride) && aligned(w2, 0) && shared_of(p, lokr_rows_of_block(p.inner)) <= kSharedOnEveryDevice;
}

void cuda::lokr_product_mma(const Stream& stream, const Shape& shape, const LokrProduct& p) {
  const int64_t together = lokr_rows_of_block(p.inner);
  const dim3 grid(blocks(p.rows, together), blocks(p.right, kLokrColumns));
  const auto kernel = p.backward ? lokr_product_kernel<true> : lokr_product_kernel<false>;
  launch("lokr", shape, stream, kernel, grid, kLokrThreads, shared_of(p, together), p, static_cast<int>(together));
}

}  // namespace ace
