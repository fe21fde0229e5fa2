// A stack of its own that can be entered and left: what a CUDA thread of the emulator runs on.
#pragma once
#include <cstddef>

// Our own change of stacks where it is written, the system's slow one elsewhere (or with SIMT_PORTABLE_FIBERS, to test it).
#if defined(__x86_64__) && !defined(SIMT_PORTABLE_FIBERS)
#define SIMT_OWN_FIBERS 1
#else
#include <ucontext.h>
#endif

namespace simt {

// Where a stack was left. Switching back continues there.
class Context {
 public:
  Context() = default;
  // Starts entry(argument) on the stack [bottom, bottom + bytes) at the first switch; entry must never return.
  void start(void* bottom, size_t bytes, void (*entry)(void*), void* argument);
  // Leaves the running stack, remembered in `from`, for the one remembered in `to`.
  static void change(Context& from, Context& to);

 private:
#if SIMT_OWN_FIBERS
  void* stack_pointer_ = nullptr;
#else
  ucontext_t state_;
#endif
};

// Memory for one stack, with a page below it that must not be touched.
class Stack {
 public:
  static constexpr size_t kBytes = 256 * 1024;
  Stack();
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  void* bottom() const { return bottom_; }

 private:
  void* mapping_ = nullptr;
  void* bottom_ = nullptr;
};

}  // namespace simt
