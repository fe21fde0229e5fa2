#pragma once
#include <cstdint>
#include <functional>
#include <vector>

namespace ace {

// Times of the distilled samplers: s u / (1 + (s - 1) u) at u = 1, 1 - 1/steps, ..., without the final 0.
std::vector<double> turbo_times(double shift, int steps = 8);

// Times of the guided sampler: linspace(1, 0, steps + 1) under the same shift, without the final 0.
std::vector<double> guided_times(int steps, double shift);

// Adaptive projected guidance (as model.md section 10): v [frames, channels] of the conditional pass, u of the null
// pass. Returns v + (guidance - 1) d; momentum [frames, channels] is carried between steps, empty at first.
std::vector<double> apg(const std::vector<double>& v, const std::vector<double>& u, int64_t channels, double guidance,
                        std::vector<double>& momentum);

struct SamplingPlan {
  std::vector<double> times;  // falling, in (0, 1]
  bool sde = false;
  double guidance = 1;
  double interval_from = 0, interval_to = 1;
};

// v(x, t, null): the velocity of the song, or of the null condition.
using VelocityFunction = std::function<void(const std::vector<double>& x, double t, std::vector<double>& v, std::vector<double>* null_v)>;
// Fresh noise number `step` of the SDE, like x.
using NoiseFunction = std::function<std::vector<double>(int step)>;

// Integrates from noise x [frames, channels] to latents. null velocities are asked for only where guidance is active.
std::vector<double> integrate(std::vector<double> x, int64_t channels, const SamplingPlan& plan, const VelocityFunction& velocity,
                              const NoiseFunction& noise, const std::function<void(int, int)>& on_step);

}  // namespace ace
