#pragma once
#include <cstdint>
#include <utility>
#include <vector>

namespace ace {

// How much a sample's loss counts by its timestep t, t = 1 being pure noise.
struct LossWeighting {
  // min_snr (Hang et al. 2023) lowers the weight of small t, nearly clean samples. min_snr_inverse is its mirror image: the
  // same formula on the inverse of the ratio, which lowers the weight of large t. (The reciprocal of min_snr's weight would
  // reach 200,000 near t = 0.)
  enum class Kind : uint8_t { none, min_snr, min_snr_inverse, table };
  Kind kind = Kind::none;
  double gamma = 5;
  // (t, weight) with t rising: linear between the points, constant outside.
  std::vector<std::pair<double, double>> points;
};

// Errors: ERR_CONFIG on a gamma that is not above 0, and on points that do not rise, are negative, or are missing.
void check(const LossWeighting& weighting);

// min(snr, gamma) / snr with snr = ((1 - t) / t)^2, t held to [1e-4, 1 - 1e-4] and snr to 1e6.
double min_snr_weight(double t, double gamma);

// The weight at t in [0, 1].
double loss_weight(const LossWeighting& weighting, double t);

}  // namespace ace
