// Shared memory of a block, carved into typed pieces in the order in which they are taken:
//
//   SharedMemory shared;                        // the block's dynamic shared memory, from its start
//   Smem<float> rows = shared.take<float>(n);   // 16-byte aligned; every thread takes the same pieces
//   rows[i] = 1;                                // one element
//   rows.store(i, float4{...});                 // a vector of elements from i on, aligned to its size
//   ldmatrix_x4(fragment, rows.address(i));     // for ptx.cuh
//
// On the host: shared_bytes<float>(n) + ... is what launch() asks for. The emulator's twin of this file checks bounds
// and races (two threads, one byte, at least one writing, no barrier between).
#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace ace::cuda {

constexpr size_t kSharedAlignment = 16;

template <class T>
__host__ __device__ constexpr size_t shared_bytes(size_t count) {
  return (count * sizeof(T) + kSharedAlignment - 1) / kSharedAlignment * kSharedAlignment;
}

}  // namespace ace::cuda

#if ACE_SIMT
#include "simt/smem.h"
#else
namespace ace::cuda {

template <class T>
struct Smem {
  T* data;
  __device__ T& operator[](int i) const { return data[i]; }
  template <class V>
  __device__ V load(int i) const {
    return *reinterpret_cast<const V*>(data + i);
  }
  template <class V>
  __device__ void store(int i, V value) const {
    *reinterpret_cast<V*>(data + i) = value;
  }
  __device__ uint32_t address(int i) const { return static_cast<uint32_t>(__cvta_generic_to_shared(data + i)); }
};

class SharedMemory {
 public:
  __device__ SharedMemory() : at_(0) {}
  template <class T>
  __device__ Smem<T> take(int count) {
    extern __shared__ __align__(1024) unsigned char ace_shared_memory[];
    Smem<T> out{reinterpret_cast<T*>(ace_shared_memory + at_)};
    at_ += shared_bytes<T>(static_cast<size_t>(count));
    return out;
  }

 private:
  size_t at_;
};

}  // namespace ace::cuda
#endif
