#pragma once
#include "ops/optimizer/rules.h"

namespace ace {

// Adafactor (Shazeer & Stern 2018).
struct AdafactorSpec {
  double decay_exponent = -0.8;  // beta2 of step t is 1 - t^decay_exponent
  double clip_threshold = 1;     // of an update's root mean square
  double squares_epsilon = 1e-30, scale_epsilon = 1e-3;
  double beta1 = 0;  // 0: no first moment
  bool scale_parameter = false;  // the learning rate is relative to a tensor's root mean square
  bool relative_step = false;    // the learning rate is at most 1 / sqrt(t)

  template <class Reader>
  void tell(Reader&) const {}
  ACE_HOST_DEVICE double beta2(const OptimizerState& s) const { return 1 - pow(s.updates + 1, decay_exponent); }
  ACE_HOST_DEVICE double rate(const OptimizerState& s, const OptimizerSpan& span) const {
    const double relative = 1 / sqrt(s.updates + 1);
    return (relative_step && relative < s.learning_rate ? relative : s.learning_rate) * span.rate;
  }
  // What a tensor's raw updates are multiplied with, from the sums of their squares and of the weights' squares;
  // row_mean: of a matrix.
  ACE_HOST_DEVICE double factor(const OptimizerState& s, const OptimizerSpan& span, double updates, double weights, double row_mean) const {
    const double n = static_cast<double>(span.count()), rms = sqrt(updates * row_mean / n), size = sqrt(weights / n);
    const double clipped = sqrt(row_mean) / (rms > clip_threshold ? rms / clip_threshold : 1.0);
    return rate(s, span) * clipped * (scale_parameter ? (size > scale_epsilon ? size : scale_epsilon) : 1.0);
  }
};

constexpr double kMuonEpsilon = 1e-7;  // added to the norm that the first iterate is divided by

// Muon (Jordan et al. 2024): momentum orthogonalised by five Newton-Schulz steps.
struct MuonSpec {
  double momentum = 0.95;
  bool nesterov = true;
  // true: 0.2 sqrt(longer side), which gives AdamW's update size (Liu et al. 2025); false: sqrt(max(1, rows / columns)).
  bool match_adamw = true;
  static constexpr int kSteps = 5;
  static constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;

  template <class Reader>
  void tell(Reader&) const {}
  ACE_HOST_DEVICE double adjustment(const OptimizerSpan& span) const {
    const double rows = static_cast<double>(span.rows), columns = static_cast<double>(span.columns);
    if (match_adamw) return 0.2 * sqrt(static_cast<double>(span.longer()));
    return rows > columns ? sqrt(rows / columns) : 1.0;
  }
};

}  // namespace ace
