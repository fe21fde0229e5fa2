// Time on a device's own clock, and its memory.
#pragma once
#include <functional>
#include <memory>

#include "tensor/device.h"

namespace ace {

// Milliseconds that the device needs from the first to the last thing that `work` queues: CUDA events in the device's
// stream, the wall clock on a CPU. Waits for it. Errors: ERR_DEVICE.
double device_milliseconds(Device& device, const std::function<void()>& work);

// The same for one of many repeats, recorded as one graph where the device can, so that the host's part does not count.
double repeated_milliseconds(Device& device, int repeats, const std::function<void()>& work);

struct DeviceBytes {
  int64_t free = 0, total = 0;  // 0 on a CPU
};
DeviceBytes device_bytes(Device& device);

}  // namespace ace
