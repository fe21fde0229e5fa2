// Weights by timestep, against the formulas written out again.
#include "train/loss_weight.h"

#include <cmath>

#include "check.h"
#include "tensor/error.h"

using namespace ace;

namespace {

LossWeighting of(LossWeighting::Kind kind, double gamma = 5) {
  LossWeighting weighting;
  weighting.kind = kind;
  weighting.gamma = gamma;
  return weighting;
}

LossWeighting table(std::vector<std::pair<double, double>> points) {
  LossWeighting weighting = of(LossWeighting::Kind::table);
  weighting.points = std::move(points);
  return weighting;
}

}  // namespace

TEST("min-SNR weights follow the definition, and its inverse mirrors them in t") {
  for (const double gamma : {0.5, 1.0, 5.0, 20.0}) {
    const LossWeighting plain = of(LossWeighting::Kind::min_snr, gamma), inverse = of(LossWeighting::Kind::min_snr_inverse, gamma);
    for (int i = 1; i < 1000; ++i) {
      const double t = i / 1000.0, snr = std::pow((1 - t) / t, 2);
      CHECK_NEAR(loss_weight(plain, t), std::fmin(1, gamma / snr), 1e-12);
      CHECK_NEAR(loss_weight(inverse, t), std::fmin(1, gamma * snr), 1e-12);
    }
  }
  // By hand: at t = 0.2 the ratio is 4, snr 16, the weight 5 / 16; where snr is below gamma the weight is 1.
  CHECK_NEAR(loss_weight(of(LossWeighting::Kind::min_snr), 0.2), 0.3125, 1e-12);
  CHECK_NEAR(loss_weight(of(LossWeighting::Kind::min_snr), 0.5), 1, 0);
  CHECK_NEAR(loss_weight(of(LossWeighting::Kind::min_snr_inverse), 0.8), 0.3125, 1e-12);
  // snr is held to 1e6, so the smallest weight is gamma / 1e6, at t = 0 too.
  CHECK_NEAR(loss_weight(of(LossWeighting::Kind::min_snr), 0), 5e-6, 1e-18);
  CHECK_NEAR(loss_weight(of(LossWeighting::Kind::min_snr), 1), 1, 0);
  CHECK_NEAR(loss_weight(of(LossWeighting::Kind::none), 0.1), 1, 0);
}

TEST("a table is linear between its points and constant outside") {
  const LossWeighting weighting = table({{0.2, 1}, {0.4, 3}, {0.9, 0}});
  CHECK_NEAR(loss_weight(weighting, 0), 1, 0);
  CHECK_NEAR(loss_weight(weighting, 0.2), 1, 0);
  CHECK_NEAR(loss_weight(weighting, 0.25), 1.5, 1e-12);
  CHECK_NEAR(loss_weight(weighting, 0.4), 3, 1e-12);
  CHECK_NEAR(loss_weight(weighting, 0.65), 1.5, 1e-12);
  CHECK_NEAR(loss_weight(weighting, 1), 0, 0);
  CHECK_NEAR(loss_weight(table({{0.5, 2}}), 0.7), 2, 0);
}

TEST("weightings that mean nothing are refused") {
  for (const LossWeighting& wrong :
       {of(LossWeighting::Kind::min_snr, 0), of(LossWeighting::Kind::min_snr, NAN), table({}), table({{0.5, 1}, {0.5, 2}}),
        table({{0.6, 1}, {0.5, 2}}), table({{1.1, 1}}), table({{-0.5, 1}}), of(LossWeighting::Kind::min_snr, INFINITY), table({{0.5, -1}}), table({{0.5, INFINITY}})}) {
    bool refused = false;
    try {
      check(wrong);
    } catch (const Error& error) {
      refused = error.code() == ErrorCode::config;
    }
    CHECK(refused);
  }
}
