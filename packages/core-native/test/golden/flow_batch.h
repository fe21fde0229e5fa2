// The training batch beside a case, run through the program that training uses.
#pragma once
#include "case.h"
#include "train/flow_program.h"

namespace ace::golden {

// train_batch.safetensors: B samples padded to T frames and S condition tokens; K noises and timestep pairs.
struct TrainBatch {
  explicit TrainBatch(const Case& c);

  int64_t size() const { return x0.shape[0]; }
  int64_t frames() const { return x0.shape[1]; }
  int64_t draws() const { return noise.shape[0]; }
  // The frames of sample b that `keep` names; they must come first.
  int64_t length(int64_t b) const;

  Values x0, context, cond, keep, noise, t;
};

// One shape of that batch as a program, its inputs that never change filled. Padding is attended to and, unless the loss is
// masked, counted: so does the reference.
class FlowBatch {
 public:
  FlowBatch(Case& c, const TrainBatch& batch, bool masked, bool probes = false, const Adapter* adapter = nullptr, Tensor gradients = {});

  // The loss with noise and timesteps k; `dropped` samples see the null condition. Gradients are added.
  double loss(int64_t k, const std::vector<bool>& dropped = {});
  const FlowProgram& program() const { return flow_; }
  // After loss(): a probe of the program, see Tape::probe.
  Values probe(const std::string& name) const;

 private:
  const TrainBatch& batch_;
  FlowProgram flow_;
  Runner runner_;
  Values weight_;  // d loss / d (sum of squares) of each sample
};

}  // namespace ace::golden
