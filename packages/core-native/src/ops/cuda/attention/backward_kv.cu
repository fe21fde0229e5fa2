#include "ops/cuda/attention/kernels.h"
#include "ops/cuda/attention/teams.cuh"

// dK and dV by tiles: a block holds 64 rows of K and of V of one kv head in registers and walks over the query heads of
// its group and their rows, in this order: the sum over a group is formed here, in a fixed order, by one block.
// Everything is transposed: P^T = exp(scale k q - lse), dV = P^T dO, dK = scale dS^T Q.
namespace ace::cuda::attention {

namespace {

// Query rows of a step; two steps are in shared memory, one in use, one on its way.
constexpr int kRows = 64;
template <int HD>
constexpr int kTileElements = 4 * kRows * HD;
// Of each row of a step: lse in powers of two beside row_dot.
constexpr int kStatistics = 2 * 2 * kRows;
// Teams of four warps in a block. All hold the same keys and each takes its share of a step's rows; their sums meet at the
// end. A head of 128 leaves room for eight warps on a multiprocessor, and so a few condition tokens' blocks fill it.
template <int HD>
constexpr int kTeams = HD > 64 ? 2 : 1;
template <int HD>
constexpr int kBlockThreads = kTeams<HD> * kTileThreads;

template <int HD>
__global__ void __launch_bounds__(kBlockThreads<HD>, HD > 64 ? 1 : 3)
    backward_kv_kernel(Rows<bf16> dk, Rows<bf16> dv, Rows<const bf16> d_o, const float* lse, const float* row_dot,
                       Rows<const bf16> q, Rows<const bf16> k, Rows<const bf16> v, Problem p, bool accumulate_k, bool accumulate_v) {
  using Rows64 = Tile<HD, kBlockThreads<HD>>;
  Place place;
  if (!find_place<kTileRows, true>(p, place)) return;
  SharedMemory shared;
  const Smem<bf16> memory = shared.take<bf16>(kTileElements<HD>);
  const Smem<float> statistics = shared.take<float>(kStatistics);
  const int kv_head = static_cast<int>(blockIdx.y), key0 = place.first, keys = place.keys - key0;
  const int k_row = place.k_from + key0;
  const int thread = static_cast<int>(threadIdx.x), team = kTeams<HD> == 1 ? 0 : thread / kTileThreads, warp_key = thread % kTileThreads / 32 * 16;

  const Rows64 k_tile(memory, 0), v_tile(memory, kTileRows * HD);
  // Zeros for what is hidden: a gradient of nothing, whatever stands there. The smaller is always
  // the count; with `keys` beside it ptxas spills nothing on 12.0.
  const int seen = min(keys, place.mask.count - key0);
  k_tile.template copy<kTileRows>(k.data + k_row * k.row + kv_head * HD, k.row, seen);
  v_tile.template copy<kTileRows>(v.data + k_row * v.row + kv_head * HD, v.row, seen);
  cp_async_commit();
  cp_async_wait<0>();
  __syncthreads();
  uint32_t key_rows[HD / 16][4], value_rows[HD / 16][4];
#pragma unroll
  for (int k16 = 0; k16 < HD / 16; ++k16) {
    k_tile.left(key_rows[k16], warp_key, k16);
    v_tile.left(value_rows[k16], warp_key, k16);
  }
  __syncthreads();

  const Range range = place.mask.rows_of(key0, key0 + kTileRows, place.length);
  // The next step to fetch.
  int next_head = kv_head * p.group, next_row = range.from;
  const int heads_end = range.from < range.to ? next_head + p.group : next_head;
  auto query_tile = [&](int stage) { return Rows64(memory, stage * 2 * kRows * HD); };
  auto upstream_tile = [&](int stage) { return Rows64(memory, (stage * 2 + 1) * kRows * HD); };
  // A row behind the last one that sees a key weighs nothing: exp2(.. - infinity).
  float next_lse = INFINITY, next_dot = 0;
  auto fetch = [&](int stage) {
    const int at = place.q_from + next_row;
    query_tile(stage).template copy<kRows>(q.data + at * q.row + next_head * HD, q.row, range.to - next_row);
    upstream_tile(stage).template copy<kRows>(d_o.data + at * d_o.row + next_head * HD, d_o.row, range.to - next_row);
    cp_async_commit();
    const bool valid = thread < kRows && next_row + thread < range.to;
    const int statistic = place.statistics + next_head * p.length + next_row + thread;
    next_lse = valid ? lse[statistic] * kLog2E : INFINITY;
    next_dot = valid ? row_dot[statistic] : 0.0f;
  };
  auto put_statistics = [&](int stage) {
    if (thread >= kRows) return;
    statistics.store(2 * (stage * kRows + thread), float2{next_lse, next_dot});
  };

  constexpr int kTeamRows = kRows / kTeams<HD>;
  float acc_k[HD / 8][4] = {}, acc_v[HD / 8][4] = {};
  const float scale_log2 = p.scale * kLog2E;
  const bool wants_k = dk.data != nullptr, wants_v = dv.data != nullptr;
  if (next_head < heads_end) {
    fetch(0);
    put_statistics(0);
  }
  for (int stage = 0; next_head < heads_end; stage ^= 1) {
    cp_async_wait<0>();
    __syncthreads();  // this step's rows are here, and nobody reads the other stage any more
    const int row0 = next_row;
    next_row += kRows;
    if (next_row >= range.to) {
      next_row = range.from;
      ++next_head;
    }
    const bool more = next_head < heads_end;
    if (more) fetch(stage ^ 1);
    const Rows64 queries = query_tile(stage), upstream = upstream_tile(stage);
    const bool whole = place.mask.sees_all(row0, row0 + kRows, key0, key0 + kTileRows);
    // Sixteen query rows at a time: only two small products live beside the accumulators.
#pragma unroll
    for (int i = 0; i < kTeamRows; i += 16) {
      const int r0 = team * kTeamRows + i;
      if (kTeams<HD> > 1 && row0 + r0 >= range.to) break;  // the second team of a last step may have none
      float weights[2][4] = {}, pull[2][4] = {};
#pragma unroll
      for (int k16 = 0; k16 < HD / 16; ++k16) {
        uint32_t b[4];
        queries.right_of_columns(b, r0, k16);
        mma_pair(weights[0], weights[1], key_rows[k16], b);
        upstream.right_of_columns(b, r0, k16);
        mma_pair(pull[0], pull[1], value_rows[k16], b);
      }
      if (!whole) hide(weights, seen_rows(place.mask, key0 + warp_key, row0 + r0));
#pragma unroll
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const int r = 2 * (stage * kRows + r0 + n * 8 + fragment_column(e));
          const float weight = exp2_fast(weights[n][e] * scale_log2 - statistics[r]);
          weights[n][e] = weight;
          pull[n][e] = weight * (pull[n][e] - statistics[r + 1]);
        }
      uint32_t a[4];
      if (wants_v) {
        pack_left(a, weights[0], weights[1]);
#pragma unroll
        for (int n16 = 0; n16 < HD / 16; ++n16) {
          uint32_t b[4];
          upstream.right_of_rows(b, r0, n16);
          mma_pair(acc_v[2 * n16], acc_v[2 * n16 + 1], a, b);
        }
      }
      if (wants_k) {
        pack_left(a, pull[0], pull[1]);
#pragma unroll
        for (int n16 = 0; n16 < HD / 16; ++n16) {
          uint32_t b[4];
          queries.right_of_rows(b, r0, n16);
          mma_pair(acc_k[2 * n16], acc_k[2 * n16 + 1], a, b);
        }
      }
    }
    if (more) put_statistics(stage ^ 1);
  }
  __syncthreads();
  const int k_valid = wants_k ? keys : 0, v_valid = wants_v ? keys : 0;
  bf16 *const dk_rows = dk.data + k_row * dk.row + kv_head * HD, *const dv_rows = dv.data + k_row * dv.row + kv_head * HD;
  if constexpr (kTeams<HD> == 1) {
    const float scale[2] = {p.scale, p.scale}, one[2] = {1.0f, 1.0f};
    store_rows<HD>({memory, 0}, dk_rows, dk.row, k_valid, acc_k, scale, accumulate_k);
    store_rows<HD>({memory, kTileRows * HD}, dv_rows, dv.row, v_valid, acc_v, one, accumulate_v);
  } else {
    meet<HD>(memory, team, acc_k, acc_v);
    const bool of_k = team == 0;
    const float factor = of_k ? p.scale : 1.0f, factors[2] = {factor, factor};
    const int64_t row_stride = of_k ? dk.row : dv.row;
    store_rows<HD>({memory, team * kTileRows * HD}, of_k ? dk_rows : dv_rows, row_stride, of_k ? k_valid : v_valid, acc_k, factors,
                   of_k ? accumulate_k : accumulate_v);
  }
}

}  // namespace

void backward_kv_tiles(Stream& stream, const Problem& p, const Tensor& dk, const Tensor& dv, const Saved& saved,
                       bool accumulate_k, bool accumulate_v) {
  with_tile_head(p.head_size, [&](auto head_size) {
    constexpr int HD = decltype(head_size)::value;
    launch("attention_backward dk dv", saved.k.shape, stream, backward_kv_kernel<HD>, grid_of(p, saved.k.shape[0], kTileRows, true),
           kBlockThreads<HD>, shared_bytes<bf16>(kTileElements<HD>) + shared_bytes<float>(kStatistics), rows_of<bf16>(dk),
           rows_of<bf16>(dv), rows_of<const bf16>(saved.d_o), saved.lse.as<float>(), saved.row_dot.as<float>(),
           rows_of<const bf16>(saved.q), rows_of<const bf16>(saved.k), rows_of<const bf16>(saved.v), p, accumulate_k, accumulate_v);
  });
}

}  // namespace ace::cuda::attention
