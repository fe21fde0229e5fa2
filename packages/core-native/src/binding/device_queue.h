#pragma once
#include <functional>
#include <memory>
#include <thread>

#include "tensor/thread_pool.h"

namespace ace::binding {

// One device: a native thread that runs its jobs one after another, and the threads its kernels use. libuv's pool is
// never used for compute.
class Device {
 public:
  explicit Device(int threads);
  // Waits for the jobs that were posted.
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  ThreadPool& pool();
  int threads() const { return threads_; }
  void post(std::function<void()> job);

 private:
  // Owned by the device and its thread together: a job may drop the last share of its own device, and the thread must
  // then still find its queue.
  struct State;
  static void work(const std::shared_ptr<State>& state);

  int threads_;
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace ace::binding
