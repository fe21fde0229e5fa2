#include "simt/stream.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

struct CUevent_st {
  cudaStream_t stream = nullptr;
  uint64_t after = 0;  // done once the stream has done so many pieces of work
  std::chrono::steady_clock::time_point at;
  bool recorded = false;
};
struct CUgraph_st {
  std::vector<simt::Work> nodes;
};
struct CUgraphExec_st {
  std::vector<simt::Work> nodes;
};

namespace simt {

namespace {

std::recursive_mutex lock;  // of all streams; work runs under it, so one kernel runs at a time
CUstream_st default_stream;
std::vector<cudaStream_t> streams;

CUstream_st& of(cudaStream_t stream) { return stream == nullptr ? default_stream : *stream; }

void finish_blocking() {
  finish(default_stream);
  for (cudaStream_t stream : streams)
    if (stream->blocking) finish(*stream);
}

}  // namespace

cudaError_t refuse_in_capture() {
  const std::lock_guard guard(lock);
  cudaError_t error = cudaSuccess;
  for (cudaStream_t stream : streams) {
    if (!stream->capturing || stream->mode == cudaStreamCaptureModeRelaxed) continue;
    if (stream->mode == cudaStreamCaptureModeThreadLocal && stream->capturer != std::this_thread::get_id()) continue;
    stream->invalidated = true;
    error = cudaErrorStreamCaptureUnsupported;
  }
  return told(error);
}

void finish(CUstream_st& stream, uint64_t until) {
  const std::lock_guard guard(lock);
  if (stream.pending.empty() || stream.done >= until) return;
  const Open open;  // once for all of it: opening each allocation is dear, and no host code runs in between
  while (!stream.pending.empty() && stream.done < until) {
    const Work work = std::move(stream.pending.front());
    stream.pending.pop_front();
    ++stream.done;
    work();
  }
}

cudaError_t put(cudaStream_t stream, Work work) {
  const std::lock_guard guard(lock);
  if (stream != nullptr) {
    if (stream->capturing) {
      stream->captured.push_back(std::move(work));
    } else {
      ++stream->put;
      if (stream->blocking && !default_stream.pending.empty()) stream->pending.push_back([work = std::move(work)] { finish(default_stream), work(); });
      else stream->pending.push_back(std::move(work));
    }
    return cudaSuccess;
  }
  // The default stream waits for the blocking ones, which a captured one cannot grant.
  for (cudaStream_t other : streams)
    if (other->capturing && other->blocking) {
      other->invalidated = true;
      return told(cudaErrorStreamCaptureImplicit);
    }
  finish_blocking();
  const Open open;
  work();
  return cudaSuccess;
}

cudaError_t put_late(Work work) {
  const std::lock_guard guard(lock);
  if (const cudaError_t error = put(nullptr, [] {}); error != cudaSuccess) return error;
  default_stream.pending.push_back(std::move(work));
  return cudaSuccess;
}

}  // namespace simt

using namespace simt;

cudaError_t cudaDeviceSynchronize() {
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess) return error;
  const std::lock_guard guard(lock);
  finish(default_stream);
  for (cudaStream_t stream : streams) finish(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  const std::lock_guard guard(lock);
  *stream = new CUstream_st;
  (*stream)->device = current_device();
  (*stream)->blocking = (flags & cudaStreamNonBlocking) == 0;
  streams.push_back(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::lock_guard guard(lock);
  finish(*stream);
  std::erase(streams, stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const std::lock_guard guard(lock);
  if (of(stream).capturing) {
    of(stream).invalidated = true;
    return told(cudaErrorStreamCaptureUnsupported);
  }
  if (stream != nullptr) return finish(*stream), cudaSuccess;
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess) return error;
  return finish_blocking(), cudaSuccess;
}
// Asked often enough, work gets done.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const std::lock_guard guard(lock);
  CUstream_st& asked = of(stream);
  if (asked.capturing) return cudaStreamSynchronize(stream);
  if (asked.pending.empty()) return cudaSuccess;
  finish(asked, asked.done + 1);
  return cudaErrorNotReady;  // no last error: CUDA does not count it as one
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return *event = new CUevent_st, cudaSuccess; }
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventDestroy(cudaEvent_t event) { return delete event, cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const std::lock_guard guard(lock);
  const cudaError_t error = put(stream, [event] { event->at = std::chrono::steady_clock::now(); });
  if (error != cudaSuccess || of(stream).capturing) return error;
  event->stream = stream;
  event->after = of(stream).put;
  event->recorded = true;
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess) return error;
  if (event->recorded && event->stream != nullptr) finish(*event->stream, event->after);
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess) return error;
  const std::lock_guard guard(lock);
  if (!event->recorded || event->stream == nullptr || event->stream->done >= event->after) return cudaSuccess;
  finish(*event->stream, event->stream->done + 1);
  return cudaErrorNotReady;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const std::lock_guard guard(lock);
  if (of(stream).capturing && event->recorded) {  // a graph cannot wait for what is no part of it
    of(stream).invalidated = true;
    return told(cudaErrorStreamCaptureIsolation);
  }
  if (!event->recorded || event->stream == nullptr || event->stream == stream) return cudaSuccess;
  return put(stream, [from = event->stream, after = event->after] { finish(*from, after); });
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  if (!from->recorded || !to->recorded) return told(cudaErrorInvalidResourceHandle);
  for (cudaEvent_t event : {from, to})
    if (event->stream != nullptr && event->stream->done < event->after) return told(cudaErrorNotReady);
  *milliseconds = std::chrono::duration<float, std::milli>(to->at - from->at).count();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  const std::lock_guard guard(lock);
  if (stream == nullptr) return told(cudaErrorStreamCaptureUnsupported);
  if (stream->capturing) return told(cudaErrorInvalidValue);
  stream->capturing = true;
  stream->invalidated = false;
  stream->mode = mode;
  stream->capturer = std::this_thread::get_id();
  stream->captured.clear();
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const std::lock_guard guard(lock);
  *graph = nullptr;
  if (stream == nullptr || !stream->capturing) return told(cudaErrorStreamCaptureUnmatched);
  stream->capturing = false;
  std::vector<Work> nodes = std::exchange(stream->captured, {});
  if (stream->invalidated) return told(cudaErrorStreamCaptureInvalidated);
  *graph = new CUgraph_st{std::move(nodes)};
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  const CUstream_st& asked = of(stream);
  *status = !asked.capturing    ? cudaStreamCaptureStatusNone
            : asked.invalidated ? cudaStreamCaptureStatusInvalidated
                                : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  if (nodes != nullptr) return told(cudaErrorInvalidValue);  // only their number is emulated
  *count = graph->nodes.size();
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new CUgraphExec_st{graph->nodes};
  return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  for (const Work& node : exec->nodes)
    if (const cudaError_t error = put(stream, node); error != cudaSuccess) return error;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return delete exec, cudaSuccess; }
