// One block of CUDA threads at a time: its threads are fibers of one host thread, started in the order of their numbers,
// and change only where they wait for each other. Every wait that cannot end is an error, never a hang.
#pragma once
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <vector>

#include "simt/fiber.h"
#include "simt/shared.h"

namespace simt {

using Where = std::source_location;

constexpr unsigned kWarp = 32, kMaxThreads = 1024;
// Of a block, with the attribute that launch() sets: what the least of the served architectures has (8.6, 8.9 and 12.0; 8.0
// has 163 KiB and 9.0 227).
constexpr unsigned kMaxShared = 99 * 1024;

// A kernel did what hardware does not allow or does not define. Names kernel, block and thread.
class KernelError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Index {
  unsigned x = 0, y = 0, z = 0;
};

// A copy from global to shared memory that was asked for and not waited for.
struct AsyncCopy {
  unsigned shared;
  const void* global;
  bool valid;
  unsigned group;
};

struct Fiber;
struct ThreadProduct;     // warpgroup.h
struct WarpgroupProduct;
struct WarpgroupSlot;

struct Thread {
  Thread();
  Thread(Thread&&) noexcept;
  ~Thread();

  Index index;
  unsigned number = 0;
  Fiber* fiber = nullptr;
  bool done = false;
  const char* waits_for = nullptr;  // where it stands, for the report of a wait without end
  Where where;
  std::vector<AsyncCopy> copies;
  unsigned groups = 0;  // of copies, committed
  std::vector<ThreadProduct> products;
  unsigned product_groups = 0;  // committed
  bool registers_fenced = false;
};

struct Fiber {
  Stack stack;
  Context context;
};

// What lanes of a warp do together: each brings a slot; the last one to come calls `together` with all of them.
struct Meeting {
  unsigned mask = 0, arrived = 0;
  const char* what = nullptr;
  void* slots[kWarp] = {};
};

// The same of a warpgroup.
struct WarpgroupMeeting {
  unsigned arrived = 0;
  Where where;
  const WarpgroupSlot* slots[4 * kWarp] = {};
  std::shared_ptr<WarpgroupProduct> made;
};

class Block {
 public:
  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  // Runs every thread of one block. Errors: KernelError.
  void run(const std::string& kernel, Index block, Index threads, unsigned shared, const std::function<void()>& body);

  // What a thread of the running block asks for.
  int barrier(const char* what, bool predicate, Where where);
  void meet(const char* what, unsigned mask, void* slot, void (*together)(void* const* slots, unsigned mask), Where where);
  // Of four warps, for one product: the last thread to come calls `make` with the slots of all.
  using MakeProduct = std::shared_ptr<WarpgroupProduct> (*)(const WarpgroupSlot* const* slots);
  std::shared_ptr<WarpgroupProduct> meet_warpgroup(const WarpgroupSlot* slot, MakeProduct make, Where where);
  [[noreturn]] void fail(const std::string& what);
  // The same where no exception may be thrown: the thread is left where it stands.
  [[noreturn]] void abandon(const std::string& what) noexcept;
  const std::string& kernel() const { return *kernel_; }

  SharedState shared;

 private:
  static void fiber_main(void* self);
  void run_threads();
  std::string told(const std::string& what) const;
  void wait(const char* what, Where where);
  void wake(unsigned thread) { ready_.push_back(thread); }
  std::string stuck() const;

  const std::string* kernel_ = nullptr;
  const std::function<void()>* body_ = nullptr;
  Index block_;
  std::vector<Thread> threads_;
  unsigned count_ = 0, next_ = 0, done_ = 0;
  std::deque<unsigned> ready_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> free_;
  Context scheduler_;
  std::exception_ptr error_;
  unsigned at_barrier_ = 0;
  int barrier_votes_ = 0, barrier_result_ = 0;
  const char* barrier_what_ = nullptr;
  Where barrier_where_;
  std::vector<std::vector<Meeting>> meetings_;  // by warp
  std::vector<WarpgroupMeeting> warpgroups_;
};

// Of the host thread that emulates: the running block and thread. Null outside a kernel.
inline constinit thread_local Block* block = nullptr;
inline constinit thread_local Thread* self = nullptr;
inline constinit thread_local Index block_index, block_dim, grid_dim;

inline unsigned lane() { return self->number % kWarp; }

}  // namespace simt
