// The threads of one device: a fixed number of workers and the caller.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

#include "tensor/scratch.h"

namespace ace {

class ThreadPool {
 public:
  // threads counts the caller; 1 = no workers. One thread at a time may call run().
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(part) or body(part, Scratch& of the executing thread) for part in [0, parts), in no particular order, and
  // returns when all are done. Parts are handed out as threads become free, so the caller's partition must depend on the
  // shapes only, never on threads(): then results do not either. The first exception of a body is rethrown here; parts not
  // yet begun are then dropped. A run() inside a body runs its parts one after another on that thread.
  template <class F> void run(int64_t parts, F&& body) {
    using Body = std::remove_reference_t<F>;
    dispatch(parts, const_cast<void*>(static_cast<const void*>(&body)), [](void* context, int64_t part, Scratch& scratch) {
      Body& call = *static_cast<Body*>(context);
      if constexpr (std::is_invocable_v<Body&, int64_t, Scratch&>) {
        call(part, scratch);
      } else {
        call(part);
      }
    });
  }

  // The calling thread's scratch: its own inside a body, the caller's outside.
  Scratch& scratch();
  // For what all threads read, such as packed panels; only outside a body.
  Scratch& shared_scratch() { return shared_scratch_; }
  // True on a thread that is executing a body of any pool.
  static bool inside_run();

 private:
  using Call = void (*)(void* context, int64_t part, Scratch& scratch);

  void dispatch(int64_t parts, void* context, Call call);
  void take_parts(Scratch& scratch);
  void work(Scratch& scratch);
  bool join();
  void leave();

  std::vector<std::unique_ptr<Scratch>> scratch_;  // [0] is the caller's
  Scratch shared_scratch_;

  // The current job: written by the caller while no worker is inside.
  void* context_ = nullptr;
  Call call_ = nullptr;
  int64_t parts_ = 0;
  std::exception_ptr failure_;
  std::atomic<bool> failed_{false};

  alignas(64) std::atomic<int64_t> next_{0};
  // Bit 31: the job may be joined. Low bits: workers inside it.
  alignas(64) std::atomic<uint32_t> door_{0};
  // Counts jobs; sleeping workers wait for it to change.
  alignas(64) std::atomic<uint32_t> job_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;  // last: the threads see everything above initialised
};

}  // namespace ace
