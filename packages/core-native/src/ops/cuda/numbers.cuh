// Activations in memory (float or bf16) as floats in registers.
#pragma once
#include "ops/cuda/ptx.cuh"
#include "tensor/dtype.h"

namespace ace::cuda {

__device__ inline float as_float(float x) { return x; }
__device__ inline float as_float(bf16 x) { return __uint_as_float(uint32_t{x.bits} << 16); }
__device__ inline void put(float& to, float x) { to = x; }
__device__ inline void put(bf16& to, float x) { to.bits = static_cast<uint16_t>(pack_bf16(x, 0.0f) & 0xffffu); }

template <class T>
__device__ inline float load(const T* p) {
  touch(p, sizeof(T), false);
  return as_float(*p);
}
template <class T>
__device__ inline void store(T* p, float x) {
  touch(p, sizeof(T), true);
  put(*p, x);
}

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
  touch(from, sizeof(T) * N, false);
  const Pack<T, N> pack = *reinterpret_cast<const Pack<T, N>*>(from);
#pragma unroll
  for (int i = 0; i < N; ++i) out[i] = as_float(pack.element[i]);
}

template <class T, int N>
__device__ inline void store_pack(T* to, const float (&in)[N]) {
  Pack<T, N> pack;
#pragma unroll
  for (int i = 0; i < N; ++i) put(pack.element[i], in[i]);
  touch(to, sizeof(T) * N, true);
  *reinterpret_cast<Pack<T, N>*>(to) = pack;
}

}  // namespace ace::cuda
