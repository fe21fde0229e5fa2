#include "ops/cuda/attention/kernels.h"
#include "ops/cuda/attention/tile.cuh"

// dQ by tiles: a block holds 64 rows of Q and of dO in registers and walks over the keys they can see. The weights are
// made again from lse: P = exp(scale q k - lse), dS = P (dO V^T - row_dot), dQ = scale dS K.
namespace ace::cuda::attention {

namespace {

// Keys of a step, of which two are in shared memory: one in use, one on its way.
template <int HD>
constexpr int kStepKeys = HD > 64 ? 32 : 64;
template <int HD>
constexpr int kTileElements = 4 * kStepKeys<HD> * HD;
static_assert(kTileElements<128> >= 2 * kTileRows * 128, "Q and dO pass through the keys' and values' memory");

template <int HD>
__global__ void __launch_bounds__(kTileThreads, HD > 64 ? 2 : 3)
    backward_q_kernel(Rows<bf16> dq, Rows<const bf16> d_o, const float* lse, const float* row_dot, Rows<const bf16> q,
                      Rows<const bf16> k, Rows<const bf16> v, Problem p, bool accumulate) {
  constexpr int kKeys = kStepKeys<HD>;
  Place place;
  if (!find_place<kTileRows, false>(p, place)) return;
  SharedMemory shared;
  const Smem<bf16> memory = shared.take<bf16>(kTileElements<HD>);
  const int head = static_cast<int>(blockIdx.y), kv_head = head / p.group, row0 = place.first, rows = place.length - row0;
  const int q_row = place.q_from + row0;
  const bf16* k_rows = k.data + place.k_from * k.row + kv_head * HD;
  const bf16* v_rows = v.data + place.k_from * v.row + kv_head * HD;
  const int warp_row = static_cast<int>(threadIdx.x / 32 * 16);

  const Tile<HD> q_tile(memory, 0), do_tile(memory, kTileRows * HD);
  q_tile.template copy<kTileRows>(q.data + q_row * q.row + head * HD, q.row, rows);
  do_tile.template copy<kTileRows>(d_o.data + q_row * d_o.row + head * HD, d_o.row, rows);
  cp_async_commit();
  float lse_log2[2], dot[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = row0 + warp_row + fragment_row(2 * half);
    const int at = place.statistics + head * p.length + row;
    lse_log2[half] = row < place.length ? lse[at] * kLog2E : INFINITY;
    dot[half] = row < place.length ? row_dot[at] : 0.0f;
  }
  cp_async_wait<0>();
  __syncthreads();
  uint32_t queries[HD / 16][4], upstream[HD / 16][4];
#pragma unroll
  for (int k16 = 0; k16 < HD / 16; ++k16) {
    q_tile.left(queries[k16], warp_row, k16);
    do_tile.left(upstream[k16], warp_row, k16);
  }
  __syncthreads();

  const Range range = place.mask.keys_of(row0, min(row0 + kTileRows, place.length));
  auto key_tile = [&](int stage) { return Tile<HD>(memory, stage * 2 * kKeys * HD); };
  auto value_tile = [&](int stage) { return Tile<HD>(memory, (stage * 2 + 1) * kKeys * HD); };
  auto fetch = [&](int key0, int stage) {
    key_tile(stage).template copy<kKeys>(k_rows + key0 * k.row, k.row, place.mask.count - key0);
    value_tile(stage).template copy<kKeys>(v_rows + key0 * v.row, v.row, place.mask.count - key0);
    cp_async_commit();
  };
  float acc[HD / 8][4] = {};
  const float scale_log2 = p.scale * kLog2E;
  if (range.from < range.to) fetch(range.from, 0);
  for (int key0 = range.from, stage = 0; key0 < range.to; key0 += kKeys, stage ^= 1) {
    cp_async_wait<0>();
    __syncthreads();  // this step's rows are here, and nobody reads the other stage any more
    if (key0 + kKeys < range.to) fetch(key0 + kKeys, stage ^ 1);
    const Tile<HD> keys = key_tile(stage), values = value_tile(stage);
    const bool whole = place.mask.sees_all(row0, row0 + kTileRows, key0, key0 + kKeys);
    // Sixteen keys at a time: only two small products live beside the accumulators.
#pragma unroll
    for (int k0 = 0; k0 < kKeys; k0 += 16) {
      float weights[2][4] = {}, pull[2][4] = {};
#pragma unroll
      for (int k16 = 0; k16 < HD / 16; ++k16) {
        uint32_t b[4];
        keys.right_of_columns(b, k0, k16);
        mma_pair(weights[0], weights[1], queries[k16], b);
        values.right_of_columns(b, k0, k16);
        mma_pair(pull[0], pull[1], upstream[k16], b);
      }
      if (!whole) hide(weights, seen_keys(place.mask, row0 + warp_row, key0 + k0));
#pragma unroll
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const float weight = exp2_fast(weights[n][e] * scale_log2 - lse_log2[e / 2]);
          pull[n][e] = weight * (pull[n][e] - dot[e / 2]);
        }
      uint32_t dscores[4];
      pack_left(dscores, pull[0], pull[1]);
#pragma unroll
      for (int n16 = 0; n16 < HD / 16; ++n16) {
        uint32_t b[4];
        keys.right_of_rows(b, k0, n16);
        mma_pair(acc[2 * n16], acc[2 * n16 + 1], dscores, b);
      }
    }
  }
  __syncthreads();
  const float factor[2] = {p.scale, p.scale};
  store_rows<HD>(q_tile, dq.data + q_row * dq.row + head * HD, dq.row, rows, acc, factor, accumulate);
}

}  // namespace

void backward_q_tiles(Stream& stream, const Problem& p, const Tensor& dq, const Saved& saved, bool accumulate) {
  with_tile_head(p.head_size, [&](auto head_size) {
    constexpr int HD = decltype(head_size)::value;
    launch("attention_backward dq", dq.shape, stream, backward_q_kernel<HD>, grid_of(p, dq.shape[0], kTileRows, false), kTileThreads,
           shared_bytes<bf16>(kTileElements<HD>), rows_of<bf16>(dq), rows_of<const bf16>(saved.d_o), saved.lse.as<float>(),
           saved.row_dot.as<float>(), rows_of<const bf16>(saved.q), rows_of<const bf16>(saved.k), rows_of<const bf16>(saved.v), p,
           accumulate);
  });
}

}  // namespace ace::cuda::attention
