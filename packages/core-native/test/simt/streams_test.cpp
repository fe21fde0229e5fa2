// Streams do their work when somebody waits for it; captured streams record it, and graphs replay it.
#include <memory>

#include "ops/cuda/device.h"
#include "simt/one_block.h"

using namespace simt::test;

namespace {

void add(float* to, const float* step) { to[threadIdx.x] += *step; }
void overrun() { throw ace::Error(ace::ErrorCode::internal, "a kernel's own trouble"); }

struct DestroyStream {
  void operator()(cudaStream_t stream) const { (void)cudaStreamDestroy(stream); }
};
using OwnedStream = std::unique_ptr<CUstream_st, DestroyStream>;

OwnedStream new_stream(unsigned flags = cudaStreamNonBlocking) {
  cudaStream_t stream = nullptr;
  CHECK_EQ(cudaStreamCreateWithFlags(&stream, flags), cudaSuccess);
  return OwnedStream(stream);
}

template <class... P, class... A>
void on(const OwnedStream& stream, void (*kernel)(P...), A... args) {
  ace::cuda::launch("under test", {}, ace::Stream{.device = ace::DeviceKind::cuda, .cuda_stream = stream.get()}, kernel, 1, 4, 0, args...);
}

}  // namespace

TEST("SIMT: a stream's work is done at the latest moment, in order") {
  const auto stream = new_stream();
  const DeviceNumbers<float> sums(std::vector<float>(4, 0)), step(std::vector<float>{1});
  float host = 10;
  on(stream, add, sums.data(), static_cast<const float*>(step.data()));
  CHECK_EQ(cudaMemcpyAsync(step.data(), &host, 4, cudaMemcpyHostToDevice, stream.get()), cudaSuccess);
  host = 100;  // too early: the copy may not have begun
  on(stream, add, sums.data(), static_cast<const float*>(step.data()));
  CHECK_EQ(sums.read()[0], 0.0f);  // the default stream does not wait for a non-blocking one
  CHECK_EQ(cudaStreamQuery(stream.get()), cudaErrorNotReady);
  CHECK_EQ(cudaStreamSynchronize(stream.get()), cudaSuccess);
  CHECK_EQ(sums.read()[3], 101.0f);
  CHECK_EQ(cudaStreamQuery(stream.get()), cudaSuccess);

  const auto blocking = new_stream(cudaStreamDefault);
  on(blocking, add, sums.data(), static_cast<const float*>(step.data()));
  CHECK_EQ(sums.read()[0], 201.0f);  // the default stream waits for it
  on(stream, overrun);
  CHECK_THROWS(cudaStreamSynchronize(stream.get()), "a kernel's own trouble");
}

TEST("SIMT: a copy from pageable memory may arrive after the call, for a stream that does not wait for it") {
  const auto stream = new_stream(), waiting = new_stream(cudaStreamDefault);
  const DeviceNumbers<float> step(std::vector<float>{1});
  const float host = 10;
  const auto sum_on = [&](const OwnedStream& of) {
    const DeviceNumbers<float> sums(std::vector<float>(4, 0));
    CHECK_EQ(cudaMemcpy(step.data(), &host, 4, cudaMemcpyHostToDevice), cudaSuccess);
    on(of, add, sums.data(), static_cast<const float*>(step.data()));
    CHECK_EQ(cudaStreamSynchronize(of.get()), cudaSuccess);
    return sums.read()[0];
  };
  CHECK_EQ(sum_on(stream), 1.0f);
  CHECK_EQ(sum_on(waiting), 10.0f);
  const float again = 20;
  ace::cuda::upload(step.data(), &again, 4);
  const DeviceNumbers<float> sums(std::vector<float>(4, 0));
  on(stream, add, sums.data(), static_cast<const float*>(step.data()));
  CHECK_EQ(cudaStreamSynchronize(stream.get()), cudaSuccess);
  CHECK_EQ(sums.read()[0], 20.0f);
}

TEST("SIMT: an event orders two streams") {
  const auto first = new_stream(), second = new_stream();
  const DeviceNumbers<float> sums(std::vector<float>(4, 0)), step(std::vector<float>{1});
  cudaEvent_t event = nullptr;
  CHECK_EQ(cudaEventCreate(&event), cudaSuccess);
  float host = 5;
  CHECK_EQ(cudaMemcpyAsync(step.data(), &host, 4, cudaMemcpyHostToDevice, first.get()), cudaSuccess);
  CHECK_EQ(cudaEventRecord(event, first.get()), cudaSuccess);
  on(first, overrun);  // after the event: nobody waits for it below
  CHECK_EQ(cudaStreamWaitEvent(second.get(), event), cudaSuccess);
  on(second, add, sums.data(), static_cast<const float*>(step.data()));
  CHECK_EQ(cudaStreamSynchronize(second.get()), cudaSuccess);
  CHECK_EQ(sums.read()[0], 5.0f);
  CHECK_EQ(cudaEventQuery(event), cudaSuccess);
  CHECK_THROWS(cudaStreamSynchronize(first.get()), "a kernel's own trouble");
  CHECK_EQ(cudaEventDestroy(event), cudaSuccess);
}

TEST("SIMT: a captured stream runs nothing; its graph replays all of it with the memory's contents of the moment") {
  const auto stream = new_stream();
  const DeviceNumbers<float> sums(std::vector<float>(4, 0)), step(std::vector<float>{1});
  float host = 1;
  CHECK_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
  CHECK_EQ(cudaMemcpyAsync(step.data(), &host, 4, cudaMemcpyHostToDevice, stream.get()), cudaSuccess);
  on(stream, add, sums.data(), static_cast<const float*>(step.data()));
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  CHECK_EQ(cudaStreamIsCapturing(stream.get(), &status), cudaSuccess);
  CHECK(status == cudaStreamCaptureStatusActive);
  cudaGraph_t graph = nullptr;
  CHECK_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess);
  size_t nodes = 0;
  CHECK_EQ(cudaGraphGetNodes(graph, nullptr, &nodes), cudaSuccess);
  CHECK_EQ(nodes, size_t{2});
  CHECK_EQ(cudaStreamSynchronize(stream.get()), cudaSuccess);
  CHECK_EQ(sums.read()[0], 0.0f);
  cudaGraphExec_t exec = nullptr;
  CHECK_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  CHECK_EQ(cudaGraphDestroy(graph), cudaSuccess);
  for (const float value : {1.0f, 2.0f, 4.0f}) {
    host = value;
    CHECK_EQ(cudaGraphLaunch(exec, stream.get()), cudaSuccess);
    CHECK_EQ(cudaStreamSynchronize(stream.get()), cudaSuccess);
  }
  CHECK_EQ(sums.read()[0], 7.0f);
  CHECK_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
}

TEST("SIMT: what a capture forbids fails, and spoils the capture") {
  const DeviceNumbers<float> numbers(std::vector<float>{1});
  float host = 0;
  void* fresh = nullptr;
  const auto spoils = [&](const char* what, const std::function<cudaError_t(cudaStream_t)>& call, cudaError_t expected, unsigned flags) {
    CONTEXT(what);
    const auto stream = new_stream(flags);
    cudaGraph_t graph = nullptr;
    CHECK_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
    CHECK_EQ(call(stream.get()), expected);
    CHECK_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaErrorStreamCaptureInvalidated);
    CHECK(graph == nullptr);
    (void)cudaGetLastError();
  };
  const auto unsupported = cudaErrorStreamCaptureUnsupported;
  spoils("cudaMalloc", [&](cudaStream_t) { return cudaMalloc(&fresh, 16); }, unsupported, cudaStreamNonBlocking);
  spoils("cudaFree", [&](cudaStream_t) { return cudaFree(numbers.data()); }, unsupported, cudaStreamNonBlocking);
  spoils("cudaMallocHost", [&](cudaStream_t) { return cudaMallocHost(&fresh, 16); }, unsupported, cudaStreamNonBlocking);
  spoils("cudaMemcpy", [&](cudaStream_t) { return cudaMemcpy(&host, numbers.data(), 4, cudaMemcpyDeviceToHost); }, unsupported, cudaStreamNonBlocking);
  spoils("cudaMemset", [&](cudaStream_t) { return cudaMemset(numbers.data(), 0, 4); }, unsupported, cudaStreamNonBlocking);
  spoils("cudaStreamSynchronize", [](cudaStream_t stream) { return cudaStreamSynchronize(stream); }, unsupported, cudaStreamNonBlocking);
  spoils("cudaDeviceSynchronize", [](cudaStream_t) { return cudaDeviceSynchronize(); }, unsupported, cudaStreamNonBlocking);
  spoils("the default stream", [&](cudaStream_t) { return cudaMemsetAsync(numbers.data(), 0, 4, nullptr); }, cudaErrorStreamCaptureImplicit, cudaStreamDefault);
  cudaEvent_t before = nullptr;
  CHECK_EQ(cudaEventCreate(&before), cudaSuccess);
  const auto other = new_stream();
  CHECK_EQ(cudaEventRecord(before, other.get()), cudaSuccess);
  spoils("an event of before", [&](cudaStream_t stream) { return cudaStreamWaitEvent(stream, before); }, cudaErrorStreamCaptureIsolation, cudaStreamNonBlocking);
  CHECK_EQ(cudaEventDestroy(before), cudaSuccess);
  CHECK_EQ(numbers.read()[0], 1.0f);
}

TEST("SIMT: a capture on the default stream, twice, or ended without a beginning is refused") {
  const auto stream = new_stream();
  cudaGraph_t graph = nullptr;
  CHECK_EQ(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal), cudaErrorStreamCaptureUnsupported);
  CHECK_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaErrorStreamCaptureUnmatched);
  CHECK_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeRelaxed), cudaSuccess);
  CHECK_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeRelaxed), cudaErrorInvalidValue);
  void* data = nullptr;
  CHECK_EQ(cudaMalloc(&data, 16), cudaSuccess);  // a relaxed capture allows it
  CHECK_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess);
  CHECK_EQ(cudaGraphDestroy(graph), cudaSuccess);
  CHECK_EQ(cudaFree(data), cudaSuccess);
  (void)cudaGetLastError();
}
