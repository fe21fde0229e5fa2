// The softmax of attention's forward pass, formed online (Milakov & Gimelshein 2018) on the results of mma_bf16.
#pragma once
#include "ops/cuda/attention/tile.cuh"

namespace ace::cuda::attention {

// What a thread keeps of its two rows of sixteen, g and g + 8.
struct RowState {
  float top[2], sum[2];
};

// scores become exp(scale score - scale top); returns by what earlier sums shrink. top, over all keys so far, stays the
// same in the four threads of a row; sum is this thread's share.
template <int kKeys>
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
    // Exactly one where top stays: the difference of a product and its own rounded value, in one operation, is not zero.
    shrink[half] = state.top[half] == top ? 1.0f : exp2_fast(state.top[half] * scale_log2 - shift);
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

// acc[n][e] *= shrink of its row, where some row of the warp shrinks at all.
template <int kBlocks>
__device__ inline void shrink_rows(float (&acc)[kBlocks][4], const float (&shrink)[2]) {
  if (!__any_sync(0xffffffffu, shrink[0] != 1.0f || shrink[1] != 1.0f)) return;
#pragma unroll
  for (int n = 0; n < kBlocks; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) acc[n][e] *= shrink[e / 2];
}

// The rows' factors of `acc`, and their lse where they are below `length`; row0: of the warp's sixteen.
__device__ inline void end_softmax(const RowState& state, float (&inverse)[2], float* lse, int row0, int length, float scale) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float sum = state.sum[half];
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    inverse[half] = sum == 0 ? 0.0f : 1.0f / sum;
    const int row = row0 + fragment_row(2 * half);
    if (threadIdx.x % 4 == 0 && row < length) lse[row] = sum == 0 ? INFINITY : state.top[half] * scale + logf(sum);
  }
}

}  // namespace ace::cuda::attention
