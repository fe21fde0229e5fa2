#include "ops/cuda/attention/kernels.h"
#include "ops/cuda/attention/softmax.cuh"

// The tiled forward pass: a block holds 128 query rows and walks over the keys they can see. Each warp has 32 of the rows, so
// that a fragment of keys or values that it reads from shared memory serves two products. Softmax runs online (Milakov &
// Gimelshein 2018; tiled as in Dao 2023). Keys and values have one buffer each: while one product is formed the other's
// rows are on their way. Small steps for large heads: two blocks then fit into the 100 KiB of the smaller devices.
namespace ace::cuda::attention {

namespace {

template <int HD>
constexpr int kStepKeys = HD > 64 ? 32 : 64;
constexpr int kHalves = 2;  // sixteen rows each, of a warp's 32
constexpr int kBlockRows = kHalves * kTileRows;
template <int HD>
constexpr int kTileElements = (kBlockRows + 2 * kStepKeys<HD>) * HD;

template <int HD>
__global__ void __launch_bounds__(kTileThreads, 2)
    forward_kernel(Rows<bf16> o, float* lse, Rows<const bf16> q, Rows<const bf16> k, Rows<const bf16> v, Problem p) {
  constexpr int kKeys = kStepKeys<HD>;
  Place place;
  if (!find_place<kBlockRows, false>(p, place)) return;
  SharedMemory shared;
  const Smem<bf16> memory = shared.take<bf16>(kTileElements<HD>);
  const Tile<HD> queries(memory, 0), keys(memory, kBlockRows * HD), values(memory, (kBlockRows + kKeys) * HD);
  const int head = static_cast<int>(blockIdx.y), kv_head = head / p.group, row0 = place.first, rows = place.length - row0;
  const bf16* k_rows = k.data + place.k_from * k.row + kv_head * HD;
  const bf16* v_rows = v.data + place.k_from * v.row + kv_head * HD;
  const int warp_row = static_cast<int>(threadIdx.x / 32) * kHalves * 16;
  const Range range = place.mask.keys_of(row0, min(row0 + kBlockRows, place.length));

  queries.template copy<kBlockRows>(q.data + (place.q_from + row0) * q.row + head * HD, q.row, rows);
  keys.template copy<kKeys>(k_rows + range.from * k.row, k.row, place.mask.count - range.from);
  cp_async_commit();

  float acc[kHalves][HD / 8][4] = {};
  RowState state[kHalves];
#pragma unroll
  for (int m = 0; m < kHalves; ++m) state[m] = {{-INFINITY, -INFINITY}, {0, 0}};
  const float scale_log2 = p.scale * kLog2E;
  for (int key0 = range.from; key0 < range.to; key0 += kKeys) {
    cp_async_wait<0>();
    __syncthreads();  // these keys are here, and nobody reads the values before them any more
    values.template copy<kKeys>(v_rows + key0 * v.row, v.row, place.mask.count - key0);
    cp_async_commit();
    float scores[kHalves][kKeys / 8][4] = {};
    // By four: a line of a tile's eight permuted chunks, whose addresses then serve all lines.
#pragma unroll 4
    for (int k16 = 0; k16 < HD / 16; ++k16) {
      uint32_t a[kHalves][4];
#pragma unroll
      for (int m = 0; m < kHalves; ++m) queries.left(a[m], warp_row + 16 * m, k16);
#pragma unroll
      for (int n16 = 0; n16 < kKeys / 16; ++n16) {
        uint32_t b[4];
        keys.right_of_columns(b, n16 * 16, k16);
#pragma unroll
        for (int m = 0; m < kHalves; ++m) mma_pair(scores[m][2 * n16], scores[m][2 * n16 + 1], a[m], b);
      }
    }
    const bool whole = place.mask.sees_all(row0, row0 + kBlockRows, key0, key0 + kKeys);
#pragma unroll
    for (int m = 0; m < kHalves; ++m) {
      if (!whole) hide(scores[m], seen_keys(place.mask, row0 + warp_row + 16 * m, key0));
      float shrink[2];
      softmax_step<kKeys>(scores[m], state[m], shrink, scale_log2);
      shrink_rows(acc[m], shrink);
    }
    cp_async_wait<0>();
    __syncthreads();  // the values are here, and nobody reads the keys any more
    if (key0 + kKeys < range.to) {
      keys.template copy<kKeys>(k_rows + (key0 + kKeys) * k.row, k.row, place.mask.count - key0 - kKeys);
      cp_async_commit();
    }
#pragma unroll
    for (int k16 = 0; k16 < kKeys / 16; ++k16) {
      uint32_t weights[kHalves][4];
#pragma unroll
      for (int m = 0; m < kHalves; ++m) pack_left(weights[m], scores[m][2 * k16], scores[m][2 * k16 + 1]);
#pragma unroll
      for (int n16 = 0; n16 < HD / 16; ++n16) {
        uint32_t b[4];
        values.right_of_rows(b, k16 * 16, n16);
#pragma unroll
        for (int m = 0; m < kHalves; ++m) mma_pair(acc[m][2 * n16], acc[m][2 * n16 + 1], weights[m], b);
      }
    }
  }
  cp_async_wait<0>();  // the first rows of a block that sees no key
  __syncthreads();     // nobody reads the queries any more

  bf16* const out = o.data + (place.q_from + row0) * o.row + head * HD;
#pragma unroll
  for (int m = 0; m < kHalves; ++m) {
    float inverse[2];
    end_softmax(state[m], inverse, lse + place.statistics + head * p.length, row0 + warp_row + 16 * m, place.length, p.scale);
    put_rows<HD>(queries, out, o.row, warp_row + 16 * m, rows, acc[m], inverse, false);
  }
  __syncthreads();
  take_rows<kBlockRows>(queries, out, o.row, rows);
}

}  // namespace

void forward_tiles(Stream& stream, const Problem& p, const Tensor& o, const Tensor& lse, const Tensor& q, const Tensor& k,
                   const Tensor& v) {
  with_tile_head(p.head_size, [&](auto head_size) {
    constexpr int HD = decltype(head_size)::value;
    launch("attention_forward", q.shape, stream, forward_kernel<HD>, grid_of(p, q.shape[0], kBlockRows, false), kTileThreads,
           shared_bytes<bf16>(kTileElements<HD>), rows_of<bf16>(o), lse.as<float>(), rows_of<const bf16>(q), rows_of<const bf16>(k),
           rows_of<const bf16>(v), p);
  });
}

}  // namespace ace::cuda::attention
