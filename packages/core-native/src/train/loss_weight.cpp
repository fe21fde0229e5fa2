#include "train/loss_weight.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "tensor/error.h"

namespace ace {

void check(const LossWeighting& weighting) {
  if (!(weighting.gamma > 0) || !std::isfinite(weighting.gamma))
    throw Error(ErrorCode::config, "lossWeighting.gamma: expected a number above 0, got " + std::to_string(weighting.gamma));
  if (weighting.kind != LossWeighting::Kind::table) return;
  if (weighting.points.empty()) throw Error(ErrorCode::config, "lossWeighting.points: expected at least one [timestep, weight]");
  double before = -1;
  for (const auto& [t, weight] : weighting.points) {
    if (!(t > before) || !(t >= 0 && t <= 1))
      throw Error(ErrorCode::config, "lossWeighting.points: timesteps must rise within 0 to 1, got " + std::to_string(t));
    if (!(weight >= 0) || !std::isfinite(weight))
      throw Error(ErrorCode::config, "lossWeighting.points: expected weights from 0, got " + std::to_string(weight));
    before = t;
  }
}

double min_snr_weight(double t, double gamma) {
  const double held = std::clamp(t, 1e-4, 1 - 1e-4);
  const double ratio = (1 - held) / held;
  const double snr = std::min(ratio * ratio, 1e6);
  return std::min(snr, gamma) / snr;
}

double loss_weight(const LossWeighting& weighting, double t) {
  switch (weighting.kind) {
    case LossWeighting::Kind::none: return 1;
    case LossWeighting::Kind::min_snr: return min_snr_weight(t, weighting.gamma);
    case LossWeighting::Kind::min_snr_inverse: return min_snr_weight(1 - t, weighting.gamma);
    case LossWeighting::Kind::table: break;
  }
  const auto& points = weighting.points;
  const auto after = std::find_if(points.begin(), points.end(), [t](const auto& point) { return point.first >= t; });
  if (after == points.begin()) return points.front().second;
  if (after == points.end()) return points.back().second;
  const auto before = after - 1;
  const double way = (t - before->first) / (after->first - before->first);
  return before->second + way * (after->second - before->second);
}

}  // namespace ace
