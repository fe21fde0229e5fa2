#include "ops/cuda/attention/kernels.h"
#include "ops/cuda/attention/tile.cuh"

// The tiled forward pass: a block holds 64 query rows in registers and walks over the keys they can see, 64 at a time.
// Softmax runs online (Milakov & Gimelshein 2018; tiled as in Dao 2023). Keys and values have one buffer each: while
// one product is formed the other's rows are on their way.
namespace ace::cuda::attention {

namespace {

constexpr int kKeys = 64;

// What a thread keeps of its two rows, g and g + 8 of its warp's sixteen.
struct RowState {
  float top[2], sum[2];
};

// scores become exp(scale score - scale top); returns by what earlier sums shrink. top, over all keys so far, stays the
// same in the four threads of a row; sum is this thread's share.
__device__ inline void softmax_step(float (&scores)[kKeys / 8][4], RowState& state, float (&shrink)[2], float scale_log2) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float top = state.top[half];
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n) top = fmaxf(top, fmaxf(scores[n][2 * half], scores[n][2 * half + 1]));
    top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
    top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
    // A row that has seen nothing yet keeps -infinity; its exponentials are zeros, not NaNs.
    const float shift = top == -INFINITY ? 0.0f : top * scale_log2;
    shrink[half] = exp2_fast(state.top[half] * scale_log2 - shift);
    state.top[half] = top;
    float sum = 0;
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n)
#pragma unroll
      for (int e = 2 * half; e < 2 * half + 2; ++e) {
        scores[n][e] = exp2_fast(scores[n][e] * scale_log2 - shift);
        sum += scores[n][e];
      }
    state.sum[half] = state.sum[half] * shrink[half] + sum;
  }
}

template <int HD>
__global__ void __launch_bounds__(kTileThreads, HD >= 64 ? 2 : 3)
    forward_kernel(Rows<bf16> o, float* lse, Rows<const bf16> q, Rows<const bf16> k, Rows<const bf16> v, Problem p) {
  Place place;
  if (!find_place<kTileRows, false>(p, place)) return;
  SharedMemory shared;
  const Smem<bf16> memory = shared.take<bf16>(2 * kKeys * HD);
  const Tile<HD> keys(memory, 0), values(memory, kKeys * HD);
  const int head = static_cast<int>(blockIdx.y), kv_head = head / p.group, row0 = place.first, rows = place.length - row0;
  const bf16* k_rows = k.data + place.k_from * k.row + kv_head * HD;
  const bf16* v_rows = v.data + place.k_from * v.row + kv_head * HD;
  const int warp_row = static_cast<int>(threadIdx.x / 32 * 16);
  const Range range = place.mask.keys_of(row0, min(row0 + kTileRows, place.length));

  values.template copy<kTileRows>(q.data + (place.q_from + row0) * q.row + head * HD, q.row, rows);
  cp_async_commit();
  keys.template copy<kKeys>(k_rows + range.from * k.row, k.row, place.mask.count - range.from);
  cp_async_commit();
  cp_async_wait<1>();
  __syncthreads();
  uint32_t queries[HD / 16][4];
#pragma unroll
  for (int k16 = 0; k16 < HD / 16; ++k16) values.left(queries[k16], warp_row, k16);

  float acc[HD / 8][4] = {};
  RowState state{{-INFINITY, -INFINITY}, {0, 0}};
  const float scale_log2 = p.scale * kLog2E;
  for (int key0 = range.from; key0 < range.to; key0 += kKeys) {
    cp_async_wait<0>();
    __syncthreads();  // these keys are here, and nobody reads the values (or queries) before them any more
    values.template copy<kKeys>(v_rows + key0 * v.row, v.row, place.mask.count - key0);
    cp_async_commit();
    float scores[kKeys / 8][4] = {};
#pragma unroll
    for (int k16 = 0; k16 < HD / 16; ++k16)
#pragma unroll
      for (int n16 = 0; n16 < kKeys / 16; ++n16) {
        uint32_t b[4];
        keys.right_of_columns(b, n16 * 16, k16);
        mma_pair(scores[2 * n16], scores[2 * n16 + 1], queries[k16], b);
      }
    if (!place.mask.sees_all(row0, row0 + kTileRows, key0, key0 + kKeys)) hide(scores, seen_keys(place.mask, row0 + warp_row, key0));
    float shrink[2];
    softmax_step(scores, state, shrink, scale_log2);
    if (__any_sync(0xffffffffu, shrink[0] != 1.0f || shrink[1] != 1.0f)) {
#pragma unroll
      for (int n = 0; n < HD / 8; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) acc[n][e] *= shrink[e / 2];
    }
    cp_async_wait<0>();
    __syncthreads();  // the values are here, and nobody reads the keys any more
    if (key0 + kKeys < range.to) {
      keys.template copy<kKeys>(k_rows + (key0 + kKeys) * k.row, k.row, place.mask.count - key0 - kKeys);
      cp_async_commit();
    }
#pragma unroll
    for (int k16 = 0; k16 < kKeys / 16; ++k16) {
      uint32_t weights[4];
      pack_left(weights, scores[2 * k16], scores[2 * k16 + 1]);
#pragma unroll
      for (int n16 = 0; n16 < HD / 16; ++n16) {
        uint32_t b[4];
        values.right_of_rows(b, k16 * 16, n16);
        mma_pair(acc[2 * n16], acc[2 * n16 + 1], weights, b);
      }
    }
  }
  cp_async_wait<0>();  // the first keys of a block that sees none

  float inverse[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float sum = state.sum[half];
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    inverse[half] = sum == 0 ? 0.0f : 1.0f / sum;
    const int row = row0 + warp_row + fragment_row(2 * half);
    if (threadIdx.x % 4 == 0 && row < place.length)
      lse[place.statistics + head * p.length + row] = sum == 0 ? INFINITY : state.top[half] * p.scale + logf(sum);
  }
  __syncthreads();
  store_rows<HD>(keys, o.data + (place.q_from + row0) * o.row + head * HD, o.row, rows, acc, inverse, false);
}

}  // namespace

void forward_tiles(Stream& stream, const Problem& p, const Tensor& o, const Tensor& lse, const Tensor& q, const Tensor& k,
                   const Tensor& v) {
  with_tile_head(p.head_size, [&](auto head_size) {
    constexpr int HD = decltype(head_size)::value;
    launch("attention_forward", q.shape, stream, forward_kernel<HD>, grid_of(p, q.shape[0], kTileRows, false), kTileThreads,
           shared_bytes<bf16>(2 * kKeys * HD), rows_of<bf16>(o), lse.as<float>(), rows_of<const bf16>(q), rows_of<const bf16>(k),
           rows_of<const bf16>(v), p);
  });
}

}  // namespace ace::cuda::attention
