#include "simt/block.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "simt/warpgroup.h"

namespace simt {

namespace {

std::string text(Index i) { return "(" + std::to_string(i.x) + ", " + std::to_string(i.y) + ", " + std::to_string(i.z) + ")"; }

std::string place(const Where& where) {
  const std::string file = where.file_name();
  return file.substr(file.find_last_of('/') + 1) + ":" + std::to_string(where.line());
}

bool same(const Where& a, const Where& b) {
  return a.line() == b.line() && a.column() == b.column() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

std::string hex(unsigned mask) {
  char out[16];
  std::snprintf(out, sizeof out, "0x%08x", mask);
  return out;
}

}  // namespace

std::string Block::told(const std::string& what) const {
  return *kernel_ + ": block " + text(block_) + ", thread " + (self ? text(self->index) : "none") + ": " + what;
}

Thread::Thread() = default;
Thread::Thread(Thread&&) noexcept = default;
Thread::~Thread() = default;

void Block::fail(const std::string& what) { throw KernelError(told(what)); }

void Block::abandon(const std::string& what) noexcept {
  error_ = std::make_exception_ptr(KernelError(told(what)));
  Context::change(self->fiber->context, scheduler_);
  std::abort();  // run() starts the fiber anew
}

// A fiber takes the next thread that has not begun. One that ends without ever waiting leaves its stack to the next, so
// that a kernel without barriers runs on one stack and never changes it.
void Block::fiber_main(void* self_block) {
  Block& block = *static_cast<Block*>(self_block);
  for (;;) {
    Fiber* mine = nullptr;
    try {
      block.run_threads();
    } catch (...) {
      block.error_ = std::current_exception();
    }
    mine = self->fiber;
    if (!block.error_) block.free_.push_back(mine);
    Context::change(mine->context, block.scheduler_);
  }
}

void Block::run_threads() {
  Fiber* mine = free_.back();
  free_.pop_back();
  while (next_ < count_) {
    Thread& thread = threads_[next_++];
    thread.fiber = mine;
    self = &thread;
    (*body_)();
    if (!thread.products.empty()) fail("the thread ends while a product of its warpgroup is not waited for");
    // Another thread's fiber may have been entered and left meanwhile, but this one is the running one again.
    thread.done = true;
    ++done_;
  }
}

void Block::run(const std::string& kernel, Index block_at, Index threads, unsigned shared_bytes, const std::function<void()>& body) {
  kernel_ = &kernel;
  body_ = &body;
  block_ = block_at;
  count_ = threads.x * threads.y * threads.z;
  next_ = done_ = at_barrier_ = 0;
  ready_.clear();
  error_ = nullptr;
  threads_.resize(count_);
  meetings_.resize((count_ + kWarp - 1) / kWarp);
  for (auto& meetings : meetings_) meetings.clear();
  warpgroups_.assign((count_ + kWarpgroup - 1) / kWarpgroup, {});
  for (unsigned i = 0; i < count_; ++i) {
    Thread& thread = threads_[i];
    thread.index = {i % threads.x, i / threads.x % threads.y, i / threads.x / threads.y};
    thread.number = i;
    thread.done = false;
    thread.waits_for = nullptr;
    thread.copies.clear();
    thread.groups = 0;
    thread.products.clear();
    thread.product_groups = 0;
    thread.registers_fenced = false;
  }
  shared.begin_block(shared_bytes);
  block = this;
  while (!error_) {
    if (!ready_.empty()) {
      self = &threads_[ready_.front()];
      ready_.pop_front();
      Context::change(scheduler_, self->fiber->context);
    } else if (next_ < count_) {
      if (free_.empty()) {
        fibers_.push_back(std::make_unique<Fiber>());
        Fiber* fiber = fibers_.back().get();
        fiber->context.start(fiber->stack.bottom(), Stack::kBytes, &Block::fiber_main, this);
        free_.push_back(fiber);
      }
      Context::change(scheduler_, free_.back()->context);
    } else {
      break;
    }
  }
  if (!error_ && done_ < count_) error_ = std::make_exception_ptr(KernelError(kernel + ": block " + text(block_) + ": " + stuck()));
  self = nullptr;
  block = nullptr;
  if (!error_) return;
  // Threads in the middle of the kernel are abandoned: their stacks start anew.
  free_.clear();
  for (auto& fiber : fibers_) {
    fiber->context.start(fiber->stack.bottom(), Stack::kBytes, &Block::fiber_main, this);
    free_.push_back(fiber.get());
  }
  std::rethrow_exception(std::exchange(error_, nullptr));
}

void Block::wait(const char* what, Where where) {
  Thread& me = *self;
  me.waits_for = what;
  me.where = where;
  if (ready_.empty()) {
    Context::change(me.fiber->context, scheduler_);
  } else {
    self = &threads_[ready_.front()];
    ready_.pop_front();
    Context::change(me.fiber->context, self->fiber->context);
  }
  self = &me;
  me.waits_for = nullptr;
}

int Block::barrier(const char* what, bool predicate, Where where) {
  if (at_barrier_ == 0) {
    barrier_what_ = what;
    barrier_where_ = where;
    barrier_votes_ = 0;
  } else if (!same(where, barrier_where_) || barrier_what_ != what) {
    fail(std::string(what) + " at " + place(where) + " while other threads of the block wait at " + place(barrier_where_));
  }
  barrier_votes_ += predicate;
  if (++at_barrier_ < count_) {
    wait(what, where);
    return barrier_result_;
  }
  at_barrier_ = 0;
  barrier_result_ = barrier_votes_;
  shared.order_block();
  for (unsigned i = 0; i < count_; ++i)
    if (i != self->number) wake(i);
  return barrier_result_;
}

void Block::meet(const char* what, unsigned mask, void* slot, void (*together)(void* const*, unsigned), Where where) {
  const unsigned mine = 1u << lane(), first = self->number / kWarp * kWarp;
  const auto here = [&] { return std::string(what) + " at " + place(where); };
  if ((mask & mine) == 0) fail(here() + ": the lane is not in its own mask " + hex(mask));
  if (count_ - first < kWarp && (mask >> (count_ - first)) != 0)
    fail(here() + ": the mask " + hex(mask) + " names lanes beyond the block's threads");
  auto& meetings = meetings_[self->number / kWarp];
  size_t at = 0;
  while (at < meetings.size() && (meetings[at].mask & mask) == 0) ++at;
  if (at == meetings.size()) {
    meetings.emplace_back();
    meetings[at].mask = mask;
    meetings[at].what = what;
  }
  if (meetings[at].mask != mask || std::string_view(meetings[at].what) != what)
    fail(here() + " with mask " + hex(mask) + " while other lanes wait at " + meetings[at].what + " with mask " + hex(meetings[at].mask));
  meetings[at].arrived |= mine;
  meetings[at].slots[lane()] = slot;
  if (meetings[at].arrived != mask) return wait(what, where);
  const Meeting complete = meetings[at];
  meetings.erase(meetings.begin() + static_cast<std::ptrdiff_t>(at));
  together(complete.slots, mask);
  for (unsigned i = 0; i < kWarp; ++i)
    if ((mask >> i & 1) != 0 && i != lane()) wake(first + i);
}

std::shared_ptr<WarpgroupProduct> Block::meet_warpgroup(const WarpgroupSlot* slot, MakeProduct make, Where where) {
  const unsigned group = self->number / kWarpgroup, first = group * kWarpgroup;
  WarpgroupMeeting& meeting = warpgroups_[group];
  if (count_ - first < kWarpgroup) fail("a product of a warpgroup needs four whole warps");
  if (meeting.arrived == 0) meeting.where = where;
  else if (!same(where, meeting.where)) fail("a product at " + place(where) + " while other threads of the warpgroup ask for one at " + place(meeting.where));
  meeting.slots[self->number - first] = slot;
  if (++meeting.arrived < kWarpgroup) {
    wait("a product of its warpgroup", where);
    return warpgroups_[group].made;
  }
  meeting.arrived = 0;
  meeting.made = make(meeting.slots);
  for (unsigned i = first; i < first + kWarpgroup; ++i)
    if (i != self->number) wake(i);
  return meeting.made;
}

// Whoever still waits when nobody can run: whom for.
std::string Block::stuck() const {
  unsigned waiting = 0, ended = 0;
  const Thread* first = nullptr;
  for (const Thread& thread : threads_) {
    ended += thread.done;
    waiting += !thread.done;
    if (!thread.done && first == nullptr) first = &thread;
  }
  std::string out = "thread " + text(first->index) + " waits for ever in " + first->waits_for + " at " + place(first->where);
  const auto& meetings = meetings_[first->number / kWarp];
  for (const Meeting& meeting : meetings)
    if ((meeting.arrived >> first->number % kWarp & 1) != 0) out += " for the lanes " + hex(meeting.mask & ~meeting.arrived) + " of its warp";
  out += "; " + std::to_string(waiting) + " threads wait, " + std::to_string(ended) + " have ended";
  for (const Thread& thread : threads_)
    if (!thread.done && std::string_view(thread.waits_for) != first->waits_for)
      return out + "; thread " + text(thread.index) + " waits in " + thread.waits_for + " at " + place(thread.where);
  return out;
}

}  // namespace simt
