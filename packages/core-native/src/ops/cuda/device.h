// CUDA devices, for callers that are not CUDA files themselves.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "tensor/device.h"

namespace ace::cuda {

struct Devices {
  int count = 0;
  std::string reason;  // why there is none, in the driver's words
};
// Never throws: a machine without a driver has no device.
Devices find_devices();

// Whether the kernels are written for a compute capability, and for which they are, with cards that a user may know:
// "8.0 (A100), 8.6 (RTX 30), ...". What a build was compiled for is another question (binding/cuda_inventory.h).
bool is_supported(int major, int minor);
std::string supported_capabilities();

// Whether device `index` has products of a warpgroup and this build the kernels for them: compute capability 9.0. Errors: ERR_DEVICE.
bool has_warpgroups(int index);

// Opens device `index` with a stream, its matrix products and `threads` threads of the CPU for work on the host's side.
// The calling thread must be the one that uses it. ACEWRIGHT_CUDA_CHECK=1: every operator is waited for, so that an error
// names the one that caused it; nothing is recorded as a graph then. Where has_warpgroups(), attention runs on them, after
// both kinds of kernels gave the same on a small problem; ACEWRIGHT_ATTENTION=portable: on those of every device.
// Errors: ERR_DEVICE, one line: no driver, no such device, an unsupported one, no cuBLASLt, kernels that disagree.
// ERR_CONFIG for another value of ACEWRIGHT_ATTENTION.
std::unique_ptr<Device> open_device(int index, int threads);

// Memory of the current device without opening it.
class DeviceMemory {
 public:
  DeviceMemory(int64_t bytes, const std::string& what);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};
// Both wait until it is done, for every stream.
void upload(void* device, const void* host, int64_t bytes);
void download(void* host, const void* device, int64_t bytes);

}  // namespace ace::cuda
