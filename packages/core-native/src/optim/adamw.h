#pragma once

namespace ace {

// What the optimiser's kernels read and write on the device: one small block of doubles, uploaded once a step.
// Everything that changes between steps stands here, so that the list of kernel calls never does.
struct OptimizerState {
  double learning_rate;
  double beta1, beta2, epsilon, weight_decay;
  double max_grad_norm;  // 0: no clipping
  double loss_finite;    // 1 at the start of a step; the device sets 0 where a loss is NaN or infinite
  // From here on written by the device alone:
  double updates;    // done so far: the exponent of the bias correction is updates + 1
  double grad_norm;  // before clipping
  double skipped;    // 1: a NaN or infinity was met, nothing was changed
};
constexpr int kOptimizerStateDoubles = sizeof(OptimizerState) / sizeof(double);

}  // namespace ace
