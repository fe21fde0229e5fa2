#include "timer.h"

#include <chrono>

#include "tensor/error.h"

#if ACE_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

namespace ace {

namespace {

double now() { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

#if ACE_WITH_CUDA
void check(cudaError_t error) {
  if (error != cudaSuccess) throw Error(ErrorCode::device, std::string("CUDA: timing: ") + cudaGetErrorString(error));
}

class Event {
 public:
  Event() { check(cudaEventCreate(&event_)); }
  ~Event() { (void)cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};
#endif

}  // namespace

double device_milliseconds(Device& device, const std::function<void()>& work) {
#if ACE_WITH_CUDA
  if (device.kind() == DeviceKind::cuda) {
    const auto stream = static_cast<cudaStream_t>(device.stream().cuda_stream);
    const Event start, stop;
    check(cudaEventRecord(start.get(), stream));
    work();
    check(cudaEventRecord(stop.get(), stream));
    check(cudaEventSynchronize(stop.get()));
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, start.get(), stop.get()));
    return milliseconds;
  }
#endif
  const double start = now();
  work();
  device.synchronize();
  return now() - start;
}

double repeated_milliseconds(Device& device, int repeats, const std::function<void()>& work) {
  const auto all = [&] {
    for (int i = 0; i < repeats; ++i) work();
  };
  const std::unique_ptr<Graph> graph = device.capture(all);
  return device_milliseconds(device, [&] { graph ? graph->launch() : all(); }) / repeats;
}

DeviceBytes device_bytes(Device& device) {
#if ACE_WITH_CUDA
  if (device.kind() == DeviceKind::cuda) {
    size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total));
    return {static_cast<int64_t>(free), static_cast<int64_t>(total)};
  }
#endif
  (void)device;
  return {};
}

}  // namespace ace
