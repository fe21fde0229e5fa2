// The laws of the training timestep, by their quantiles and moments.
#include "train/timesteps.h"

#include <algorithm>
#include <cmath>

#include "check.h"

using namespace ace;

namespace {

std::vector<double> draws(const TimestepLaw& law, uint64_t count = 100000) {
  std::vector<double> out;
  for (uint64_t key = 0; key < count; ++key) out.push_back(draw_timestep(law, 42, key / 8, key % 8));
  std::sort(out.begin(), out.end());
  return out;
}

double mean(const std::vector<double>& v) {
  double sum = 0;
  for (const double x : v) sum += x;
  return sum / static_cast<double>(v.size());
}

}  // namespace

TEST("the larger of two logit-normal draws has the published mean and quantiles") {
  const std::vector<double> t = draws({});
  // Standard error of the mean about 0.0006, of the quantiles about 0.002.
  CHECK_NEAR(mean(t), 0.535, 0.003);
  CHECK_NEAR(t[t.size() / 20], 0.24, 0.008);
  CHECK_NEAR(t[t.size() * 19 / 20], 0.825, 0.008);
  CHECK_NEAR(static_cast<double>(t.end() - std::upper_bound(t.begin(), t.end(), 0.9)) / static_cast<double>(t.size()), 0.009, 0.002);
}

TEST("a single logit-normal draw has its median at sigmoid(mu)") {
  TimestepLaw law;
  law.kind = TimestepLaw::Kind::logit_normal;
  law.mu = 0.5;
  const std::vector<double> t = draws(law);
  CHECK_NEAR(t[t.size() / 2], 1 / (1 + std::exp(-0.5)), 0.005);
}

TEST("a uniform draw fills its range evenly") {
  TimestepLaw law;
  law.kind = TimestepLaw::Kind::uniform;
  law.low = 0.2;
  law.high = 0.6;
  const std::vector<double> t = draws(law);
  CHECK(t.front() >= 0.2 && t.back() <= 0.6);
  for (size_t tenth = 1; tenth < 10; ++tenth) CHECK_NEAR(t[t.size() * tenth / 10], 0.2 + 0.04 * static_cast<double>(tenth), 0.003);
}

TEST("a table is drawn from evenly, every entry of it") {
  TimestepLaw law;
  law.kind = TimestepLaw::Kind::discrete;
  law.table = {1, 0.9, 0.75, 0.5, 0.3};
  const std::vector<double> t = draws(law);
  for (const double entry : law.table)
    CHECK_NEAR(static_cast<double>(std::count(t.begin(), t.end(), entry)) / static_cast<double>(t.size()), 0.2, 0.007);
}

TEST("a draw depends on seed, step and key, and on nothing else") {
  const TimestepLaw law;
  CHECK_EQ(draw_timestep(law, 1, 2, 3), draw_timestep(law, 1, 2, 3));
  CHECK(draw_timestep(law, 1, 2, 3) != draw_timestep(law, 2, 2, 3));
  CHECK(draw_timestep(law, 1, 2, 3) != draw_timestep(law, 1, 3, 3));
  CHECK(draw_timestep(law, 1, 2, 3) != draw_timestep(law, 1, 2, 4));
}

TEST("the condition is dropped as often as asked, never at 0 and always at 1") {
  int dropped = 0;
  for (uint64_t key = 0; key < 20000; ++key) {
    dropped += draw_condition_dropout(0.15, 42, 0, key) ? 1 : 0;
    CHECK(!draw_condition_dropout(0, 42, 0, key));
    CHECK(draw_condition_dropout(1, 42, 0, key));
  }
  CHECK_NEAR(dropped / 20000.0, 0.15, 0.013);
}

TEST("whether the condition is dropped says nothing of the timestep") {
  TimestepLaw law;
  law.kind = TimestepLaw::Kind::uniform;
  law.low = 0;
  law.high = 1;
  std::vector<double> dropped;
  for (uint64_t key = 0; key < 20000; ++key)
    if (draw_condition_dropout(0.15, 42, 0, key)) dropped.push_back(draw_timestep(law, 42, 0, key));
  CHECK_NEAR(mean(dropped), 0.5, 0.03);  // five standard errors of 3000 uniform draws
}
