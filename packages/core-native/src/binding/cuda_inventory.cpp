#include "binding/cuda_inventory.h"

#if ACE_WITH_CUDA

#include <cuda_runtime_api.h>

namespace ace::cuda {

namespace {

// Puts the calling thread back on the device it was on.
class KeptDevice {
 public:
  KeptDevice() : known_(cudaGetDevice(&device_) == cudaSuccess) {}
  ~KeptDevice() {
    if (known_) (void)cudaSetDevice(device_);
    (void)cudaGetLastError();  // what failed here was told; it is no later launch's fault
  }
  KeptDevice(const KeptDevice&) = delete;
  KeptDevice& operator=(const KeptDevice&) = delete;

 private:
  int device_ = 0;
  bool known_;
};

DeviceFacts facts_of(int index) {
  DeviceFacts out;
  cudaDeviceProp properties{};
  if (cudaGetDeviceProperties(&properties, index) != cudaSuccess) {
    (void)cudaGetLastError();
    return out;
  }
  out.name = properties.name;
  out.major = properties.major;
  out.minor = properties.minor;
  out.memory_bytes = static_cast<int64_t>(properties.totalGlobalMem);
  return out;
}

}  // namespace

Inventory take_inventory() {
  Inventory out;
  (void)cudaDriverGetVersion(&out.driver_version);
  (void)cudaRuntimeGetVersion(&out.runtime_version);
  int count = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess) {
    out.reason = cudaGetErrorString(error);
    (void)cudaGetLastError();
    return out;
  }
  for (int i = 0; i < count; ++i) out.devices.push_back(facts_of(i));
  return out;
}

int64_t free_bytes(int index) {
  const KeptDevice kept;
  size_t available = 0, total = 0;
  if (cudaSetDevice(index) != cudaSuccess || cudaMemGetInfo(&available, &total) != cudaSuccess) return 0;
  return static_cast<int64_t>(available);
}

const char* compiled_architectures() { return ACE_CUDA_ARCHITECTURES; }

}  // namespace ace::cuda

#endif  // ACE_WITH_CUDA
