// What the driver and the runtime say of this machine's CUDA devices. Host calls only: nothing is launched.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace ace::cuda {

struct DeviceFacts {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int64_t memory_bytes = 0;
};

struct Inventory {
  std::string reason;      // why there is no device, in the runtime's words
  int driver_version = 0;  // 13000: the driver serves CUDA 13.0; 0: no driver
  int runtime_version = 0;
  std::vector<DeviceFacts> devices;
};

// Never throws: a machine without a driver has no device. Opens no device.
Inventory take_inventory();

// Free now on device `index`, this process's own context taken off; 0 where it would not open. Opens a context there, which
// takes a moment and some hundred MiB until the process ends: not for a device that is not going to be used.
int64_t free_bytes(int index);

// Compute capabilities the kernels were compiled for: "80,86,90".
const char* compiled_architectures();

}  // namespace ace::cuda
