#include "train/sampling.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "tensor/error.h"

namespace ace {

namespace {
constexpr double kSmallest = 1e-12;  // divisor of a velocity that is zero throughout
}  // namespace

std::vector<double> shifted_times(double shift, int steps) {
  if (steps < 1) throw Error(ErrorCode::config, "steps: expected at least 1, got " + std::to_string(steps));
  if (!(shift > 0) || !std::isfinite(shift)) throw Error(ErrorCode::config, "shift: expected a positive number, got " + std::to_string(shift));
  std::vector<double> times;
  for (int i = 0; i < steps; ++i) {
    const double u = 1 - static_cast<double>(i) / steps;
    times.push_back(shift * u / (1 + (shift - 1) * u));
  }
  return times;
}

void ode_step(std::vector<double>& x, const std::vector<double>& v, double from, double to) {
  for (size_t i = 0; i < x.size(); ++i) x[i] -= v[i] * (from - to);
}

void sde_step(std::vector<double>& x, const std::vector<double>& v, const std::vector<double>& fresh, double from, double to) {
  for (size_t i = 0; i < x.size(); ++i) x[i] = to * fresh[i] + (1 - to) * (x[i] - from * v[i]);
}

ProjectedGuidance::ProjectedGuidance(const LatentShape& shape, const Guidance& guidance)
    : shape_(shape), guidance_(guidance), momentum_(static_cast<size_t>(shape.elements()), 0.0) {}

void ProjectedGuidance::operator()(std::vector<double>& v, const std::vector<double>& u) {
  const int64_t stride = shape_.channels;
  for (int64_t b = 0; b < shape_.batch; ++b)
    for (int64_t c = 0; c < shape_.channels; ++c) {
      const size_t first = static_cast<size_t>(b * shape_.frames * stride + c);
      auto at = [&](int64_t frame) { return first + static_cast<size_t>(frame * stride); };
      double length = 0, speed = 0, along = 0;
      for (int64_t f = 0; f < shape_.frames; ++f) {
        double& d = momentum_[at(f)];
        d = v[at(f)] - u[at(f)] + guidance_.momentum * d;
        length += d * d;
        speed += v[at(f)] * v[at(f)];
        along += d * v[at(f)];
      }
      length = std::sqrt(length);
      speed = std::max(std::sqrt(speed), kSmallest);
      const double shrink = guidance_.limit > 0 && length > guidance_.limit ? guidance_.limit / length : 1;
      const double part = (1 - guidance_.parallel) * shrink * along / speed / speed;
      for (int64_t f = 0; f < shape_.frames; ++f)
        v[at(f)] += (guidance_.scale - 1) * (shrink * momentum_[at(f)] - part * v[at(f)]);
    }
}

void integrate(std::vector<double>& x, const LatentShape& shape, const SamplingPlan& plan, const VelocityAt& velocity,
               const FreshNoise& fresh, const std::function<void(int, int)>& on_step) {
  const int steps = static_cast<int>(plan.times.size());
  for (int k = 0; k < steps; ++k) {
    const double t = plan.times[static_cast<size_t>(k)];
    if (!(t > 0 && t <= 1) || (k > 0 && t >= plan.times[static_cast<size_t>(k) - 1]))
      throw Error(ErrorCode::config, "times: expected falling numbers in (0, 1], got " + std::to_string(t) + " at place " + std::to_string(k));
  }
  if (steps == 0) throw Error(ErrorCode::config, "times: expected at least one");
  ProjectedGuidance guide(shape, plan.guidance);
  std::vector<double> v(x.size()), u(plan.guidance.scale > 1 ? x.size() : 0), noise(plan.sde ? x.size() : 0);
  for (int k = 0; k < steps; ++k) {
    const double t = plan.times[static_cast<size_t>(k)], next = k + 1 < steps ? plan.times[static_cast<size_t>(k) + 1] : 0;
    // Outside the interval the null pass would change nothing, so it is not run.
    const bool guided = plan.guidance.scale > 1 && plan.interval_from <= t && t <= plan.interval_to;
    velocity(x, t, v, guided ? &u : nullptr);
    if (guided) guide(v, u);
    if (plan.sde && k + 1 < steps) {
      fresh(k, noise);
      sde_step(x, v, noise, t, next);
    } else {
      ode_step(x, v, t, next);
    }
    if (on_step) on_step(k + 1, steps);
  }
}

}  // namespace ace
