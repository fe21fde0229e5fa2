#include "tensor/storage.h"

#include <atomic>
#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ace {

namespace {
constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t{2} << 20;
}  // namespace

Storage::Storage(Shape shape, DType dtype, const std::string& what, bool zero) {
  tensor_.shape = shape;
  tensor_.dtype = dtype;
  const size_t bytes = static_cast<size_t>(tensor_.bytes());
  // Large blocks lie on huge-page borders: walking a weight then misses the TLB 512 times less.
  const size_t alignment = bytes >= 4 * kHugePage ? kHugePage : kAlignment;
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment + (bytes == 0 ? alignment : 0);
#if defined(_WIN32)
  void* memory = _aligned_malloc(rounded, alignment);
#else
  void* memory = std::aligned_alloc(alignment, rounded);
#endif
  if (memory == nullptr)
    throw Error(ErrorCode::out_of_memory, what + ": no room for " + std::to_string(rounded >> 20) + " MiB of main memory");
#if defined(__linux__)
  if (alignment == kHugePage) (void)madvise(memory, rounded, MADV_HUGEPAGE);
#endif
  if (zero) std::memset(memory, 0, rounded);
  memory_.reset(memory);
  tensor_.data = memory;
}

Storage Storage::placeholder(Shape shape, DType dtype) {
  static std::atomic<uintptr_t> next{uintptr_t{1} << 46};
  Storage out;
  out.tensor_.shape = shape;
  out.tensor_.dtype = dtype;
  out.tensor_.data = reinterpret_cast<void*>(next.fetch_add(static_cast<uintptr_t>(out.tensor_.bytes()) + kAlignment));
  return out;
}

void Storage::Free::operator()(void* memory) const {
#if defined(_WIN32)
  _aligned_free(memory);
#else
  std::free(memory);
#endif
}

}  // namespace ace
