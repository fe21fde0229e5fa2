// Streams of the emulated device: what is put on one runs at once, or is recorded while the stream is captured.
#pragma once
#include <functional>
#include <vector>

#include "simt/runtime.h"

using SimtNodes = std::vector<std::function<void()>>;

struct CUstream_st {
  bool capturing = false;
  bool invalidated = false;
  SimtNodes captured;
};

namespace simt {

// Keeps `error` for cudaGetLastError and gives it back.
cudaError_t told(cudaError_t error);
// Runs or records one piece of work. Errors: what the work throws.
void put(cudaStream_t stream, std::function<void()> work);
// cudaErrorStreamCaptureUnsupported while any stream is captured, and that capture is spoilt; else success.
cudaError_t refuse_in_capture();

// Device memory, readable only while one of these lives: host code that touches it at another time crashes.
class Open {
 public:
  Open();
  ~Open();
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;
};

}  // namespace simt
