// Two teams of four warps that hold the same keys in one block, each with its share of the rows: their sums meet at the end.
#pragma once
#include "ops/cuda/attention/tile.cuh"

namespace ace::cuda::attention {

// Both teams hold sums of dK and of dV. Afterwards `first` of team 0 is all of dK and `first` of team 1 all of dV: each
// gives the other half of what it has, by way of `memory`, which nobody may be reading any more.
template <int HD>
__device__ void meet(const Smem<bf16>& memory, int team, float (&first)[HD / 8][4], float (&second)[HD / 8][4]) {
  const int thread = static_cast<int>(threadIdx.x) % kTileThreads;
  auto at = [&](int owner, int n) { return ((owner * HD / 8 + n) * kTileThreads + thread) * 8; };  // 8 bf16, 4 floats
#pragma unroll
  for (int n = 0; n < HD / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const float mine = team == 0 ? first[n][e] : second[n][e];
      second[n][e] = team == 0 ? second[n][e] : first[n][e];
      first[n][e] = mine;
    }
    memory.store(at(1 - team, n), float4{second[n][0], second[n][1], second[n][2], second[n][3]});
  }
  __syncthreads();
#pragma unroll
  for (int n = 0; n < HD / 8; ++n) {
    const float4 more = memory.template load<float4>(at(team, n));
    first[n][0] += more.x;
    first[n][1] += more.y;
    first[n][2] += more.z;
    first[n][3] += more.w;
  }
  __syncthreads();
}

}  // namespace ace::cuda::attention
