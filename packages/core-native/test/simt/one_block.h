// What the tests of the emulator share: one block of a kernel, and numbers in device memory.
#pragma once
#include <vector>

#include "check.h"
#include "ops/cuda/launch.h"
#include "ops/cuda/ptx.cuh"
#include "ops/cuda/smem.cuh"

namespace simt::test {

// Errors: KernelError.
template <class... P, class... A>
void one_block(void (*kernel)(P...), unsigned threads, size_t shared, A... args) {
  ace::cuda::launch("under test", {}, ace::Stream{.device = ace::DeviceKind::cuda}, kernel, 1, threads, shared, args...);
}

template <class T>
class DeviceNumbers {
 public:
  explicit DeviceNumbers(size_t count) : count_(count) { ace::cuda::check(cudaMalloc(&data_, count * sizeof(T)), "cudaMalloc", {}); }
  explicit DeviceNumbers(const std::vector<T>& values) : DeviceNumbers(values.size()) {
    ace::cuda::check(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy", {});
    ace::cuda::check(cudaStreamSynchronize(nullptr), "cudaMemcpy", {});
  }
  ~DeviceNumbers() { (void)cudaFree(data_); }
  DeviceNumbers(const DeviceNumbers&) = delete;
  DeviceNumbers& operator=(const DeviceNumbers&) = delete;

  T* data() const { return data_; }
  std::vector<T> read() const {
    std::vector<T> out(count_);
    ace::cuda::check(cudaMemcpy(out.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy", {});
    return out;
  }

 private:
  T* data_ = nullptr;
  size_t count_;
};

}  // namespace simt::test
