#include "ops/cuda/attention/hopper/kernels.h"
#include "ops/cuda/attention/hopper/panels.cuh"
#include "ops/cuda/attention/teams.cuh"

// dK and dV on products of a warpgroup, as attention/backward_kv.cu forms them: a block holds 64 rows of K and of V and walks over
// the query heads of their group and the rows of these, 64 at a time, in a fixed order; its two warpgroups take them in turn and
// add up their sums at the end. Exponentials are taken while the pulls are formed, and dS while their product with the upstream
// rows is under way.
namespace ace::cuda::attention {

namespace {

constexpr int kTeams = 2, kBlockThreads = kTeams * kTileThreads, kRows = 64, kPlaces = 3;
template <int HD>
constexpr int kTileElements = (2 * kTileRows + kTeams * kPlaces * 2 * kRows) * HD;
// Of each row of a step: lse in powers of two, and row_dot.
constexpr int kStatistics = kTeams * kPlaces * 2 * kRows;

template <int HD>
__global__ void __launch_bounds__(kBlockThreads, 1)
    hopper_backward_kv_kernel(Rows<bf16> dk, Rows<bf16> dv, Rows<const bf16> d_o, const float* lse, const float* row_dot,
                              Rows<const bf16> q, Rows<const bf16> k, Rows<const bf16> v, Problem p, bool accumulate_k, bool accumulate_v) {
  using KeyPanels = Panels<HD, kTileRows, kBlockThreads>;
  using RowPanels = Panels<HD, kRows, kTileThreads>;
  Place place;
  if (!find_place<kTileRows, true>(p, place)) return;
  SharedMemory shared;
  const Smem<bf16> memory = shared.take<bf16>(kTileElements<HD>);
  const Smem<float> statistics = shared.take<float>(kStatistics);
  const int kv_head = static_cast<int>(blockIdx.y), key0 = place.first, keys_here = place.keys - key0, k_row = place.k_from + key0;
  const int thread = static_cast<int>(threadIdx.x % kTileThreads), team = static_cast<int>(threadIdx.x / kTileThreads), warp_key = thread / 32 * 16;

  const KeyPanels keys(memory, 0), values(memory, KeyPanels::kElements);
  // Zeros for what is hidden: a gradient of nothing, whatever stands there.
  keys.copy(k.data + k_row * k.row + kv_head * HD, k.row, place.mask.count - key0);
  values.copy(v.data + k_row * v.row + kv_head * HD, v.row, place.mask.count - key0);
  cp_async_commit();

  const Range range = place.mask.rows_of(key0, key0 + kTileRows, place.length);
  // Steps of all heads in one row; a team takes every other one.
  const int steps_a_head = (range.to - range.from + kRows - 1) / kRows, steps = steps_a_head * p.group;
  auto step_of = [&](int turn) { return turn * kTeams + team; };
  auto row_of = [&](int step) { return range.from + step % steps_a_head * kRows; };
  auto tile = [&](int turn, int which) {
    return RowPanels(memory, 2 * KeyPanels::kElements + ((team * kPlaces + turn % kPlaces) * 2 + which) * RowPanels::kElements);
  };
  auto statistic = [&](int turn, int which) { return ((team * kPlaces + turn % kPlaces) * 2 + which) * kRows; };
  // A row behind the last one that sees a key weighs nothing: exp2(.. - infinity).
  float next_lse = INFINITY, next_dot = 0;
  auto fetch = [&](int turn) {
    const int step = step_of(turn);
    if (step < steps) {
      const int row0 = row_of(step), head = kv_head * p.group + step / steps_a_head, at = place.q_from + row0;
      tile(turn, 0).copy(q.data + at * q.row + head * HD, q.row, range.to - row0);
      tile(turn, 1).copy(d_o.data + at * d_o.row + head * HD, d_o.row, range.to - row0);
      const bool valid = thread < kRows && row0 + thread < range.to;
      const int from = place.statistics + head * p.length + row0 + thread;
      next_lse = valid ? lse[from] * kLog2E : INFINITY;
      next_dot = valid ? row_dot[from] : 0.0f;
    }
    cp_async_commit();
  };
  auto put_statistics = [&](int turn) {
    if (thread >= kRows) return;
    statistics[statistic(turn, 0) + thread] = next_lse;
    statistics[statistic(turn, 1) + thread] = next_dot;
  };
  auto multiply = [&](float (&out)[kRows / 8][4], const KeyPanels& left, const RowPanels& right) {
    wgmma_rows<false>(out, left.rows(0, 0), right.rows(0, 0));
#pragma unroll
    for (int k16 = 1; k16 < HD / 16; ++k16) wgmma_rows<true>(out, left.rows(0, k16), right.rows(0, k16));
    wgmma_commit();
  };
  // acc += of^T rows, where `of` has a key a row.
  auto add_rows = [&](float (&acc)[HD / 8][4], const float (&of)[kRows / 8][4], const RowPanels& rows) {
    uint32_t left[kRows / 16][4];
#pragma unroll
    for (int k16 = 0; k16 < kRows / 16; ++k16) pack_left(left[k16], of[2 * k16], of[2 * k16 + 1]);
    settle(left);
    wgmma_fence();
#pragma unroll
    for (int k16 = 0; k16 < kRows / 16; ++k16) wgmma_columns(acc, left[k16], rows.columns(16 * k16));
    wgmma_commit();
  };

  float acc_k[HD / 8][4] = {}, acc_v[HD / 8][4] = {};
  const float scale_log2 = p.scale * kLog2E;
  for (int turn = 0; turn < kPlaces - 1; ++turn) {
    fetch(turn);
    put_statistics(turn);
  }
  for (int turn = 0; turn * kTeams < steps; ++turn) {
    const int step = step_of(turn);
    cp_async_wait<kPlaces - 2>();
    fence_async();
    __syncthreads();  // this turn's rows are here, and nobody reads those of the turn before any more
    if (step >= steps) continue;  // an odd number of steps leaves the second team none at the end
    fetch(turn + kPlaces - 1);
    const RowPanels queries = tile(turn, 0), upstream = tile(turn, 1);
    float weights[kRows / 8][4], pull[kRows / 8][4];
    settle(acc_k);
    settle(acc_v);
    wgmma_fence();
    multiply(weights, keys, queries);
    multiply(pull, values, upstream);
    wgmma_wait<1>();
    settle(weights);
    const int row0 = row_of(step);
    if (!place.mask.sees_all(row0, row0 + kRows, key0, key0 + kTileRows)) hide(weights, seen_rows(place.mask, key0 + warp_key, row0));
#pragma unroll
    for (int n = 0; n < kRows / 8; ++n) {
      const auto lse2 = statistics.template load<float2>(statistic(turn, 0) + n * 8 + fragment_column(0));
#pragma unroll
      for (int e = 0; e < 4; ++e) weights[n][e] = exp2_fast(weights[n][e] * scale_log2 - (e % 2 == 0 ? lse2.x : lse2.y));
    }
    add_rows(acc_v, weights, upstream);
    wgmma_wait<1>();
    settle(pull);
#pragma unroll
    for (int n = 0; n < kRows / 8; ++n) {
      const auto dot = statistics.template load<float2>(statistic(turn, 1) + n * 8 + fragment_column(0));
#pragma unroll
      for (int e = 0; e < 4; ++e) pull[n][e] = weights[n][e] * (pull[n][e] - (e % 2 == 0 ? dot.x : dot.y));
    }
    add_rows(acc_k, pull, queries);
    wgmma_wait<0>();
    settle(acc_k);
    settle(acc_v);
    put_statistics(turn + kPlaces - 1);
  }
  cp_async_wait<0>();  // the keys of a block that no row sees
  __syncthreads();
  meet<HD>(memory, team, acc_k, acc_v);
  const bool of_k = team == 0;
  const float factor = of_k ? p.scale : 1.0f, factors[2] = {factor, factor};
  const Rows<bf16> out = of_k ? dk : dv;
  store_rows<HD>({memory, team * kTileRows * HD}, out.data + k_row * out.row + kv_head * HD, out.row, out.data != nullptr ? keys_here : 0, acc_k,
                 factors, of_k ? accumulate_k : accumulate_v);
}

}  // namespace

void backward_kv_hopper(Stream& stream, const Problem& p, const Tensor& dk, const Tensor& dv, const Saved& saved, bool accumulate_k,
                        bool accumulate_v) {
  launch_hopper("attention_backward dk dv", saved.k.shape, stream, hopper_backward_kv_kernel<128>, grid_of(p, saved.k.shape[0], kTileRows, true),
                kBlockThreads, shared_bytes<bf16>(kTileElements<128>) + shared_bytes<float>(kStatistics), rows_of<bf16>(dk), rows_of<bf16>(dv),
                rows_of<const bf16>(saved.d_o), saved.lse.as<float>(), saved.row_dot.as<float>(), rows_of<const bf16>(saved.q),
                rows_of<const bf16>(saved.k), rows_of<const bf16>(saved.v), p, accumulate_k, accumulate_v);
}

}  // namespace ace::cuda::attention
