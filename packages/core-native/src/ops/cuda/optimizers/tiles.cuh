// One block a tile (ops/optimizer/state.h), eight numbers a thread.
#pragma once
#include "ops/cuda/eights.cuh"
#include "ops/cuda/reduce.cuh"
#include "ops/optimizer/rules.h"

namespace ace::cuda {

static_assert(kThreads * kEight == kTileElements, "a block covers a tile");

// This thread's eight numbers of a tile.
struct Eight {
  int64_t at;     // in the flat buffers
  int64_t count;  // 0 and below: none
  bool vector;    // they are aligned
};
__device__ inline Eight eight_of(const OptimizerTile& tile, bool aligned) {
  const int64_t from = static_cast<int64_t>(threadIdx.x) * kEight;
  return {tile.begin + from, tile.count - from, aligned && tile.begin % kEight == 0};
}

// A tile's sum into partial[blockIdx.x * width + place].
__device__ inline void write_sum(double* partial, int width, int place, double sum, Smem<double> sums) {
  const double total = block_sum(sum, sums);
  if (threadIdx.x == 0) partial[static_cast<int64_t>(blockIdx.x) * width + place] = total;
}

// Sum of partial[i * width + place] for i in [begin, end), for every thread of the block.
__device__ inline double sum_of(const double* partial, int64_t begin, int64_t end, int width, int place, Smem<double> sums) {
  double sum = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) sum += partial[i * width + place];
  return block_sum(sum, sums);
}

template <int N>
struct Slots {
  float* at[N];
};

template <class Rule>
__global__ void update_kernel(float* params, Slots<Rule::kSlots> slots, const float* grads, const OptimizerState* state,
                              const OptimizerSpan* spans, const OptimizerTile* tiles, bf16* shadow, bool aligned) {
  constexpr int kSlots = Rule::kSlots;
  const bool skipped = state->skipped != 0;
  if (Rule::kRestore < 0 && skipped) return;
  SharedMemory shared;
  const auto kept = shared.take<Rule>(1);
  const OptimizerTile tile = tiles[blockIdx.x];
  if (threadIdx.x == 0) kept[0] = Rule::of(*state, spans[tile.span]);
  __syncthreads();
  const Rule rule = kept[0];
  const Eight e = eight_of(tile, aligned);
  if (e.count <= 0) return;
  float w[kEight], g[kEight], held[kSlots][kEight];
  if constexpr (Rule::kRestore >= 0) {
    if (skipped) {
      load_eight(w, slots.at[Rule::kRestore] + e.at, e.count, e.vector);
      store_eight(params + e.at, w, e.count, e.vector);
      if (shadow != nullptr) store_eight(shadow + e.at, w, e.count, e.vector);
      return;
    }
  }
  load_eight(w, params + e.at, e.count, e.vector);
  load_eight(g, grads + e.at, e.count, e.vector);
#pragma unroll
  for (int slot = 0; slot < kSlots; ++slot) load_eight(held[slot], slots.at[slot] + e.at, e.count, e.vector);
#pragma unroll
  for (int j = 0; j < kEight; ++j) {
    float own[kSlots];
#pragma unroll
    for (int slot = 0; slot < kSlots; ++slot) own[slot] = held[slot][j];
    rule.apply(w[j], own, g[j]);
#pragma unroll
    for (int slot = 0; slot < kSlots; ++slot) held[slot][j] = own[slot];
  }
  store_eight(params + e.at, w, e.count, e.vector);
#pragma unroll
  for (int slot = 0; slot < kSlots; ++slot) store_eight(slots.at[slot] + e.at, held[slot], e.count, e.vector);
  if (shadow != nullptr) store_eight(shadow + e.at, w, e.count, e.vector);
}

template <class Rule>
void update_numbers(const char* op, const Stream& stream, const Tensor& params, const Tensor (&slots)[Rule::kSlots], const Tensor& grads,
                    const Tensor& state, const Tensor& spans, const Tensor& tiles, const Tensor& shadow) {
  if (tiles.shape[0] == 0) return;
  Slots<Rule::kSlots> at;
  bool aligned = aligned_flat(params, grads, shadow);
  for (int slot = 0; slot < Rule::kSlots; ++slot) {
    at.at[slot] = slots[slot].template as<float>();
    aligned = aligned && aligned_flat(slots[slot]);
  }
  launch(op, params.shape, stream, update_kernel<Rule>, static_cast<unsigned>(tiles.shape[0]), kThreads, shared_bytes<Rule>(1), params.as<float>(), at,
         grads.as<float>(), state.as<OptimizerState>(), spans.as<OptimizerSpan>(), tiles.as<OptimizerTile>(), shadow.as<bf16>(), aligned);
}

}  // namespace ace::cuda
