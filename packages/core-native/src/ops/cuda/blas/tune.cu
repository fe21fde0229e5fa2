#include "ops/cuda/blas/context.h"
#include "ops/cuda/launch.h"

namespace ace::cuda {

namespace {

constexpr int kRounds = 3, kRuns = 4;
constexpr float kGain = 0.98f;  // a smaller gain over the heuristic's order is noise, and would change from run to run

class Event {
 public:
  Event() { check(cudaEventCreate(&event_), "tune", {}); }
  ~Event() { (void)cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace

lt::Algorithm fastest(const ProductPlan& plan, lt::Handle handle, const std::vector<lt::HeuristicResult>& candidates, ProductOperands operands,
                      void* scratch, void* workspace, void* cuda_stream) {
  const auto stream = static_cast<cudaStream_t>(cuda_stream);
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(stream, &capture), "tune", {});
  if (capture != cudaStreamCaptureStatusNone)
    throw Error(ErrorCode::internal, "a matrix product's algorithm was to be timed within a graph capture; run the program once before");
  operands.c = scratch;
  operands.accumulate = false;
  const Event start, end;
  const auto best_time = [&](const lt::Algorithm& algorithm) {
    float best = 0;
    for (int round = -1; round < kRounds; ++round) {  // the first warms up
      check(cudaEventRecord(start, stream), "tune", {});
      for (int run = 0; run < kRuns; ++run) plan.run(handle, operands, algorithm, workspace, cuda_stream);
      check(cudaEventRecord(end, stream), "tune", {});
      check(cudaEventSynchronize(end), "tune", {});
      float milliseconds = 0;
      check(cudaEventElapsedTime(&milliseconds, start, end), "tune", {});
      if (round <= 0 || milliseconds < best) best = milliseconds;
    }
    return best;
  };
  size_t choice = 0;
  float least = best_time(candidates[0].algorithm);
  for (size_t i = 1; i < candidates.size(); ++i) {
    const float time = best_time(candidates[i].algorithm);
    if (time >= least * kGain) continue;
    least = time;
    choice = i;
  }
  return candidates[choice].algorithm;
}

}  // namespace ace::cuda
