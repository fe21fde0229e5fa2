#include "tensor/thread_pool.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace ace {

namespace {

constexpr size_t kScratchBytes = size_t{16} << 20;        // gemm_serial takes up to 1.5 MiB, the rest is the caller's
constexpr size_t kSharedScratchBytes = size_t{24} << 20;  // gemm's panels: up to 17 MiB
constexpr uint32_t kOpen = uint32_t{1} << 31;
constexpr std::chrono::microseconds kSpin{50};

thread_local Scratch* executing = nullptr;  // set while this thread runs a body

void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  asm volatile("yield");
#endif
}

// Waits for value to differ from old: a short spin, since jobs follow each other closely, then sleep.
template <class T> void wait_for_change(const std::atomic<T>& value, T old) {
  const auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int threads) : shared_scratch_(kSharedScratchBytes) {
  if (threads < 1) throw std::invalid_argument("ThreadPool: threads must be at least 1, got " + std::to_string(threads));
  for (int i = 0; i < threads; ++i) scratch_.push_back(std::make_unique<Scratch>(kScratchBytes));
  workers_.reserve(static_cast<size_t>(threads) - 1);
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(*scratch_[static_cast<size_t>(i)]); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  job_.fetch_add(1, std::memory_order_release);
  job_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

Scratch& ThreadPool::scratch() { return executing ? *executing : *scratch_[0]; }

bool ThreadPool::inside_run() { return executing != nullptr; }

void ThreadPool::dispatch(int64_t parts, void* context, Call call) {
  if (parts <= 0) return;
  if (executing || workers_.empty() || parts == 1) {
    Scratch& own = scratch();
    struct Restore {
      Scratch* before = executing;
      ~Restore() { executing = before; }
    } restore;
    executing = &own;
    for (int64_t part = 0; part < parts; ++part) call(context, part, own);
    return;
  }
  context_ = context;
  call_ = call;
  parts_ = parts;
  next_.store(0, std::memory_order_relaxed);
  failed_.store(false, std::memory_order_relaxed);
  door_.store(kOpen, std::memory_order_release);
  job_.fetch_add(1, std::memory_order_release);
  job_.notify_all();

  take_parts(*scratch_[0]);

  // Close the door, so that a worker that wakes late is not waited for; then wait for those inside.
  uint32_t inside = door_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
  while (inside != 0) {
    wait_for_change(door_, inside);
    inside = door_.load(std::memory_order_acquire);
  }
  if (failed_.load(std::memory_order_relaxed)) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::take_parts(Scratch& scratch) {
  executing = &scratch;
  try {
    for (int64_t part; (part = next_.fetch_add(1, std::memory_order_relaxed)) < parts_;) call_(context_, part, scratch);
  } catch (...) {
    next_.store(parts_, std::memory_order_relaxed);
    if (!failed_.exchange(true)) failure_ = std::current_exception();
  }
  executing = nullptr;
}

void ThreadPool::work(Scratch& scratch) {
  uint32_t seen = 0;
  for (;;) {
    wait_for_change(job_, seen);
    seen = job_.load(std::memory_order_acquire);
    if (stop_.load()) return;
    if (join()) {
      take_parts(scratch);
      leave();
    }
  }
}

bool ThreadPool::join() {
  uint32_t door = door_.load(std::memory_order_acquire);
  while (door & kOpen) {
    if (door_.compare_exchange_weak(door, door + 1, std::memory_order_acq_rel, std::memory_order_acquire)) return true;
  }
  return false;
}

void ThreadPool::leave() {
  // Only the caller waits on the door, and only once it is closed.
  if (door_.fetch_sub(1, std::memory_order_acq_rel) == 1) door_.notify_one();
}

}  // namespace ace
