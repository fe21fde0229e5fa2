#include "train/sampling.h"

#include <algorithm>
#include <cmath>

namespace ace {

namespace {

double shifted(double u, double shift) { return shift * u / (1 + (shift - 1) * u); }

// Sum over time of a_i b_i for one channel.
double along_time(const std::vector<double>& a, const std::vector<double>& b, int64_t channel, int64_t channels) {
  double sum = 0;
  for (size_t i = static_cast<size_t>(channel); i < a.size(); i += static_cast<size_t>(channels)) sum += a[i] * b[i];
  return sum;
}

}  // namespace

std::vector<double> turbo_times(double shift, int steps) {
  std::vector<double> out;
  for (int i = 0; i < steps; ++i) out.push_back(shifted(1 - static_cast<double>(i) / steps, shift));
  return out;
}

std::vector<double> guided_times(int steps, double shift) { return turbo_times(shift, steps); }

std::vector<double> apg(const std::vector<double>& v, const std::vector<double>& u, int64_t channels, double guidance,
                        std::vector<double>& momentum) {
  constexpr double kDecay = -0.75, kLimit = 2.5;
  std::vector<double> d(v.size());
  for (size_t i = 0; i < v.size(); ++i) d[i] = v[i] - u[i] + (momentum.empty() ? 0 : kDecay * momentum[i]);
  momentum = d;
  std::vector<double> out(v.size());
  for (int64_t c = 0; c < channels; ++c) {
    const double length = std::sqrt(along_time(d, d, c, channels));
    const double shrink = length > kLimit ? kLimit / length : 1;
    const double v_length = std::max(std::sqrt(along_time(v, v, c, channels)), 1e-12);
    const double along = shrink * along_time(d, v, c, channels) / v_length;  // component of d along v / |v|
    for (size_t i = static_cast<size_t>(c); i < v.size(); i += static_cast<size_t>(channels))
      out[i] = v[i] + (guidance - 1) * (shrink * d[i] - along * v[i] / v_length);
  }
  return out;
}

std::vector<double> integrate(std::vector<double> x, int64_t channels, const SamplingPlan& plan, const VelocityFunction& velocity,
                              const NoiseFunction& noise, const std::function<void(int, int)>& on_step) {
  const int steps = static_cast<int>(plan.times.size());
  std::vector<double> v(x.size()), null_v(x.size()), momentum;
  for (int k = 0; k < steps; ++k) {
    const double t = plan.times[static_cast<size_t>(k)];
    const bool last = k + 1 == steps;
    const double next = last ? 0 : plan.times[static_cast<size_t>(k) + 1];
    const bool guided = plan.guidance > 1 && plan.interval_from <= t && t <= plan.interval_to;
    velocity(x, t, v, guided ? &null_v : nullptr);
    if (guided) v = apg(v, null_v, channels, plan.guidance, momentum);
    if (plan.sde && !last) {
      const std::vector<double> fresh = noise(k);
      for (size_t i = 0; i < x.size(); ++i) x[i] = next * fresh[i] + (1 - next) * (x[i] - v[i] * t);
    } else {
      for (size_t i = 0; i < x.size(); ++i) x[i] -= v[i] * (t - next);
    }
    if (on_step) on_step(k + 1, steps);
  }
  return x;
}

}  // namespace ace
