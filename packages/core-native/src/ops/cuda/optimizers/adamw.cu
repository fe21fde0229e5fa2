#include "ops/cuda/optimizers/tiles.cuh"
#include "ops/kernels.h"
#include "ops/optimizer/quantise.h"

namespace ace {

namespace {

// The largest of the warp's magnitudes: a warp holds one block of kQuantBlock numbers.
__device__ float warp_largest(const float (&x)[cuda::kEight]) {
  float out = 0;
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) out = fmaxf(out, fabsf(x[j]));
  for (int offset = cuda::kWarpSize / 2; offset > 0; offset /= 2) out = fmaxf(out, __shfl_xor_sync(0xffffffffu, out, offset));
  return out;
}
static_assert(cuda::kWarpSize * cuda::kEight == kQuantBlock, "a warp holds a block");

struct Quantised {
  uint8_t* bytes;
  float* scales;
};

__device__ void decode(float (&out)[cuda::kEight], const Quantised& from, const cuda::Smem<float>& codes, float scale, const cuda::Eight& e) {
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) out[j] = j < e.count ? static_cast<float>(codes[from.bytes[e.at + j]]) * scale : 0.0f;
}

__global__ void adamw8_kernel(float* params, Quantised exp_avg, Quantised exp_avg_sq, const float* grads, const OptimizerState* state,
                              const OptimizerSpan* spans, const OptimizerTile* tiles, const float* codes, bf16* shadow, bool aligned) {
  if (state->skipped != 0) return;
  using Rule = AdamwRule<float>;
  cuda::SharedMemory shared;
  const auto kept = shared.take<Rule>(1);
  const auto means = shared.take<float>(kCodes), squares = shared.take<float>(kCodes);
  const OptimizerTile tile = tiles[blockIdx.x];
  if (threadIdx.x == 0) kept[0] = Rule::of(*state, spans[tile.span]);
  for (int i = static_cast<int>(threadIdx.x); i < kCodes; i += cuda::kThreads) {
    means[i] = codes[i];
    squares[i] = codes[kCodes + i];
  }
  __syncthreads();
  const Rule rule = kept[0];
  const cuda::Eight e = cuda::eight_of(tile, aligned);
  const int64_t first = static_cast<int64_t>(threadIdx.x / cuda::kWarpSize) * kQuantBlock;
  if (first >= tile.count) return;  // the whole warp: what follows is exchanged within it
  const int64_t block = tile.block + first / kQuantBlock;
  float w[cuda::kEight] = {}, g[cuda::kEight] = {}, m[cuda::kEight] = {}, v[cuda::kEight] = {};
  if (e.count > 0) {
    cuda::load_eight(w, params + e.at, e.count, e.vector);
    cuda::load_eight(g, grads + e.at, e.count, e.vector);
    decode(m, exp_avg, means, exp_avg.scales[block], e);
    decode(v, exp_avg_sq, squares, exp_avg_sq.scales[block], e);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) {
      if (j >= e.count) break;
      float slot[2] = {m[j], v[j]};
      rule.apply(w[j], slot, g[j]);
      m[j] = slot[0];
      v[j] = slot[1];
    }
    cuda::store_eight(params + e.at, w, e.count, e.vector);
    if (shadow != nullptr) cuda::store_eight(shadow + e.at, w, e.count, e.vector);
  }
  const float m_scale = warp_largest(m), v_scale = warp_largest(v);  // also: every lane has read the old scales by now
  if (threadIdx.x % cuda::kWarpSize == 0) {
    exp_avg.scales[block] = m_scale;
    exp_avg_sq.scales[block] = v_scale;
  }
  const float m_unit = m_scale > 0 ? m_scale : 1.0f, v_unit = v_scale > 0 ? v_scale : 1.0f;
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) {
    if (j >= e.count) break;
    exp_avg.bytes[e.at + j] = static_cast<uint8_t>(nearest_code(m[j] / m_unit, means));
    exp_avg_sq.bytes[e.at + j] = static_cast<uint8_t>(nearest_positive_code(v[j] / v_unit, squares));
  }
}

__global__ void schedule_free_begin_kernel(float* params, const float* z, float* average, const OptimizerState* state, bf16* shadow, int64_t n,
                                           bool vector) {
  const float beta1 = static_cast<float>(state->beta1);
  const int64_t i = cuda::first_of_eight(), count = n - i;
  if (count <= 0) return;
  float x[cuda::kEight], step[cuda::kEight], y[cuda::kEight];
  cuda::load_eight(x, params + i, count, vector);
  cuda::load_eight(step, z + i, count, vector);
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) y[j] = step[j] + beta1 * (x[j] - step[j]);
  cuda::store_eight(average + i, x, count, vector);
  cuda::store_eight(params + i, y, count, vector);
  if (shadow != nullptr) cuda::store_eight(shadow + i, y, count, vector);
}

}  // namespace

void cuda::adamw(Stream& stream, Tensor params, Tensor exp_avg, Tensor exp_avg_sq, Tensor grads, Tensor state, Tensor spans, Tensor tiles,
                 Tensor shadow) {
  update_numbers<AdamwRule<float>>("adamw", stream, params, {exp_avg, exp_avg_sq}, grads, state, spans, tiles, shadow);
}

void cuda::adamw8(Stream& stream, Tensor params, Tensor exp_avg, Tensor exp_avg_scale, Tensor exp_avg_sq, Tensor exp_avg_sq_scale, Tensor grads,
                  Tensor state, Tensor spans, Tensor tiles, Tensor codes, Tensor shadow) {
  if (tiles.shape[0] == 0) return;
  const size_t shared = shared_bytes<AdamwRule<float>>(1) + 2 * shared_bytes<float>(kCodes);
  launch("adamw8", params.shape, stream, adamw8_kernel, static_cast<unsigned>(tiles.shape[0]), kThreads, shared, params.as<float>(),
         Quantised{exp_avg.as<uint8_t>(), exp_avg_scale.as<float>()}, Quantised{exp_avg_sq.as<uint8_t>(), exp_avg_sq_scale.as<float>()},
         grads.as<float>(), state.as<OptimizerState>(), spans.as<OptimizerSpan>(), tiles.as<OptimizerTile>(), codes.as<float>(), shadow.as<bf16>(),
         aligned_flat(params, grads, shadow));
}

void cuda::lion(Stream& stream, Tensor params, Tensor exp_avg, Tensor grads, Tensor state, Tensor spans, Tensor tiles, Tensor shadow) {
  update_numbers<LionRule<float>>("lion", stream, params, {exp_avg}, grads, state, spans, tiles, shadow);
}

void cuda::schedule_free_begin(Stream& stream, Tensor params, Tensor z, Tensor average, Tensor state, Tensor shadow) {
  const int64_t n = params.elements();
  if (n == 0) return;
  launch("schedule_free_begin", params.shape, stream, schedule_free_begin_kernel, blocks(n, kThreads * kEight), kThreads, 0, params.as<float>(),
         z.as<float>(), average.as<float>(), state.as<OptimizerState>(), shadow.as<bf16>(), n, aligned_flat(params, z, average, shadow));
}

void cuda::schedule_free(Stream& stream, Tensor params, Tensor z, Tensor exp_avg_sq, Tensor average, Tensor grads, Tensor state, Tensor spans,
                         Tensor tiles, Tensor shadow) {
  update_numbers<ScheduleFreeRule<float>>("schedule_free", stream, params, {z, exp_avg_sq, average}, grads, state, spans, tiles, shadow);
}

}  // namespace ace
