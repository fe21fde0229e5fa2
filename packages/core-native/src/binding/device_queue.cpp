#include "binding/device_queue.h"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>

namespace ace::binding {

struct DeviceThread::State {
  std::unique_ptr<Device> device;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> jobs;
  bool stop = false;
};

DeviceThread::DeviceThread(const std::function<std::unique_ptr<Device>()>& open) : state_(std::make_shared<State>()) {
  std::promise<void> opened;
  thread_ = std::thread([state = state_, &open, &opened] {
    try {
      state->device = open();
    } catch (...) {
      opened.set_exception(std::current_exception());
      return;
    }
    opened.set_value();
    work(state);
    state->device.reset();
  });
  try {
    opened.get_future().get();
  } catch (...) {
    thread_.join();
    throw;
  }
  threads_ = state_->device->stream().pool->threads();
  kind_ = state_->device->kind();
}

DeviceThread::~DeviceThread() {
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->stop = true;
  }
  state_->wake.notify_all();
  if (thread_.get_id() == std::this_thread::get_id()) thread_.detach();
  else thread_.join();
}

Device& DeviceThread::device() { return *state_->device; }

void DeviceThread::post(std::function<void()> job) {
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->jobs.push_back(std::move(job));
  }
  state_->wake.notify_one();
}

void DeviceThread::work(const std::shared_ptr<State>& state) {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock<std::mutex> lock(state->mutex);
      state->wake.wait(lock, [&state] { return state->stop || !state->jobs.empty(); });
      if (state->jobs.empty()) return;
      job = std::move(state->jobs.front());
      state->jobs.pop_front();
    }
    job();
  }
}

}  // namespace ace::binding
