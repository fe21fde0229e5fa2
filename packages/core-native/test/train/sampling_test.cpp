// Integration from noise to latents on flows whose answer is known.
#include "train/sampling.h"

#include <cmath>
#include <stdexcept>

#include "check.h"

using namespace ace;

namespace {

using Numbers = std::vector<double>;

double length(const Numbers& v) {
  double sum = 0;
  for (const double x : v) sum += x * x;
  return std::sqrt(sum);
}

// The straight flow towards `data`: v = (x - data) / t.
VelocityAt towards(const Numbers& data, int* evaluations = nullptr) {
  return [=](const Numbers& x, double t, Numbers& v, Numbers* u) {
    if (evaluations != nullptr) ++*evaluations;
    for (size_t i = 0; i < x.size(); ++i) v[i] = (x[i] - data[i]) / t;
    if (u != nullptr) *u = v;
  };
}

}  // namespace

TEST("times are the published tables: shift 1, 2, 3 in eight steps") {
  const double tables[3][8] = {{1, .875, .75, .625, .5, .375, .25, .125}, {1, .93333, .85714, .76923, .66667, .54545, .4, .22222}, {1, .95455, .9, .83333, .75, .64286, .5, .3}};
  for (int shift = 1; shift <= 3; ++shift) {
    const Numbers times = shifted_times(shift, 8);
    CHECK_EQ(times.size(), size_t{8});
    for (size_t i = 0; i < 8; ++i) CHECK_NEAR(times[i], tables[shift - 1][i], 5e-6);
  }
  CHECK_THROWS(shifted_times(0, 8), "shift: expected a positive number");
  CHECK_THROWS(shifted_times(INFINITY, 8), "shift: expected a positive number");
  CHECK_THROWS(shifted_times(1, 0), "steps: expected at least 1, got 0");
}

TEST("a straight flow ends on its data in any number of steps, by ODE and by SDE") {
  const Numbers data = {1, -2, 3, 0.5, 0, 7};
  for (const int steps : {1, 3, 8})
    for (const bool sde : {false, true}) {
      Numbers x = {0.3, 1, -1, 2, -0.7, 0.1};
      SamplingPlan plan;
      plan.times = shifted_times(3, steps);
      plan.sde = sde;
      int fresh = 0, seen = 0;
      integrate(x, {1, 3, 2}, plan, towards(data),
                [&](int, Numbers& noise) {
                  ++fresh;
                  noise.assign(6, 0.25);
                },
                [&](int done, int total) {
                  CHECK_EQ(done, ++seen);
                  CHECK_EQ(total, steps);
                });
      for (size_t i = 0; i < 6; ++i) CHECK_NEAR(x[i], data[i], 1e-12);
      CHECK_EQ(fresh, sde ? steps - 1 : 0);
      CHECK_EQ(seen, steps);
    }
}

TEST("the null pass runs inside the guidance interval only") {
  SamplingPlan plan;
  plan.times = shifted_times(1, 10);
  plan.guidance.scale = 7;
  plan.interval_from = 0.35;
  plan.interval_to = 0.85;
  Numbers guided;
  const VelocityAt velocity = [&](const Numbers& x, double t, Numbers& v, Numbers* u) {
    v.assign(x.size(), 1);
    if (u == nullptr) return;
    u->assign(x.size(), 1);
    guided.push_back(t);
  };
  Numbers x(4, 0.0);
  integrate(x, {1, 2, 2}, plan, velocity, nullptr);
  CHECK_EQ(guided.size(), size_t{5});
  CHECK_NEAR(guided.front(), 0.8, 1e-12);
  CHECK_NEAR(guided.back(), 0.4, 1e-12);
  plan.times = shifted_times(1, 8);
  plan.interval_from = 0.25;  // both ends are inside
  plan.interval_to = 0.75;
  guided.clear();
  integrate(x, {1, 2, 2}, plan, velocity, nullptr);
  CHECK(guided == (Numbers{0.75, 0.625, 0.5, 0.375, 0.25}));
  plan.guidance.scale = 1;
  guided.clear();
  integrate(x, {1, 2, 2}, plan, velocity, nullptr);
  CHECK(guided.empty());
}

TEST("guidance where both velocities agree changes nothing") {
  ProjectedGuidance guide({1, 3, 2}, Guidance{7});
  Numbers v = {1, 2, 3, 4, 5, 6};
  const Numbers u = v;
  guide(v, u);
  CHECK(v == u);
}

TEST("guidance adds only what is across the velocity, no longer than the limit, and remembers the last difference") {
  const LatentShape shape{1, 4, 1};
  const Numbers conditional = {3, 0, 0, 0};
  ProjectedGuidance guide(shape, Guidance{5});
  Numbers v = conditional;
  guide(v, {3 - 1, -0.5, 0, 0});  // d = (1, 0.5, 0, 0): the part along v goes
  CHECK_NEAR(v[0], 3, 1e-12);
  CHECK_NEAR(v[1], 4 * 0.5, 1e-12);
  v = conditional;
  guide(v, {3, 0, -10, 0});  // d = (-0.75, -0.375, 10, 0), cut to 2.5
  const double shrink = 2.5 / length({-0.75, -0.375, 10});
  CHECK_NEAR(v[0], 3, 1e-12);
  CHECK_NEAR(v[1], 4 * -0.375 * shrink, 1e-12);
  CHECK_NEAR(v[2], 4 * 10 * shrink, 1e-12);
}

TEST("momentum, limit and parallel part of the guidance are the caller's where given") {
  const Numbers conditional = {3, 0, 0, 0};
  ProjectedGuidance guide({1, 4, 1}, Guidance{.scale = 3, .momentum = 0.5, .limit = 0, .parallel = 0.25});
  Numbers v = conditional;
  guide(v, {2, -8, 0, 0});  // d = (1, 8, 0, 0), not cut; a quarter of what lies along v stays
  CHECK_NEAR(v[0], 3 + 2 * 0.25 * 1, 1e-12);
  CHECK_NEAR(v[1], 2 * 8, 1e-12);
  v = conditional;
  guide(v, {3, 0, 0, -1});  // d = (0.5, 4, 0, 1)
  CHECK_NEAR(v[0], 3 + 2 * 0.25 * 0.5, 1e-12);
  CHECK_NEAR(v[1], 2 * 4, 1e-12);
  CHECK_NEAR(v[3], 2 * 1, 1e-12);
}

TEST("guidance runs along time for every sample and channel by itself") {
  const LatentShape all{2, 3, 2};
  Numbers v, u;
  for (int i = 0; i < 12; ++i) {
    v.push_back(std::sin(i * 1.3));
    u.push_back(std::cos(i * 0.7));
  }
  Numbers together = v;
  ProjectedGuidance guide(all, Guidance{3});
  guide(together, u);
  for (size_t b = 0; b < 2; ++b)
    for (size_t c = 0; c < 2; ++c) {
      Numbers one, other;
      for (size_t f = 0; f < 3; ++f) {
        one.push_back(v[(b * 3 + f) * 2 + c]);
        other.push_back(u[(b * 3 + f) * 2 + c]);
      }
      ProjectedGuidance alone({1, 3, 1}, Guidance{3});
      alone(one, other);
      for (size_t f = 0; f < 3; ++f) CHECK_NEAR(together[(b * 3 + f) * 2 + c], one[f], 1e-12);
    }
}

TEST("guidance of a velocity that is zero throughout stays finite") {
  ProjectedGuidance guide({1, 2, 1}, Guidance{7});
  Numbers v = {0, 0};
  guide(v, {1, -1});
  CHECK(std::isfinite(v[0]) && std::isfinite(v[1]));
}

TEST("times that do not fall within (0, 1] are refused before anything runs") {
  int evaluations = 0;
  Numbers x(2, 0.0);
  auto run = [&](Numbers times) {
    SamplingPlan plan;
    plan.times = std::move(times);
    integrate(x, {1, 2, 1}, plan, towards({0, 0}, &evaluations), nullptr);
    return 0;
  };
  CHECK_THROWS(run({}), "times: expected at least one");
  CHECK_THROWS(run({1, 0}), "times: expected falling numbers in (0, 1]");
  CHECK_THROWS(run({1.5}), "times: expected falling numbers in (0, 1]");
  CHECK_THROWS(run({0.5, 0.5}), "at place 1");
  CHECK_EQ(evaluations, 0);
}

TEST("a listener that throws stops the integration") {
  SamplingPlan plan;
  plan.times = shifted_times(1, 8);
  int evaluations = 0;
  Numbers x(2, 0.0);
  CHECK_THROWS((integrate(x, {1, 2, 1}, plan, towards({0, 0}, &evaluations), nullptr, [](int done, int) { if (done == 3) throw std::runtime_error("stopped"); }), 0), "stopped");
  CHECK_EQ(evaluations, 3);
}
