#include "tensor/scratch.h"

#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ace {

namespace {
constexpr size_t kTakeAlignment = 64;
constexpr std::align_val_t kBaseAlignment{2 << 20};  // a huge page: packed panels are read with few TLB entries
}  // namespace

Scratch::Scratch(size_t capacity_bytes)
    : base_(static_cast<std::byte*>(::operator new(capacity_bytes, kBaseAlignment))), capacity_(capacity_bytes) {
#if defined(__linux__)
  // Advice only: where it is refused, the panels lie on small pages and everything else is the same.
  (void)madvise(base_, capacity_, MADV_HUGEPAGE);
#endif
}

Scratch::~Scratch() { ::operator delete(base_, kBaseAlignment); }

void* Scratch::take(size_t bytes) {
  const size_t rounded = (bytes + kTakeAlignment - 1) / kTakeAlignment * kTakeAlignment;
  if (rounded > capacity_ - used_) throw std::bad_alloc();
  void* taken = base_ + used_;
  used_ += rounded;
  return taken;
}

}  // namespace ace
