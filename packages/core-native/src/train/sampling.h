#pragma once
#include <cstdint>
#include <functional>
#include <vector>

namespace ace {

// Integration of dx/dt = v(x, t) from noise (t = 1) to latents (t = 0), apart from any model: a velocity is a callback,
// the state is kept in double.

// t = s u / (1 + (s - 1) u) at u = 1, 1 - 1 / steps, .., 1 / steps: falling, without the final 0. The turbo models' own
// tables are shift 1, 2 or 3 with 8 steps; base and sft models use any shift and number of steps.
// Errors: ERR_CONFIG if steps < 1 or shift <= 0.
std::vector<double> shifted_times(double shift, int steps);

// x -= v (from - to): one Euler step of the ODE.
void ode_step(std::vector<double>& x, const std::vector<double>& v, double from, double to);
// x = to fresh + (1 - to) (x - from v): jump to the clean estimate, then noise it again.
void sde_step(std::vector<double>& x, const std::vector<double>& v, const std::vector<double>& fresh, double from, double to);

// [batch, frames, channels], row-major.
struct LatentShape {
  int64_t batch = 1, frames = 0, channels = 0;
  int64_t elements() const { return batch * frames * channels; }
};

// Adaptive projected guidance (Sadat et al. 2024): along time, per sample and channel, d = (v - u) + momentum m; m = d;
// d *= min(1, limit / |d|); d -= (1 - parallel) of its part along v; v += (scale - 1) d. The defaults are the model's authors'.
struct Guidance {
  double scale = 1;
  double momentum = -0.75;
  double limit = 2.5;   // of |d| along time; 0: none
  double parallel = 0;  // how much of what lies along v is kept
};

class ProjectedGuidance {
 public:
  ProjectedGuidance(const LatentShape& shape, const Guidance& guidance);
  // v: conditional velocity in, guided velocity out. u: velocity under the null condition.
  void operator()(std::vector<double>& v, const std::vector<double>& u);

 private:
  LatentShape shape_;
  Guidance guidance_;
  std::vector<double> momentum_;
};

struct SamplingPlan {
  std::vector<double> times;  // falling, without the final 0
  bool sde = false;
  Guidance guidance;          // scale > 1: guided where interval_from <= t <= interval_to
  double interval_from = 0, interval_to = 1;
};

// Fills v with the velocity at (x, t); where `u` is not null, also *u with the velocity under the null condition.
using VelocityAt = std::function<void(const std::vector<double>& x, double t, std::vector<double>& v, std::vector<double>* u)>;
// Fills fresh standard normals for SDE step `step`.
using FreshNoise = std::function<void(int step, std::vector<double>& noise)>;

// x: noise in, latents out. `fresh` is called for every step of the SDE but the last. on_step(done, total), if given, is
// called after each step and may throw to stop.
// Errors: ERR_CONFIG if the times do not fall within (0, 1].
void integrate(std::vector<double>& x, const LatentShape& shape, const SamplingPlan& plan, const VelocityAt& velocity,
               const FreshNoise& fresh, const std::function<void(int, int)>& on_step = nullptr);

}  // namespace ace
