#include "simt/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>

namespace simt {

#if SIMT_OWN_FIBERS

// Saves what the System V ABI lets a callee keep, swaps stacks, restores. Signal masks and floating-point modes are the
// same on every fiber, so that nothing of the kernel's (as in swapcontext) is needed.
extern "C" void simt_change_stack(void** from, void* to);
extern "C" void simt_start_stack();
asm(R"(
.text
.globl simt_change_stack
.hidden simt_change_stack
.type simt_change_stack,@function
simt_change_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size simt_change_stack,.-simt_change_stack
.globl simt_start_stack
.hidden simt_start_stack
.type simt_start_stack,@function
simt_start_stack:
  movq %r12, %rdi
  callq *%r13
  ud2
.size simt_start_stack,.-simt_start_stack
)");

void Context::start(void* bottom, size_t bytes, void (*entry)(void*), void* argument) {
  // What simt_change_stack pops: r15, r14, r13, r12, rbx, rbp, then the address to return to.
  auto* top = reinterpret_cast<uint64_t*>(static_cast<char*>(bottom) + bytes) - 2;
  *--top = reinterpret_cast<uint64_t>(&simt_start_stack);
  *--top = 0;
  *--top = 0;
  *--top = reinterpret_cast<uint64_t>(argument);  // r12
  *--top = reinterpret_cast<uint64_t>(entry);     // r13
  *--top = 0;
  *--top = 0;
  stack_pointer_ = top;
}

void Context::change(Context& from, Context& to) { simt_change_stack(&from.stack_pointer_, to.stack_pointer_); }

#else

namespace {

// makecontext passes ints only.
void start_with_halves(unsigned entry_high, unsigned entry_low, unsigned argument_high, unsigned argument_low) {
  const auto entry = reinterpret_cast<void (*)(void*)>(static_cast<uintptr_t>(uint64_t{entry_high} << 32 | entry_low));
  entry(reinterpret_cast<void*>(static_cast<uintptr_t>(uint64_t{argument_high} << 32 | argument_low)));
}

}  // namespace

void Context::start(void* bottom, size_t bytes, void (*entry)(void*), void* argument) {
  getcontext(&state_);
  state_.uc_stack.ss_sp = bottom;
  state_.uc_stack.ss_size = bytes;
  state_.uc_link = nullptr;
  const auto e = static_cast<uint64_t>(reinterpret_cast<uintptr_t>(entry)), a = static_cast<uint64_t>(reinterpret_cast<uintptr_t>(argument));
  makecontext(&state_, reinterpret_cast<void (*)()>(&start_with_halves), 4, static_cast<unsigned>(e >> 32), static_cast<unsigned>(e),
              static_cast<unsigned>(a >> 32), static_cast<unsigned>(a));
}

void Context::change(Context& from, Context& to) { swapcontext(&from.state_, &to.state_); }

#endif

Stack::Stack() {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  mapping_ = mmap(nullptr, kBytes + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping_ == MAP_FAILED) throw std::bad_alloc();
  bottom_ = static_cast<char*>(mapping_) + page;
  if (mprotect(bottom_, kBytes, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
}

Stack::~Stack() { munmap(mapping_, kBytes + static_cast<size_t>(sysconf(_SC_PAGESIZE))); }

}  // namespace simt
