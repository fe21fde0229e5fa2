#include "tensor/thread_pool.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "check.h"

using namespace ace;

TEST("every part runs exactly once, job after job") {
  for (const int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    CHECK_EQ(pool.threads(), threads);
    for (const int64_t parts : {0, 1, 2, 5, 100, 1000}) {
      for (int round = 0; round < 50; ++round) {
        std::vector<std::atomic<int>> counts(static_cast<size_t>(parts));
        pool.run(parts, [&](int64_t part) { ++counts[static_cast<size_t>(part)]; });
        bool once = true;
        for (const auto& count : counts) once = once && count == 1;
        CHECK(once);
      }
    }
  }
}

TEST("workers that fell asleep wake up again") {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::atomic<int> sum{0};
    pool.run(64, [&](int64_t part) { sum += static_cast<int>(part); });
    CHECK_EQ(sum.load(), 64 * 63 / 2);
  }
}

TEST("work is shared among the threads") {
  ThreadPool pool(2);
  std::atomic<int> arrived{0};
  // Each of the two parts waits for the other: one thread alone would never finish.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  pool.run(2, [&](int64_t) {
    ++arrived;
    while (arrived < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  });
  CHECK_EQ(arrived.load(), 2);
  CHECK(std::chrono::steady_clock::now() < deadline);
}

TEST("a run inside a body works serially on that thread, with that thread's scratch") {
  ThreadPool pool(2);
  std::atomic<int> sum{0}, wrong{0};
  pool.run(8, [&](int64_t, Scratch& scratch) {
    const auto thread = std::this_thread::get_id();
    pool.run(10, [&](int64_t part, Scratch& inner) {
      if (std::this_thread::get_id() != thread || &inner != &scratch || &pool.scratch() != &scratch) ++wrong;
      sum += static_cast<int>(part);
    });
    if (!ThreadPool::inside_run()) ++wrong;
  });
  CHECK_EQ(sum.load(), 8 * 45);
  CHECK_EQ(wrong.load(), 0);
  CHECK(!ThreadPool::inside_run());
}

TEST("an exception in a body reaches the caller, and the pool goes on") {
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 20; ++round) {
      CHECK_THROWS(pool.run(100, [](int64_t part) { if (part == 37) throw std::runtime_error("part 37"); }), "part 37");
      std::atomic<int> count{0};
      pool.run(10, [&](int64_t) { ++count; });
      CHECK_EQ(count.load(), 10);
    }
  }
}

TEST("a pool without threads is refused") { CHECK_THROWS(ThreadPool(0), "at least 1"); }

TEST("scratch is handed out aligned, taken back in order and never beyond its size") {
  Scratch scratch(4096);
  void* first;
  {
    Scratch::Frame outer(scratch);
    first = outer.take<float>(3);
    float* second = outer.take<float>(1);
    CHECK_EQ(reinterpret_cast<uintptr_t>(first) % 64, uintptr_t{0});
    CHECK_EQ(reinterpret_cast<uintptr_t>(second) % 64, uintptr_t{0});
    {
      Scratch::Frame inner(scratch);
      CHECK(inner.take<char>(4096 - 128) == reinterpret_cast<char*>(second) + 64);
      bool refused = false;
      try {
        inner.take<char>(1);
      } catch (const std::bad_alloc&) {
        refused = true;
      }
      CHECK(refused);
    }
    CHECK(outer.take<char>(100) == reinterpret_cast<char*>(second) + 64);
  }
  Scratch::Frame again(scratch);
  CHECK(again.take<float>(1) == first);
}
