#include "ops/cuda/attention/hopper/kernels.h"
#include "ops/cuda/attention/hopper/panels.cuh"
#include "ops/cuda/attention/softmax.cuh"

// The forward pass on products of a warpgroup: a block holds 128 query rows, 64 a warpgroup, and walks over the keys they can
// see. While the tensor cores form one step's scores and the product with the values of the step before, the threads take
// the softmax of these scores as soon as they are there (Shah et al. 2024). Keys are a step ahead of values; of each there are
// three places, one in use and two on their way. 112 keys a step: seven steps for 769 condition tokens, where 128 would be
// seven too.
namespace ace::cuda::attention {

namespace {

constexpr int kBlockThreads = 2 * kTileThreads, kBlockRows = 2 * kTileRows, kKeys = 112, kPlaces = 3;
template <int HD>
constexpr int kTileElements = (kBlockRows + 2 * kPlaces * kKeys) * HD;

template <int HD>
__global__ void __launch_bounds__(kBlockThreads, 1)
    hopper_forward_kernel(Rows<bf16> o, float* lse, Rows<const bf16> q, Rows<const bf16> k, Rows<const bf16> v, Problem p) {
  using QueryPanels = Panels<HD, kBlockRows, kBlockThreads>;
  using KeyPanels = Panels<HD, kKeys, kBlockThreads>;
  Place place;
  if (!find_place<kBlockRows, false>(p, place)) return;
  SharedMemory shared;
  const Smem<bf16> memory = shared.take<bf16>(kTileElements<HD>);
  const int head = static_cast<int>(blockIdx.y), kv_head = head / p.group, row0 = place.first, rows = place.length - row0;
  const int team_row = static_cast<int>(threadIdx.x / kTileThreads) * kTileRows, warp_row = static_cast<int>(threadIdx.x / 32 * 16);
  const Range range = place.mask.keys_of(row0, min(row0 + kBlockRows, place.length));
  const int steps = (range.to - range.from + kKeys - 1) / kKeys;

  const QueryPanels queries(memory, 0);
  auto key_tile = [&](int step) { return KeyPanels(memory, QueryPanels::kElements + step % kPlaces * KeyPanels::kElements); };
  auto value_tile = [&](int step) { return KeyPanels(memory, QueryPanels::kElements + (kPlaces + step % kPlaces) * KeyPanels::kElements); };
  // Starts the copies that a step needs: its keys, and the values of the step before.
  auto fetch = [&](int step) {
    const auto copy = [&](const KeyPanels& tile, const Rows<const bf16>& from, int of) {
      const int key0 = range.from + of * kKeys;
      tile.copy(from.data + (place.k_from + key0) * from.row + kv_head * HD, from.row, place.mask.count - key0);
    };
    if (step > 0 && step <= steps) copy(value_tile(step - 1), v, step - 1);
    if (step < steps) copy(key_tile(step), k, step);
    cp_async_commit();
  };
  // Until what `step` needs is here, for all threads and the tensor cores, and nobody reads what the next but one takes the
  // place of; that is then on its way.
  auto arrive = [&](int step) {
    cp_async_wait<1>();
    fence_async();
    __syncthreads();
    fetch(step + 2);
  };

  float acc[HD / 8][4] = {};
  RowState state{{-INFINITY, -INFINITY}, {0, 0}};
  uint32_t weights[kKeys / 16][4];
  const float scale_log2 = p.scale * kLog2E;
  auto score = [&](float (&scores)[kKeys / 8][4], int step) {
    const KeyPanels keys = key_tile(step);
    wgmma_rows<false>(scores, queries.rows(team_row, 0), keys.rows(0, 0));
#pragma unroll
    for (int k16 = 1; k16 < HD / 16; ++k16) wgmma_rows<true>(scores, queries.rows(team_row, k16), keys.rows(0, k16));
    wgmma_commit();
  };
  auto add_values = [&](int step) {
    const KeyPanels values = value_tile(step);
#pragma unroll
    for (int k16 = 0; k16 < kKeys / 16; ++k16) wgmma_columns(acc, weights[k16], values.columns(16 * k16));
    wgmma_commit();
  };
  auto soften = [&](float (&scores)[kKeys / 8][4], float (&shrink)[2], int step) {
    const int key0 = range.from + step * kKeys;
    settle(scores);
    if (!place.mask.sees_all(row0, row0 + kBlockRows, key0, key0 + kKeys)) hide(scores, seen_keys(place.mask, row0 + warp_row, key0));
    softmax_step<kKeys>(scores, state, shrink, scale_log2);
  };
  auto weigh = [&](const float (&scores)[kKeys / 8][4]) {
#pragma unroll
    for (int k16 = 0; k16 < kKeys / 16; ++k16) pack_left(weights[k16], scores[2 * k16], scores[2 * k16 + 1]);
    settle(weights);
  };

  queries.copy(q.data + (place.q_from + row0) * q.row + head * HD, q.row, rows);
  fetch(0);
  fetch(1);
  if (steps > 0) {
    arrive(0);
    float scores[kKeys / 8][4], shrink[2];
    wgmma_fence();
    score(scores, 0);
    wgmma_wait<0>();
    soften(scores, shrink, 0);
    weigh(scores);
  }
  for (int step = 1; step < steps; ++step) {
    arrive(step);
    float scores[kKeys / 8][4], shrink[2];
    settle(acc);
    wgmma_fence();
    score(scores, step);
    add_values(step - 1);
    wgmma_wait<1>();
    soften(scores, shrink, step);
    wgmma_wait<0>();
    settle(acc);
    shrink_rows(acc, shrink);
    weigh(scores);
  }
  arrive(steps);  // also the queries of a block that sees no key
  if (steps > 0) {
    settle(acc);
    wgmma_fence();
    add_values(steps - 1);
    wgmma_wait<0>();
    settle(acc);
  }

  float inverse[2];
  end_softmax(state, inverse, lse + place.statistics + head * p.length, row0 + warp_row, place.length, p.scale);
  bf16* const out = o.data + (place.q_from + row0 + team_row) * o.row + head * HD;
  store_rows<HD>({memory, team_row * HD}, out, o.row, rows - team_row, acc, inverse, false);  // the queries were last read before a barrier
}

}  // namespace

void forward_hopper(Stream& stream, const Problem& p, const Tensor& o, const Tensor& lse, const Tensor& q, const Tensor& k,
                    const Tensor& v) {
  launch_hopper("attention_forward", q.shape, stream, hopper_forward_kernel<128>, grid_of(p, q.shape[0], kBlockRows, false), kBlockThreads,
                shared_bytes<bf16>(kTileElements<128>), rows_of<bf16>(o), lse.as<float>(), rows_of<const bf16>(q), rows_of<const bf16>(k),
                rows_of<const bf16>(v), p);
}

}  // namespace ace::cuda::attention
