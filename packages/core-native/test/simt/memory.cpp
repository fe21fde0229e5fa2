// The emulated device's memory: each allocation ends at a page that must not be touched, begins as NaNs, and is closed
// to the host except while a kernel or a copy runs.
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <cstdlib>

#include "simt/block.h"
#include "simt/runtime.h"
#include "simt/stream.h"

namespace simt {

namespace {

constexpr size_t kAlignment = 256;  // as cudaMalloc promises
constexpr unsigned char kPoison = 0xff;  // NaN as float, double and bf16; -1 as an integer

struct Region {
  char* mapping;
  size_t mapped;  // with the guard pages
  char* open;     // the pages of the allocation
  size_t open_bytes, bytes, rounded;
  int device;
};

std::mutex lock;
std::map<void*, Region> regions;
size_t used[kDevices] = {};
int open_count = 0;
std::set<void*> pinned;  // by cudaMallocHost

size_t page() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

// Says what happened in words, then dies of the same signal.
void report_fault(int signal, siginfo_t* info, void*) {
  const auto* at = static_cast<const char*>(info->si_addr);
  char who[256] = "host code", text[512];
  if (self != nullptr) std::snprintf(who, sizeof who, "%s, block %u, thread %u,", block->kernel().c_str(), block_index.x, self->number);
  int length = 0;
  for (const auto& [data, region] : regions)
    if (at >= region.mapping && at < region.mapping + region.mapped)
      length = std::snprintf(text, sizeof text, "emulator: %s touched device memory at %p: byte %td of an allocation of %zu bytes\n", who,
                             info->si_addr, at - static_cast<char*>(data), region.bytes);
  if (length == 0 && self != nullptr)
    length = std::snprintf(text, sizeof text, "emulator: %s touched %p, which is not device memory (or its stack of %zu bytes is full)\n", who,
                           info->si_addr, Stack::kBytes);
  if (length > 0) (void)!write(STDERR_FILENO, text, static_cast<size_t>(length));
  ::signal(signal, SIG_DFL);
}

// A full stack cannot run the handler: it gets one of its own.
struct FaultStack {
  char bytes[16 * 1024];
  FaultStack() {
    stack_t own{};
    own.ss_sp = bytes;
    own.ss_size = sizeof bytes;
    sigaltstack(&own, nullptr);
  }
};

void watch_faults() {
  static const bool watching = [] {
    struct sigaction action {};
    action.sa_sigaction = report_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    return sigaction(SIGSEGV, &action, nullptr) == 0;
  }();
  static thread_local const FaultStack stack;
  (void)watching, (void)stack;
}

void protect_all(int protection) {
  for (auto& [data, region] : regions) mprotect(region.open, region.open_bytes, protection);
}

}  // namespace

int device_of(const void* data) {
  const std::lock_guard guard(lock);
  const auto next = regions.upper_bound(const_cast<void*>(data));
  if (next == regions.begin()) return -1;
  const auto& [start, region] = *std::prev(next);
  return data <= static_cast<char*>(start) + region.bytes ? region.device : -1;
}

bool is_pinned(const void* data) {
  const std::lock_guard guard(lock);
  return pinned.count(const_cast<void*>(data)) != 0;
}

Open::Open() {
  watch_faults();
  const std::lock_guard guard(lock);
  if (open_count++ == 0) protect_all(PROT_READ | PROT_WRITE);
}

Open::~Open() {
  const std::lock_guard guard(lock);
  if (--open_count == 0) protect_all(PROT_NONE);
}

void check_ends(const std::string& kernel) {
  const std::lock_guard guard(lock);
  for (const auto& [data, region] : regions) {
    auto* bytes = static_cast<unsigned char*>(data);
    for (size_t i = region.bytes; i < region.rounded; ++i) {
      if (bytes[i] == kPoison) continue;
      std::memset(bytes + region.bytes, kPoison, region.rounded - region.bytes);
      throw KernelError(kernel + ": wrote byte " + std::to_string(i) + " of an allocation of " + std::to_string(region.bytes) + " bytes");
    }
  }
}

}  // namespace simt

using namespace simt;

cudaError_t cudaMalloc(void** data, size_t bytes) {
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess) return error;
  *data = nullptr;
  if (bytes == 0) return cudaSuccess;
  const std::lock_guard guard(lock);
  const int device = current_device();
  if (bytes > kMemory - used[device]) return told(cudaErrorMemoryAllocation);
  Region region;
  region.bytes = bytes;
  region.device = device;
  const size_t rounded = region.rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  region.open_bytes = (rounded + page() - 1) / page() * page();
  region.mapped = region.open_bytes + 2 * page();
  void* mapping = mmap(nullptr, region.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return told(cudaErrorMemoryAllocation);
  (void)madvise(mapping, region.mapped, MADV_HUGEPAGE);  // opened and closed around every launch: fewer pages, less time
  region.mapping = static_cast<char*>(mapping);
  region.open = region.mapping + page();
  mprotect(region.open, region.open_bytes, PROT_READ | PROT_WRITE);
  char* const start = region.open + region.open_bytes - rounded;  // the end touches the guard page
  std::memset(start, kPoison, rounded);
  if (open_count == 0) mprotect(region.open, region.open_bytes, PROT_NONE);
  regions[start] = region;
  used[device] += bytes;
  *data = start;
  return cudaSuccess;
}

cudaError_t cudaFree(void* data) {
  if (data == nullptr) return cudaSuccess;
  if (const cudaError_t error = cudaDeviceSynchronize(); error != cudaSuccess) return error;
  const std::lock_guard guard(lock);
  const auto found = regions.find(data);
  if (found == regions.end()) return told(cudaErrorInvalidValue);
  used[found->second.device] -= found->second.bytes;
  munmap(found->second.mapping, found->second.mapped);
  regions.erase(found);
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* available, size_t* total) {
  const std::lock_guard guard(lock);
  *available = kMemory - used[current_device()];
  *total = kMemory;
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned) { return cudaMallocHost(data, bytes); }

cudaError_t cudaMallocHost(void** data, size_t bytes) {
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess) return error;
  *data = std::malloc(bytes);
  if (*data == nullptr && bytes != 0) return told(cudaErrorMemoryAllocation);
  const std::lock_guard guard(lock);
  pinned.insert(*data);
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* data) {
  if (data == nullptr) return cudaSuccess;
  if (const cudaError_t error = cudaDeviceSynchronize(); error != cudaSuccess) return error;
  const std::lock_guard guard(lock);
  if (pinned.erase(data) == 0) return told(cudaErrorInvalidValue);
  std::free(data);
  return cudaSuccess;
}
