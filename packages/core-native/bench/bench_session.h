// A decoder of the true size with random weights, and a session on it with one batch: what is measured.
#pragma once
#include <memory>

#include "run_options.h"
#include "shared_batch.h"
#include "timer.h"

namespace ace {

// The device that a run names. Errors: ERR_DEVICE, ERR_CONFIG.
std::unique_ptr<Device> open_bench_device(const RunOptions& options);

// The decoder of a run: of options.folder, or with random weights, on CUDA alike in all layers so that a model of billions
// is there in seconds.
std::unique_ptr<Decoder> open_bench_decoder(const RunOptions& options, Device& device);

class BenchSession {
 public:
  // The decoder must outlive it.
  BenchSession(const RunOptions& options, const Decoder& decoder);

  // One optimiser step on the same batch.
  StepResult step();
  TrainSession& session() { return *session_; }

 private:
  RunOptions options_;
  std::unique_ptr<SharedBatch> shared_;
  std::unique_ptr<Adapter> adapter_;
  Storage null_condition_;
  std::unique_ptr<TrainSession> session_;
  uint64_t steps_ = 0;
};

}  // namespace ace
