#pragma once
#include <cstdint>

#include "ops/optimizer/specs.h"

namespace ace {

enum class OptimizerKind : uint8_t { adamw, adamw8bit, adafactor, prodigy, lion, schedule_free, muon };

struct OptimizerConfig {
  OptimizerKind kind = OptimizerKind::adamw;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.01;
  double max_grad_norm = 1;
  // Decay of an exponential average of the parameters, which then are what they are outside a step; 0: none.
  double ema_decay = 0;
  AdafactorSpec adafactor;
  ProdigySpec prodigy;
  MuonSpec muon;
};

}  // namespace ace
