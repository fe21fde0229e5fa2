// Streams of the emulated device. Work waits on its stream until somebody waits for it: the latest moment at which
// hardware may do it, so that a host buffer changed too early or read too soon shows. The default stream's runs at once, but
// for what cudaMemcpy takes from pageable memory.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "simt/runtime.h"

namespace simt {
using Work = std::function<void()>;
}

struct CUstream_st {
  int device = 0;
  bool blocking = true;  // the default stream waits for it
  std::deque<simt::Work> pending;
  uint64_t put = 0, done = 0;  // how many pieces of work came, and ran

  bool capturing = false, invalidated = false;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id capturer;
  std::vector<simt::Work> captured;
};

namespace simt {

// Keeps `error` for cudaGetLastError and gives it back.
cudaError_t told(cudaError_t error);
// Puts a piece of work on a stream, or records it there. Errors: what the work throws, where it runs at once.
cudaError_t put(cudaStream_t stream, Work work);
// Runs what waits on the stream, up to its piece number `until`. Errors: what the work throws.
void finish(CUstream_st& stream, uint64_t until = UINT64_MAX);
// The same on the default stream for a copy that may arrive later than the call that asked for it: in time for whatever
// waits for the default stream, and not for a stream that does not.
cudaError_t put_late(Work work);
// For calls that wait for the device or change its memory: an error, and a spoilt capture, where CUDA forbids them
// during the captures under way; else success.
cudaError_t refuse_in_capture();

// Device memory, readable only while one of these lives: host code that touches it at another time crashes.
class Open {
 public:
  Open();
  ~Open();
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;
};

constexpr int kDevices = 2;  // which are alike
constexpr size_t kMemory = size_t{8} << 30;  // of each
// The calling thread's: 0 until it chooses another.
int current_device();

// The device of the allocation that it points into (or just behind); -1 for any other memory.
int device_of(const void* data);
// Whether it is where cudaMallocHost's memory begins.
bool is_pinned(const void* data);
inline bool on_device(const void* data) { return device_of(data) >= 0; }

// Errors: KernelError, naming `kernel`, if the bytes between an allocation's end and its guard page were written.
void check_ends(const std::string& kernel);

}  // namespace simt
