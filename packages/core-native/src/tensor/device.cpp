#include "tensor/device.h"

#include <cstdlib>
#include <cstring>

#include "tensor/error.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ace {

namespace {
constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t{2} << 20;
}  // namespace

void* allocate_host(int64_t count, const std::string& what) {
  const size_t bytes = static_cast<size_t>(count);
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
  return memory;
}

void release_host(void* memory) noexcept {
#if defined(_WIN32)
  _aligned_free(memory);
#else
  std::free(memory);
#endif
}

void Device::use_algorithms(const std::string&) {
  throw Error(ErrorCode::config, "the recorded algorithms are of a CUDA device, this is the CPU");
}

CpuDevice::CpuDevice(int threads) : Device({}), pool_(threads) { stream_.pool = &pool_; }

void* CpuDevice::allocate(int64_t bytes, const std::string& what) { return allocate_host(bytes, what); }
void CpuDevice::release(void* memory) noexcept { release_host(memory); }
void CpuDevice::zero(void* memory, int64_t bytes) { std::memset(memory, 0, static_cast<size_t>(bytes)); }

void CpuDevice::upload(void* to, const void* from, int64_t bytes) {
  if (bytes > 0) std::memcpy(to, from, static_cast<size_t>(bytes));
}
void CpuDevice::download(void* to, const void* from, int64_t bytes) { upload(to, from, bytes); }

namespace {

// Kernels run where they are called, so there is nothing to wait for.
class HostLane final : public CopyLane {
 public:
  void copy(int, void* to, const void* from, int64_t bytes) override { std::memcpy(to, from, static_cast<size_t>(bytes)); }
  void arrive(int) override {}
  void leave(int) override {}
};

}  // namespace

std::unique_ptr<CopyLane> CpuDevice::open_copy_lane() { return std::make_unique<HostLane>(); }

PlanningDevice::PlanningDevice(DeviceKind kind) : Device({kind, nullptr, nullptr, nullptr}) {}

void* PlanningDevice::allocate(int64_t bytes, const std::string&) {
  const uintptr_t out = next_;
  next_ += (static_cast<uintptr_t>(bytes) + 2 * kAlignment - 1) / kAlignment * kAlignment;
  return reinterpret_cast<void*>(out);
}

void PlanningDevice::download(void*, const void*, int64_t) {
  throw Error(ErrorCode::internal, "a model that was only planned has no numbers to read");
}

}  // namespace ace
