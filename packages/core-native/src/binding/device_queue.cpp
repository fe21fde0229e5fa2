#include "binding/device_queue.h"

#include <condition_variable>
#include <deque>
#include <mutex>

namespace ace::binding {

struct Device::State {
  explicit State(int threads) : pool(threads) {}
  ThreadPool pool;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> jobs;
  bool stop = false;
};

Device::Device(int threads)
    : threads_(threads), state_(std::make_shared<State>(threads)), thread_([state = state_] { work(state); }) {}

Device::~Device() {
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->stop = true;
  }
  state_->wake.notify_all();
  if (thread_.get_id() == std::this_thread::get_id()) thread_.detach();
  else thread_.join();
}

ThreadPool& Device::pool() { return state_->pool; }

void Device::post(std::function<void()> job) {
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->jobs.push_back(std::move(job));
  }
  state_->wake.notify_one();
}

void Device::work(const std::shared_ptr<State>& state) {
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
