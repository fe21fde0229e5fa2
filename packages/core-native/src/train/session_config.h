#pragma once
#include <cstdint>

#include "autograd/tape.h"
#include "optim/config.h"
#include "train/loss_weight.h"
#include "train/parameter_rules.h"
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
  RecomputePolicy recompute;
  int64_t bucket_tokens = 64, bucket_condition = 32;
  // A batch is padded to its longest member, padding is attended to and counted, as the official trainer does.
  bool official_padding = false;
  // The songs of a batch lie behind one another in one row, each of its own length: nothing is padded to the longest. The same
  // numbers but for dropout's draws. Not with official_padding.
  bool packed = false;
  // Bytes of songs that may lie on the device; what does not fit is streamed from pinned main memory. -1: all may.
  int64_t resident_bytes = -1;
};

}  // namespace ace
