#pragma once
#include <cstdint>
#include <vector>

namespace ace {

// How a training timestep t in (0, 1] is drawn.
struct TimestepLaw {
  enum class Kind : uint8_t { logit_normal_max2, logit_normal, uniform, discrete };
  Kind kind = Kind::logit_normal_max2;
  double mu = -0.4, sigma = 1;
  double low = 0, high = 1;
  std::vector<double> table;
};

// The larger of two logit-normal draws, from the two normals (what the authors' model.forward does).
double logit_normal_max2(double first, double second, double mu, double sigma);

// The timestep of one sample. Depends on nothing but its arguments.
double draw_timestep(const TimestepLaw& law, uint64_t seed, uint64_t step, uint64_t key);

// Whether a sample's condition is dropped, with the given probability.
bool draw_condition_dropout(double probability, uint64_t seed, uint64_t step, uint64_t key);

}  // namespace ace
