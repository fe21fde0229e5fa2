#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "optim/optimizer.h"
#include "tensor/staging.h"
#include "train/flow_program.h"
#include "train/loss_weight.h"
#include "train/memory_plan.h"
#include "train/parameter_rules.h"
#include "train/song_store.h"
#include "train/timesteps.h"

namespace ace {

struct SessionConfig {
  uint64_t seed = 42;
  OptimizerConfig optimizer;
  ParameterRules rules;
  TimestepLaw timesteps;
  bool round_timesteps = false;
  double condition_dropout = 0.15;
  LossWeighting loss_weighting = {};
  Recompute recompute = Recompute::none;
  int64_t bucket_tokens = 64, bucket_condition = 32;
  // A batch is padded to its longest member, padding is attended to and counted, as the official trainer does.
  bool official_padding = false;
  // The songs of a batch lie behind one another in one row, each of its own length: nothing is padded to the longest. The same
  // numbers but for dropout's draws. Not with official_padding.
  bool packed = false;
  // Bytes of songs that may lie on the device; what does not fit is streamed from pinned main memory. -1: all may.
  int64_t resident_bytes = -1;
};

// A place of a micro-batch. Negative numbers and null pointers mean: draw it.
struct SampleRef {
  int64_t sample = 0;
  uint64_t key = 0;
  int64_t start = 0;
  int64_t frames = -1;  // -1: to the end
  int64_t variant = 0;
  double timestep = -1;
  const float* noise = nullptr;  // [frames, 64]
  int64_t noise_count = 0;       // numbers behind it, checked against the frames
  int drop_condition = -1;       // -1: draw, 0 no, 1 yes
  double weight = 1;             // of its loss and gradient
};

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

  using MicroBatch = std::vector<SampleRef>;
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
  struct Cached {
    FlowShape shape;
    bool training;
    std::unique_ptr<FlowProgram> program;
    bool ran = false;               // once as single calls, so that everything lazy is in place
    std::unique_ptr<Graph> graph;   // then recorded, where the device can
  };
  // Host memory of one micro-batch of a step, kept until the step's results are read.
  struct InFlight {
    explicit InFlight(Device& device) : state(device), loss(device) {}
    Staging state, loss;
    std::vector<int64_t> first_row;  // of each song among the program's samples, and where the last one ends
  };
  Cached& program_for(const FlowShape& shape, bool training);
  FlowShape shape_of(const MicroBatch& batch, bool gradients) const;
  void check(const SampleRef& ref) const;
  int64_t frames_of(const SampleRef& ref) const;
  // Queues one micro-batch; its sums of squares arrive in flight.loss.
  void run(const MicroBatch& batch, uint64_t seed, uint64_t step, bool training, const std::vector<double>& weights,
           int place, InFlight& flight, std::vector<SampleResult>& results);
  void fill(FlowProgram& program, const FlowShape& shape, const MicroBatch& batch, uint64_t seed, uint64_t step,
            bool training, const std::vector<double>& weights, int place, InFlight& flight, std::vector<SampleResult>& results);
  // d loss / d (sum of squares) for every sample, before any weighting by timestep.
  std::vector<std::vector<double>> weights_of(const std::vector<MicroBatch>& micro_batches) const;
  // Queues all micro-batches, then `after`, waits once, and reads the losses.
  StepResult run_all(const std::vector<MicroBatch>& micro_batches, uint64_t seed, uint64_t step, bool training,
                     const std::function<void()>& after);

  std::vector<double> module_norms();

  const Decoder& decoder_;
  Adapter& adapter_;
  Tensor null_condition_;
  SessionConfig config_;
  Device& device_;
  SongStore songs_;
  Storage gradients_, arena_;
  Optimizer optimizer_;
  std::list<Cached> programs_;  // most recently used first
  std::vector<std::unique_ptr<InFlight>> in_flight_;  // one a micro-batch of a step
};

}  // namespace ace
