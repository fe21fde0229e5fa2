// What every CUDA kernel file shares: the launch, the activation type, and the check after each launch.
//
// Kernel sources are also compiled by the host compiler for the SIMT emulator (ACE_SIMT, test/simt/), so that each runs
// in CI without a GPU. Four rules keep that possible: launch() instead of <<<>>>, shared memory only through
// SharedMemory (smem.cuh), PTX only through ptx.cuh, and no include of a CUDA header but <cuda_runtime.h>.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <string>

#include "autograd/program.h"
#include "tensor/tensor.h"

namespace ace::cuda {

constexpr int kThreads = 256;

inline unsigned blocks(int64_t items, int64_t each = kThreads) { return static_cast<unsigned>((items + each - 1) / each); }

inline void check(cudaError_t error, const char* op, const Shape& shape) {
  if (error != cudaSuccess)
    throw Error(ErrorCode::device, std::string("CUDA: ") + op + " " + shape.text() + ": " + cudaGetErrorString(error));
}

inline cudaStream_t stream_of(const Stream& stream) { return static_cast<cudaStream_t>(stream.cuda_stream); }

// Runs `kernel` on a grid of blocks of `threads`, each with `shared` bytes of shared memory (shared_bytes() of smem.cuh).
// `op` and `shape` name it in an error.
template <class... P, class... A>
void launch(const char* op, const Shape& shape, const Stream& stream, void (*kernel)(P...), dim3 grid, unsigned threads,
            size_t shared, A&&... args) {
#if ACE_SIMT
  simt::launch(std::string(op) + " " + shape.text(), kernel, grid, threads, shared, stream_of(stream), static_cast<P>(args)...);
#else
  constexpr size_t kPlain = 48 * 1024;
  if (shared > kPlain)
    check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared)), op, shape);
  kernel<<<grid, threads, shared, stream_of(stream)>>>(static_cast<P>(args)...);
#endif
  check(cudaGetLastError(), op, shape);
}

// Calls f(T{}) with the activation type of `dtype`: float or bf16. Sums and statistics are float in both.
template <class F>
void with_activation(DType dtype, F&& f) {
  if (dtype == DType::f32) return f(float{});
  if (dtype == DType::bf16) return f(bf16{});
  throw Error(ErrorCode::internal, std::string("a CUDA kernel was given a ") + name(dtype) + " tensor");
}

}  // namespace ace::cuda
