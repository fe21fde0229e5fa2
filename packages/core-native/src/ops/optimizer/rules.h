// The optimisers that treat every number alike, one rule each: both twins run the same lines, the CPU's in float and
// double, CUDA's in float. of() forms in double what a step needs of the state and the span; apply() updates one weight w
// and its slots from the gradient g.
#pragma once
#include "ops/optimizer/state.h"

namespace ace {

ACE_HOST_DEVICE inline float root_of(float x) { return sqrtf(x); }
ACE_HOST_DEVICE inline double root_of(double x) { return sqrt(x); }

// AdamW (Loshchilov & Hutter 2019) as torch computes it. Slots: exp_avg, exp_avg_sq.
template <class T>
struct AdamwRule {
  static constexpr int kSlots = 2;
  static constexpr int kRestore = -1;
  T scale, decay, beta1, rest1, beta2, rest2, epsilon, step_size, root;

  static ACE_HOST_DEVICE AdamwRule of(const OptimizerState& s, const OptimizerSpan& span) {
    const double step = s.updates + 1, rate = s.learning_rate * span.rate;
    AdamwRule r;
    r.scale = T(clip_scale(s));
    r.decay = T(1 - rate * s.weight_decay * span.decay);
    r.beta1 = T(s.beta1);
    r.rest1 = T(1 - s.beta1);
    r.beta2 = T(s.beta2);
    r.rest2 = T(1 - s.beta2);
    r.epsilon = T(s.epsilon);
    r.step_size = T(rate / (1 - pow(s.beta1, step)));
    r.root = T(sqrt(1 - pow(s.beta2, step)));
    return r;
  }
  ACE_HOST_DEVICE void apply(T& w, T* slot, T g) const {
    const T gradient = g * scale;
    slot[0] = beta1 * slot[0] + rest1 * gradient;
    slot[1] = beta2 * slot[1] + rest2 * gradient * gradient;
    w = w * decay - step_size * slot[0] / (root_of(slot[1]) / root + epsilon);
  }
};

// Lion (Chen et al. 2023): the sign of an interpolated momentum. Slot: exp_avg.
template <class T>
struct LionRule {
  static constexpr int kSlots = 1;
  static constexpr int kRestore = -1;
  T scale, decay, beta1, rest1, beta2, rest2, rate;

  static ACE_HOST_DEVICE LionRule of(const OptimizerState& s, const OptimizerSpan& span) {
    const double rate = s.learning_rate * span.rate;
    LionRule r;
    r.scale = T(clip_scale(s));
    r.decay = T(1 - rate * s.weight_decay * span.decay);
    r.beta1 = T(s.beta1);
    r.rest1 = T(1 - s.beta1);
    r.beta2 = T(s.beta2);
    r.rest2 = T(1 - s.beta2);
    r.rate = T(rate);
    return r;
  }
  ACE_HOST_DEVICE void apply(T& w, T* slot, T g) const {
    const T gradient = g * scale, direction = beta1 * slot[0] + rest1 * gradient;
    const T sign = T(direction > 0) - T(direction < 0);
    w = w * decay - rate * sign;
    slot[0] = beta2 * slot[0] + rest2 * gradient;
  }
};

// Schedule-free AdamW (Defazio et al. 2024): gradients are taken at y = (1 - beta1) z + beta1 x, z takes the steps, x is
// their average weighted by the square of the largest learning rate so far. The weight holds y while a step's gradients
// are formed and x at all other times. Slots: z, exp_avg_sq, x.
template <class T>
struct ScheduleFreeRule {
  static constexpr int kSlots = 3;
  static constexpr int kRestore = 2;  // a skipped step ends with x too
  T scale, decay, beta2, rest2, epsilon, root, rate, share;

  static ACE_HOST_DEVICE ScheduleFreeRule of(const OptimizerState& s, const OptimizerSpan& span) {
    const double largest = s.learning_rate > s.largest_rate ? s.learning_rate : s.largest_rate;
    const double weight = largest * largest, sum = s.weight_sum + weight;
    ScheduleFreeRule r;
    r.scale = T(clip_scale(s));
    r.decay = T(s.weight_decay * span.decay);
    r.beta2 = T(s.beta2);
    r.rest2 = T(1 - s.beta2);
    r.epsilon = T(s.epsilon);
    r.root = T(sqrt(1 - pow(s.beta2, s.updates + 1)));
    r.rate = T(s.learning_rate * span.rate);
    r.share = T(sum > 0 ? weight / sum : 0);
    return r;
  }
  ACE_HOST_DEVICE void apply(T& w, T* slot, T g) const {
    const T gradient = g * scale;
    slot[1] = beta2 * slot[1] + rest2 * gradient * gradient;
    slot[0] -= rate * (gradient / (root_of(slot[1]) / root + epsilon) + decay * w);
    slot[2] += share * (slot[0] - slot[2]);
    w = slot[2];
  }
};

// Prodigy's constants (Mishchenko & Defazio 2024).
struct ProdigySpec {
  double initial = 1e-6;     // the first estimate d0
  double coefficient = 1;    // of the estimate
  double growth = INFINITY;  // the estimate grows by this factor a step at most
  double beta3 = 0;          // of the running sums
  bool safeguard_warmup = true;
  bool bias_correction = true;

  template <class Reader>
  void tell(Reader&) const {}
  ACE_HOST_DEVICE double rate(const OptimizerState& s) const {
    const double step = s.updates + 1;
    const double correction = bias_correction ? sqrt(1 - pow(s.beta2, step)) / (1 - pow(s.beta1, step)) : 1.0;
    return s.distance * s.learning_rate * correction;
  }
  // From the sums over all numbers of g (w0 - w) and |s|.
  ACE_HOST_DEVICE void estimate(OptimizerState& s, double product, double magnitude) const {
    s.step_rate = rate(s);
    if (!(s.learning_rate > 0)) return;
    s.distance_numerator = beta3 * s.distance_numerator + s.distance / initial * s.step_rate * product;
    if (!(magnitude > 0)) return;
    const double wanted = coefficient * s.distance_numerator / magnitude;
    if (s.distance == initial && wanted > s.distance) s.distance = wanted;
    if (wanted > s.largest_distance) s.largest_distance = wanted;
    const double limit = s.distance * growth;
    s.distance = s.largest_distance < limit ? s.largest_distance : limit;
  }
};

// Prodigy's first half. Slots: exp_avg, exp_avg_sq, s, w0.
template <class T>
struct ProdigyMoments {
  T scale, beta1, rest1, beta2, rest2, beta3, gain;

  static ACE_HOST_DEVICE ProdigyMoments of(const OptimizerState& s, const ProdigySpec& spec) {
    const double d = s.distance;
    ProdigyMoments r;
    r.scale = T(clip_scale(s));
    r.beta1 = T(s.beta1);
    r.rest1 = T(d * (1 - s.beta1));
    r.beta2 = T(s.beta2);
    r.rest2 = T(d * d * (1 - s.beta2));
    r.beta3 = T(spec.beta3);
    r.gain = T(d / spec.initial * (spec.safeguard_warmup ? d : spec.rate(s)));
    return r;
  }
  ACE_HOST_DEVICE void apply(T w, T* slot, T g, double& product, double& magnitude) const {
    const T gradient = g * scale;
    product += static_cast<double>(gradient) * (static_cast<double>(slot[3]) - static_cast<double>(w));
    slot[0] = beta1 * slot[0] + rest1 * gradient;
    slot[1] = beta2 * slot[1] + rest2 * gradient * gradient;
    slot[2] = beta3 * slot[2] + gain * gradient;
    magnitude += fabs(static_cast<double>(slot[2]));
  }
};

// And its second, with the new estimate. Slots: exp_avg, exp_avg_sq; both only read.
template <class T>
struct ProdigyRule {
  static constexpr int kSlots = 2;
  static constexpr int kRestore = -1;
  T decay, rate, epsilon;

  static ACE_HOST_DEVICE ProdigyRule of(const OptimizerState& s, const OptimizerSpan& span) {
    ProdigyRule r;
    r.rate = T(s.step_rate * span.rate);
    r.decay = T(1 - s.step_rate * span.rate * s.weight_decay * span.decay);
    r.epsilon = T(s.distance * s.epsilon);
    return r;
  }
  ACE_HOST_DEVICE void apply(T& w, T* slot, T) const {
    w = w * decay - rate * slot[0] / (root_of(slot[1]) + epsilon);
  }
};

}  // namespace ace
