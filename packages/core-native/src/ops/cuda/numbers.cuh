// Activations in memory (float or bf16) as floats in registers.
#pragma once
#include "ops/cuda/ptx.cuh"
#include "tensor/dtype.h"

namespace ace::cuda {

__device__ inline float load(const float* p) { return *p; }
__device__ inline float load(const bf16* p) { return __uint_as_float(uint32_t{p->bits} << 16); }
__device__ inline void store(float* p, float x) { *p = x; }
__device__ inline void store(bf16* p, float x) { p->bits = static_cast<uint16_t>(pack_bf16(x, 0.0f) & 0xffffu); }

// N elements from an address aligned to their size.
template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
  T element[N];
};

// How many elements a 16-byte access holds.
template <class T>
constexpr int kPackOf = 16 / static_cast<int>(sizeof(T));

template <class T, int N>
__device__ inline void load_pack(float (&out)[N], const T* from) {
  const Pack<T, N> pack = *reinterpret_cast<const Pack<T, N>*>(from);
#pragma unroll
  for (int i = 0; i < N; ++i) out[i] = load(&pack.element[i]);
}

template <class T, int N>
__device__ inline void store_pack(T* to, const float (&in)[N]) {
  Pack<T, N> pack;
#pragma unroll
  for (int i = 0; i < N; ++i) store(&pack.element[i], in[i]);
  *reinterpret_cast<Pack<T, N>*>(to) = pack;
}

}  // namespace ace::cuda
