// What a training session refuses, and that it goes on afterwards as if it had not been asked.
#include <limits>

#include "train/studio.h"

using namespace ace;
using namespace ace::test;

TEST("bad references are refused in one line before anything runs") {
  Studio studio({9});
  auto step = [&](auto set) {
    SampleRef bad = ref(0, 0);
    set(bad);
    return studio.session.step(0, 1e-3, {{bad}}).loss;
  };
  CHECK_THROWS(step([](SampleRef& r) { r.sample = 1; }), "sample 1 was never added");
  CHECK_THROWS(step([](SampleRef& r) { r.sample = -1; }), "sample -1 was never added");
  CHECK_THROWS(step([](SampleRef& r) { r.start = 5, r.frames = 5; }), "frames 5 to 10 are not within its 9");
  CHECK_THROWS(step([](SampleRef& r) { r.frames = 1; }), "are not within its 9");
  CHECK_THROWS(step([](SampleRef& r) { r.start = -2, r.frames = 4; }), "frames -2 to 2 are not within its 9");
  CHECK_THROWS(step([](SampleRef& r) { r.variant = 2; }), "sample 0 has no condition variant 2");
  CHECK_THROWS(step([](SampleRef& r) { r.variant = -1; }), "sample 0 has no condition variant -1");
  for (const double weight : {-1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS(step([&](SampleRef& r) { r.weight = weight; }), "weight: expected a number from 0");
  CHECK_THROWS(step([](SampleRef& r) { r.timestep = 1.5; }), "timestep: expected 0 to 1, got 1.5");
  const std::vector<float> noise(9, 0.0f);
  CHECK_THROWS(step([&](SampleRef& r) { r.noise = noise.data(), r.noise_count = 9; }), "noise: 9 numbers do not fit 9 frames of 7");
  CHECK_THROWS(studio.session.step(0, 1e-3, {}), "a step needs at least one micro-batch");
  CHECK_THROWS(studio.session.step(0, 1e-3, {{}}), "a micro-batch is empty");
  for (const double rate : {-1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS(studio.session.step(0, rate, {{ref(0, 0)}}), "learningRate: expected a number from 0");
}

TEST("songs and settings that no step could use are refused when they are given") {
  auto open = [](auto set) {
    SessionConfig config = plain_config();
    set(config);
    return Studio({9}, config).parameters().size();
  };
  CHECK_THROWS(open([](SessionConfig& c) { c.bucket_tokens = 0; }), "buckets: expected at least 1");
  CHECK_THROWS(open([](SessionConfig& c) { c.bucket_condition = 0; }), "buckets: expected at least 1");
  CHECK_THROWS(open([](SessionConfig& c) { c.timesteps.kind = TimestepLaw::Kind::discrete; }), "timesteps.table: expected at least one timestep");
  CHECK_THROWS(open([](SessionConfig& c) { c.loss_weighting.gamma = 0; }), "lossWeighting.gamma: expected a number above 0");
  Studio studio({});
  const std::vector<float> some(1000, 0.5F);
  auto add = [&](int64_t frames, const std::vector<std::pair<const float*, int64_t>>& conditions) {
    return studio.session.add_sample(some.data(), frames, some.data(), conditions);
  };
  CHECK_THROWS(add(1, {{some.data(), 5}}), "latents: 1 frames are shorter than one patch of 2");
  CHECK_THROWS(add(9, {}), "conditions: at least one is needed");
  CHECK_THROWS(add(9, {{some.data(), 5}, {some.data(), 0}}), "conditions: one has no token");
  CHECK_EQ(add(2, {{some.data(), 1}}), int64_t{0});  // the least there can be
  CHECK(studio.session.step(0, 1e-3, {{ref(0, 0)}}).loss > 0);
}

TEST("a step that is refused leaves the parameters those to use, also where others are trained, and the run goes on as if it had not been") {
  SessionConfig schedule_free = plain_config(), averaged = plain_config();
  schedule_free.optimizer.kind = OptimizerKind::schedule_free;
  averaged.optimizer.ema_decay = 0.9;
  for (const SessionConfig& config : {plain_config(), schedule_free, averaged}) {
    Studio disturbed({9, 14}, config), straight({9, 14}, config);
    for (uint64_t step = 0; step < 4; ++step) {
      const std::vector<double> before = disturbed.parameters();
      CHECK_THROWS(disturbed.session.step(step, 1e-2, {{ref(0, 0)}, {ref(9, 0)}}), "sample 9 was never added");
      CHECK(disturbed.parameters() == before);
      for (Studio* one : {&disturbed, &straight}) (void)one->session.step(step, 1e-2, {{ref(0, 0), ref(1, 1)}});
      CHECK(disturbed.parameters() != before);
    }
    CHECK(disturbed.parameters() == straight.parameters());
  }
}
