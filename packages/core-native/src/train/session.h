#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "optim/optimizer.h"
#include "tensor/staging.h"
#include "train/memory_plan.h"
#include "train/micro_batch.h"
#include "train/program_cache.h"
#include "train/session_config.h"
#include "train/step_state.h"

namespace ace {

struct SampleResult {
  double loss = 0;     // mean over what counts, without any weight
  double divisor = 1;  // how many numbers count
  double timestep = 0;
  bool condition_dropped = false;
  double share = 0;    // d step's loss / d (sum of squares)
};

struct StepResult {
  double loss = 0;     // weighted
  double grad_norm = 0;
  bool skipped = false;
  std::vector<SampleResult> samples;
  // L2 norm of each adapter module's gradient before clipping, in their order; there where it was asked for, or the step
  // was skipped.
  std::vector<double> module_norms;
};

// Adapter training: gradients of micro-batches into one flat buffer, then one update. Everything it needs is allocated
// when a shape is met for the first time; a step of a known shape allocates nothing.
class TrainSession {
 public:
  // Decoder and adapter, on one device, must outlive the session. null_condition [E] there, in the activations' dtype.
  TrainSession(const Decoder& decoder, Adapter& adapter, Tensor null_condition, const SessionConfig& config);

  // Returns the sample's number. context may be null: not allowed here, the caller expands silence.
  // Errors: ERR_SHAPE on lengths that do not fit.
  int64_t add_sample(const float* latents, int64_t frames, const float* context,
                     const std::vector<std::pair<const float*, int64_t>>& conditions);

  // One optimiser step over all micro-batches as if they were one batch.
  StepResult step(uint64_t step, double learning_rate, const std::vector<MicroBatch>& micro_batches, bool module_norms = false);
  // Losses alone: no update, no dropout, no weighting by timestep, no condition dropout unless a reference fixes it.
  StepResult evaluate(uint64_t seed, uint64_t step, const std::vector<MicroBatch>& micro_batches);

  const SessionConfig& config() const { return config_; }
  Adapter& adapter() { return adapter_; }
  // Flat, laid out like adapter().parameters().
  Tensor gradients() const { return gradients_.tensor(); }
  // Its state is what a checkpoint holds beside the parameters, which are at all times those to use: of a schedule-free
  // optimiser and with ema_decay the average, never the ones it trains at.
  Optimizer& optimizer() { return optimizer_; }

  MemoryPlan memory() const;
  // The program of the last shape that was run. Errors: ERR_INTERNAL before any was.
  const Program& program() const;
  // The same as text.
  std::string describe() const;
  // Runs that program once more on what its inputs hold now, timing every call; gradients are spoilt by it.
  std::vector<CallTime> profile();

 private:
  // Host memory of one micro-batch of a step, kept until the step's results are read.
  struct InFlight {
    explicit InFlight(Device& device) : state(device), loss(device) {}
    Staging state, loss;
    std::vector<int64_t> first_row;  // of each song among the program's samples, and where the last one ends
  };
  // What a step draws from: the counters beside each sample's key.
  struct Draw {
    uint64_t seed, step;
    bool training;
  };
  // Queues all micro-batches, then `after`, waits once, and reads the losses.
  StepResult run_all(const std::vector<MicroBatch>& micro_batches, const Draw& draw, const std::function<void()>& after);
  // Queues one; its sums of squares arrive in flight.loss.
  void run(const Batch& batch, const Draw& draw, int place, InFlight& flight, std::vector<SampleResult>& results);
  // Writes and uploads what the program reads of the batch.
  void fill(FlowProgram& flow, const FlowShape& shape, const Batch& batch, const Draw& draw, int place, InFlight& flight,
            std::vector<SampleResult>& results);
  StepState::Song prepare(const Sample& sample, const Draw& draw) const;
  void write_noise(const Tensor& own_noise, const SampleRef& ref, int64_t frames);
  std::vector<double> module_norms();

  const Decoder& decoder_;
  Adapter& adapter_;
  Tensor null_condition_;
  SessionConfig config_;
  Device& device_;
  SongStore songs_;
  Storage gradients_;
  Optimizer optimizer_;
  ProgramCache programs_;
  std::vector<std::unique_ptr<InFlight>> in_flight_;  // one a micro-batch of a step
};

}  // namespace ace
