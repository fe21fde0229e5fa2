#include "ops/cuda/device.h"

#include "ops/cuda/launch.h"

namespace ace::cuda {

Devices find_devices() {
  Devices out;
  const cudaError_t error = cudaGetDeviceCount(&out.count);
  if (error == cudaSuccess) return out;
  (void)cudaGetLastError();  // told here; not a later launch's fault
  out.count = 0;
  out.reason = cudaGetErrorString(error);
  return out;
}

DeviceMemory::DeviceMemory(int64_t bytes, const std::string& what) {
  const cudaError_t error = cudaMalloc(&data_, static_cast<size_t>(bytes));
  if (error == cudaSuccess) return;
  (void)cudaGetLastError();
  size_t available = 0, total = 0;
  const bool known = cudaMemGetInfo(&available, &total) == cudaSuccess;
  throw Error(error == cudaErrorMemoryAllocation ? ErrorCode::out_of_memory : ErrorCode::device,
              what + ": the device has no " + std::to_string(bytes >> 20) + " MiB" +
                  (known ? "; " + std::to_string(available >> 20) + " of " + std::to_string(total >> 20) + " MiB are free" : "") + ": " +
                  cudaGetErrorString(error));
}

DeviceMemory::~DeviceMemory() { (void)cudaFree(data_); }

void upload(void* device, const void* host, int64_t bytes) {
  check(cudaMemcpy(device, host, static_cast<size_t>(bytes), cudaMemcpyHostToDevice), "upload", {bytes});
}

void download(void* host, const void* device, int64_t bytes) {
  check(cudaMemcpy(host, device, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost), "download", {bytes});
}

}  // namespace ace::cuda
