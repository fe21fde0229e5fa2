// Sums within a warp and a block, in an order that depends on nothing but the thread's number: the same bits in every run.
#pragma once
#include "ops/cuda/launch.h"
#include "ops/cuda/smem.cuh"

namespace ace::cuda {

constexpr int kWarpSize = 32;

template <class T>
__device__ T warp_sum(T value) {
  for (int offset = kWarpSize / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
  return value;
}

// Every thread of the block must call it; every thread gets the sum. `partial`: one element a warp.
template <class T>
__device__ T block_sum(T value, Smem<T> partial) {
  value = warp_sum(value);
  __syncthreads();  // the sum before this one may still be read
  if (threadIdx.x % kWarpSize == 0) partial[static_cast<int>(threadIdx.x / kWarpSize)] = value;
  __syncthreads();
  T total = 0;
  for (int warp = 0; warp < static_cast<int>(blockDim.x / kWarpSize); ++warp) total += partial[warp];
  return total;
}

}  // namespace ace::cuda
