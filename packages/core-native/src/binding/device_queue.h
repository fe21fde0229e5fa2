#pragma once
#include <functional>
#include <memory>
#include <thread>

#include "tensor/device.h"

namespace ace::binding {

// A device's native thread, which runs its jobs one after another. libuv's pool is never used for compute.
class DeviceThread {
 public:
  // `open` runs on the new thread, which stays the only one that touches the device. Waits for it.
  // Errors: what `open` throws.
  explicit DeviceThread(const std::function<std::unique_ptr<Device>()>& open);
  // Waits for the jobs that were posted.
  ~DeviceThread();
  DeviceThread(const DeviceThread&) = delete;
  DeviceThread& operator=(const DeviceThread&) = delete;

  // For the jobs alone.
  Device& device();
  int threads() const { return threads_; }
  DeviceKind kind() const { return kind_; }
  void post(std::function<void()> job);

 private:
  // Owned by the device and its thread together: a job may drop the last share of its own device, and the thread must
  // then still find its queue.
  struct State;
  static void work(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
  std::thread thread_;
  int threads_ = 0;
  DeviceKind kind_ = DeviceKind::cpu;
};

}  // namespace ace::binding
