// The CPU with a given number of threads, one device for the whole run of the tests.
#pragma once
#include <map>
#include <memory>

#include "tensor/device.h"

namespace ace::test {

inline CpuDevice& cpu_device(int threads = 1) {
  static std::map<int, std::unique_ptr<CpuDevice>> devices;
  std::unique_ptr<CpuDevice>& device = devices[threads];
  if (device == nullptr) device = std::make_unique<CpuDevice>(threads);
  return *device;
}

}  // namespace ace::test
