#include "simt/runtime.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "simt/block.h"
#include "simt/stream.h"

struct CUevent_st {
  std::chrono::steady_clock::time_point at;
  bool recorded = false;
};
struct CUgraph_st {
  SimtNodes nodes;
};
struct CUgraphExec_st {
  SimtNodes nodes;
};

namespace simt {

namespace {

thread_local cudaError_t last_error = cudaSuccess;
CUstream_st default_stream;
std::vector<cudaStream_t> captures;  // streams under capture; the project drives one device from one thread

CUstream_st& of(cudaStream_t stream) { return stream == nullptr ? default_stream : *stream; }

}  // namespace

cudaError_t told(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

cudaError_t refuse_in_capture() {
  if (captures.empty()) return cudaSuccess;
  for (cudaStream_t stream : captures) stream->invalidated = true;
  return told(cudaErrorStreamCaptureUnsupported);
}

void put(cudaStream_t stream, std::function<void()> work) {
  if (of(stream).capturing) return of(stream).captured.push_back(std::move(work));
  const Open open;
  work();
}

// The default stream waits for all others, which a capture cannot; any other stream just goes on.
static cudaError_t put_copy(cudaStream_t stream, std::function<void()> work) {
  if (stream == nullptr && !captures.empty()) {
    for (cudaStream_t captured : captures) captured->invalidated = true;
    return told(cudaErrorStreamCaptureImplicit);
  }
  put(stream, std::move(work));
  return cudaSuccess;
}

}  // namespace simt

using namespace simt;

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorNoDevice: return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    case cudaErrorInvalidResourceHandle: return "cudaErrorInvalidResourceHandle";
    case cudaErrorNotReady: return "cudaErrorNotReady";
    case cudaErrorStreamCaptureUnsupported: return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureInvalidated: return "cudaErrorStreamCaptureInvalidated";
    case cudaErrorStreamCaptureUnmatched: return "cudaErrorStreamCaptureUnmatched";
    case cudaErrorStreamCaptureImplicit: return "cudaErrorStreamCaptureImplicit";
    case cudaErrorUnknown: return "cudaErrorUnknown";
  }
  return "unrecognized error code";
}
const char* cudaGetErrorString(cudaError_t error) { return cudaGetErrorName(error); }
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return last_error; }

cudaError_t cudaGetDeviceCount(int* count) { return *count = 1, cudaSuccess; }
cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
cudaError_t cudaSetDevice(int device) { return told(device == 0 ? cudaSuccess : cudaErrorInvalidDevice); }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return told(cudaErrorInvalidDevice);
  *properties = {};
  std::strcpy(properties->name, "emulator");
  size_t available = 0;
  (void)cudaMemGetInfo(&available, &properties->totalGlobalMem);
  properties->sharedMemPerBlock = 48 * 1024;
  properties->sharedMemPerBlockOptin = kMaxShared;
  properties->sharedMemPerMultiprocessor = kMaxShared + 1024;
  properties->major = 9;
  properties->minor = 0;
  properties->multiProcessorCount = 4;
  properties->warpSize = kWarp;
  properties->maxThreadsPerBlock = kMaxThreads;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->regsPerBlock = 65536;
  properties->l2CacheSize = 32 << 20;
  properties->memoryBusWidth = 64;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, device); error != cudaSuccess) return error;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock: return *value = properties.maxThreadsPerBlock, cudaSuccess;
    case cudaDevAttrMultiProcessorCount: return *value = properties.multiProcessorCount, cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor: return *value = properties.major, cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor: return *value = properties.minor, cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: return *value = static_cast<int>(kMaxShared), cudaSuccess;
  }
  return told(cudaErrorInvalidValue);
}
cudaError_t cudaDeviceSynchronize() { return refuse_in_capture(); }
cudaError_t cudaDriverGetVersion(int* version) { return *version = 13000, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 13000, cudaSuccess; }
cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute attribute, int value) {
  if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize && value > static_cast<int>(kMaxShared)) return told(cudaErrorInvalidValue);
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned) { return cudaMallocHost(data, bytes); }
cudaError_t cudaMallocHost(void** data, size_t bytes) {
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess) return error;
  *data = std::malloc(bytes);
  return told(*data != nullptr || bytes == 0 ? cudaSuccess : cudaErrorMemoryAllocation);
}
cudaError_t cudaFreeHost(void* data) {
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess) return error;
  std::free(data);
  return cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess) return error;
  const Open open;
  std::memmove(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  return put_copy(stream, [=] { std::memmove(to, from, bytes); });
}
cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width, size_t height, cudaMemcpyKind,
                              cudaStream_t stream) {
  if (width > to_pitch || width > from_pitch) return told(cudaErrorInvalidValue);
  return put_copy(stream, [=] {
    for (size_t i = 0; i < height; ++i) std::memmove(static_cast<char*>(to) + i * to_pitch, static_cast<const char*>(from) + i * from_pitch, width);
  });
}
cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess) return error;
  const Open open;
  std::memset(to, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  return put_copy(stream, [=] { std::memset(to, value, bytes); });
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return *stream = new CUstream_st, cudaSuccess; }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) { return cudaStreamCreate(stream); }
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  std::erase(captures, stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return of(stream).capturing || stream == nullptr ? refuse_in_capture() : cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return cudaSuccess; }
cudaError_t cudaEventCreate(cudaEvent_t* event) { return *event = new CUevent_st, cudaSuccess; }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return cudaEventCreate(event); }
cudaError_t cudaEventDestroy(cudaEvent_t event) { return delete event, cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return put_copy(stream, [=] { event->at = std::chrono::steady_clock::now(), event->recorded = true; });
}
cudaError_t cudaEventSynchronize(cudaEvent_t) { return refuse_in_capture(); }
cudaError_t cudaEventQuery(cudaEvent_t) { return refuse_in_capture(); }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  if (!from->recorded || !to->recorded) return told(cudaErrorInvalidResourceHandle);
  *milliseconds = std::chrono::duration<float, std::milli>(to->at - from->at).count();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream == nullptr) return told(cudaErrorStreamCaptureUnsupported);
  if (stream->capturing) return told(cudaErrorInvalidValue);
  stream->capturing = true;
  stream->invalidated = false;
  stream->captured.clear();
  captures.push_back(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  if (stream == nullptr || !stream->capturing) return told(cudaErrorStreamCaptureUnmatched);
  stream->capturing = false;
  std::erase(captures, stream);
  SimtNodes nodes = std::exchange(stream->captured, {});
  if (stream->invalidated) return told(cudaErrorStreamCaptureInvalidated);
  *graph = new CUgraph_st{std::move(nodes)};
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  *status = !of(stream).capturing ? cudaStreamCaptureStatusNone
            : of(stream).invalidated ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, void* nodes, size_t* count) {
  if (nodes != nullptr) return told(cudaErrorInvalidValue);  // only the count is emulated
  *count = graph->nodes.size();
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new CUgraphExec_st{graph->nodes};
  return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  for (const auto& node : exec->nodes) put(stream, node);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return delete exec, cudaSuccess; }
