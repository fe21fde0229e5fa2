// CUDA devices and their memory, for callers that are not CUDA files themselves.
#pragma once
#include <cstdint>
#include <string>

namespace ace::cuda {

struct Devices {
  int count = 0;
  std::string reason;  // why there is none, in the driver's words
};
// Never throws: a machine without a driver has no device.
Devices find_devices();

// Memory of the current device.
class DeviceMemory {
 public:
  // Errors: ERR_OUT_OF_MEMORY with what was asked and what is free.
  DeviceMemory(int64_t bytes, const std::string& what);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

// Both wait for the default stream. Errors: ERR_DEVICE, also for a kernel that failed before.
void upload(void* device, const void* host, int64_t bytes);
void download(void* host, const void* device, int64_t bytes);

}  // namespace ace::cuda
