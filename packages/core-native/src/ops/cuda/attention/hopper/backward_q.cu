#include "ops/cuda/attention/hopper/kernels.h"
#include "ops/cuda/attention/hopper/panels.cuh"

// dQ on products of a warpgroup, as attention/backward_q.cu forms it: a block holds 128 rows of Q and of dO, 64 a warpgroup, in
// registers. A step's scores and pulls are asked for together with the product of the step before, so that the tensor cores
// work while the threads take exponentials; hence one place more for keys, which that product reads once more, than for values:
// one in use and two on their way.
namespace ace::cuda::attention {

namespace {

constexpr int kBlockThreads = 2 * kTileThreads, kBlockRows = 2 * kTileRows, kKeys = 64, kKeyPlaces = 4, kValuePlaces = 3;
template <int HD>
constexpr int kTileElements = (kKeyPlaces + kValuePlaces) * kKeys * HD;
static_assert(kTileElements<128> >= 2 * kBlockRows * 128, "Q and dO pass through the keys' and values' memory");

template <int HD>
__global__ void __launch_bounds__(kBlockThreads, 1)
    hopper_backward_q_kernel(Rows<bf16> dq, Rows<const bf16> d_o, const float* lse, const float* row_dot, Rows<const bf16> q,
                             Rows<const bf16> k, Rows<const bf16> v, Problem p, bool accumulate) {
  using Panels64 = Panels<HD, kKeys, kBlockThreads>;
  using Panels128 = Panels<HD, kBlockRows, kBlockThreads>;
  Place place;
  if (!find_place<kBlockRows, false>(p, place)) return;
  SharedMemory shared;
  const Smem<bf16> memory = shared.take<bf16>(kTileElements<HD>);
  const int head = static_cast<int>(blockIdx.y), kv_head = head / p.group, row0 = place.first, rows = place.length - row0;
  const int q_row = place.q_from + row0;
  const int team_row = static_cast<int>(threadIdx.x / kTileThreads) * kTileRows, warp_row = static_cast<int>(threadIdx.x / 32 * 16);
  const Range range = place.mask.keys_of(row0, min(row0 + kBlockRows, place.length));
  const int steps = (range.to - range.from + kKeys - 1) / kKeys;

  const Panels128 q_tile(memory, 0), do_tile(memory, Panels128::kElements);
  q_tile.copy(q.data + q_row * q.row + head * HD, q.row, rows);
  do_tile.copy(d_o.data + q_row * d_o.row + head * HD, d_o.row, rows);
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

  auto key_tile = [&](int step) { return Panels64(memory, step % kKeyPlaces * Panels64::kElements); };
  auto value_tile = [&](int step) { return Panels64(memory, (kKeyPlaces + step % kValuePlaces) * Panels64::kElements); };
  auto fetch = [&](int step) {
    if (step < steps) {
      const int key0 = range.from + step * kKeys, valid = place.mask.count - key0;
      key_tile(step).copy(k.data + (place.k_from + key0) * k.row + kv_head * HD, k.row, valid);
      value_tile(step).copy(v.data + (place.k_from + key0) * v.row + kv_head * HD, v.row, valid);
    }
    cp_async_commit();
  };
  float acc[HD / 8][4] = {};
  uint32_t dscores[kKeys / 16][4];
  const float scale_log2 = p.scale * kLog2E;
  auto multiply = [&](float (&out)[kKeys / 8][4], const uint32_t (&left)[HD / 16][4], const Panels64& right) {
    wgmma_rows<false>(out, left[0], right.rows(0, 0));
#pragma unroll
    for (int k16 = 1; k16 < HD / 16; ++k16) wgmma_rows<true>(out, left[k16], right.rows(0, k16));
    wgmma_commit();
  };
  auto add_keys = [&](int step) {
    const Panels64 keys = key_tile(step);
#pragma unroll
    for (int k16 = 0; k16 < kKeys / 16; ++k16) wgmma_columns(acc, dscores[k16], keys.columns(16 * k16));
    wgmma_commit();
  };

  // Until a step's rows are here, for all threads and the tensor cores, and nobody reads those that the next but one takes the
  // place of; these are then on their way.
  auto arrive = [&](int step) {
    cp_async_wait<1>();
    fence_async();
    __syncthreads();
    fetch(step + 2);
  };
  float weights[kKeys / 8][4], pull[kKeys / 8][4];
  auto ask = [&](int step) {
    wgmma_fence();
    multiply(weights, queries, key_tile(step));
    multiply(pull, upstream, value_tile(step));
  };
  auto weigh = [&](int step) {
    const int key0 = range.from + step * kKeys;
    settle(weights);
    if (!place.mask.sees_all(row0, row0 + kBlockRows, key0, key0 + kKeys)) hide(weights, seen_keys(place.mask, row0 + warp_row, key0));
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e) weights[n][e] = exp2_fast(weights[n][e] * scale_log2 - lse_log2[e / 2]);
  };
  auto differentiate = [&] {
    settle(pull);
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e) pull[n][e] = weights[n][e] * (pull[n][e] - dot[e / 2]);
  };
  auto pack = [&] {
#pragma unroll
    for (int k16 = 0; k16 < kKeys / 16; ++k16) pack_left(dscores[k16], pull[2 * k16], pull[2 * k16 + 1]);
    settle(dscores);
  };

  fetch(0);
  fetch(1);
  if (steps > 0) {
    arrive(0);
    ask(0);
    wgmma_wait<1>();
    weigh(0);
    wgmma_wait<0>();
    differentiate();
    pack();
  }
  for (int step = 1; step < steps; ++step) {
    arrive(step);
    settle(acc);
    ask(step);
    add_keys(step - 1);
    wgmma_wait<2>();
    weigh(step);
    wgmma_wait<1>();
    differentiate();
    wgmma_wait<0>();
    settle(acc);
    pack();
  }
  if (steps > 0) {
    settle(acc);
    wgmma_fence();
    add_keys(steps - 1);
    wgmma_wait<0>();
    settle(acc);
  }
  __syncthreads();
  const float factor[2] = {p.scale, p.scale};
  store_rows<HD>({memory, team_row * HD}, dq.data + (q_row + team_row) * dq.row + head * HD, dq.row, rows - team_row, acc, factor, accumulate);
}

}  // namespace

void backward_q_hopper(Stream& stream, const Problem& p, const Tensor& dq, const Saved& saved, bool accumulate) {
  launch_hopper("attention_backward dq", dq.shape, stream, hopper_backward_q_kernel<128>, grid_of(p, dq.shape[0], kBlockRows, false),
                kBlockThreads, shared_bytes<bf16>(kTileElements<128>), rows_of<bf16>(dq), rows_of<const bf16>(saved.d_o), saved.lse.as<float>(),
                saved.row_dot.as<float>(), rows_of<const bf16>(saved.q), rows_of<const bf16>(saved.k), rows_of<const bf16>(saved.v), p, accumulate);
}

}  // namespace ace::cuda::attention
