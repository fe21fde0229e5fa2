#include "ops/cuda/optimizers/tiles.cuh"
#include "ops/kernels.h"

namespace ace {

namespace {

__global__ void moments_kernel(const float* params, cuda::Slots<4> slots, const float* grads, const OptimizerState* state, const OptimizerTile* tiles,
                               double* partial, ProdigySpec spec, bool aligned) {
  if (state->skipped != 0 || !(state->learning_rate > 0)) return;
  using Rule = ProdigyMoments<float>;
  cuda::SharedMemory shared;
  const auto kept = shared.take<Rule>(1);
  const auto sums = shared.take<double>(cuda::kThreads / cuda::kWarpSize);
  if (threadIdx.x == 0) kept[0] = Rule::of(*state, spec);
  __syncthreads();
  const Rule rule = kept[0];
  const cuda::Eight e = cuda::eight_of(tiles[blockIdx.x], aligned);
  double product = 0, magnitude = 0;
  if (e.count > 0) {
    float w[cuda::kEight], g[cuda::kEight], held[4][cuda::kEight];
    cuda::load_eight(w, params + e.at, e.count, e.vector);
    cuda::load_eight(g, grads + e.at, e.count, e.vector);
#pragma unroll
    for (int slot = 0; slot < 4; ++slot) cuda::load_eight(held[slot], slots.at[slot] + e.at, e.count, e.vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) {  // beyond the end all are zero and add nothing
      float own[4] = {held[0][j], held[1][j], held[2][j], held[3][j]};
      rule.apply(w[j], own, g[j], product, magnitude);
#pragma unroll
      for (int slot = 0; slot < 3; ++slot) held[slot][j] = own[slot];
    }
#pragma unroll
    for (int slot = 0; slot < 3; ++slot) cuda::store_eight(slots.at[slot] + e.at, held[slot], e.count, e.vector);
  }
  cuda::write_sum(partial, 2, 0, product, sums);
  cuda::write_sum(partial, 2, 1, magnitude, sums);
}

__global__ void estimate_kernel(OptimizerState* state, const double* partial, int64_t tiles, ProdigySpec spec) {
  if (state->skipped != 0) return;
  cuda::SharedMemory shared;
  const auto sums = shared.take<double>(cuda::kThreads / cuda::kWarpSize);
  const double product = cuda::sum_of(partial, 0, tiles, 2, 0, sums), magnitude = cuda::sum_of(partial, 0, tiles, 2, 1, sums);
  if (threadIdx.x == 0) spec.estimate(*state, product, magnitude);
}

}  // namespace

void cuda::prodigy(Stream& stream, Tensor params, Tensor exp_avg, Tensor exp_avg_sq, Tensor s, Tensor initial, Tensor grads, Tensor state,
                   Tensor spans, Tensor tiles, Tensor sums, Tensor shadow, ProdigySpec spec) {
  const int64_t count = tiles.shape[0];
  if (count == 0) return;
  const size_t shared = shared_bytes<double>(kThreads / kWarpSize);
  const Slots<4> slots{{exp_avg.as<float>(), exp_avg_sq.as<float>(), s.as<float>(), initial.as<float>()}};
  launch("prodigy", params.shape, stream, moments_kernel, static_cast<unsigned>(count), kThreads, shared + shared_bytes<ProdigyMoments<float>>(1),
         params.as<float>(), slots, grads.as<float>(), state.as<OptimizerState>(), tiles.as<OptimizerTile>(), sums.as<double>(), spec,
         aligned_flat(params, exp_avg, exp_avg_sq, s, initial, grads));
  launch("prodigy", params.shape, stream, estimate_kernel, 1, kThreads, shared, state.as<OptimizerState>(), sums.as<double>(), count, spec);
  update_numbers<ProdigyRule<float>>("prodigy", stream, params, {exp_avg, exp_avg_sq}, grads, state, spans, tiles, shadow);
}

}  // namespace ace
