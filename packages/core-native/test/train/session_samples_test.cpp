// What becomes of a session's samples: evaluated, padded, streamed, with noise and timesteps of their own.
#include "train/studio.h"

using namespace ace;
using namespace ace::test;

TEST("songs that are streamed give the steps of resident ones, each of them longer than the one before") {
  const std::vector<int64_t> lengths = {9, 14, 40};
  Studio resident(lengths);
  const int64_t all = resident.session.memory().dataset_bytes;
  // A song's parts each begin on a cache line.
  auto bytes_of = [&](int64_t frames) {
    auto part = [](int64_t numbers) { return (numbers * 4 + 63) / 64 * 64; };
    return part(frames * 7) + part(frames * 14) + part(5 * 24) + part(3 * 24);
  };
  CHECK_EQ(all, bytes_of(9) + bytes_of(14) + bytes_of(40));
  for (const int64_t room : {int64_t{0}, bytes_of(9) - 1, bytes_of(9), bytes_of(9) + bytes_of(14), all - 1}) {
    CONTEXT("room for " << room);
    SessionConfig config = plain_config();
    config.resident_bytes = room;
    Studio first(lengths), streamed(lengths, config);
    int64_t fits = 0;
    for (const int64_t frames : lengths)
      if (fits + bytes_of(frames) <= room) fits += bytes_of(frames);
    CHECK_EQ(streamed.session.memory().dataset_bytes, fits);
    const std::vector<std::vector<MicroBatch>> steps = {{{ref(0, 0)}, {ref(1, 1)}}, {{ref(1, 2), ref(0, 3)}, {ref(2, 4), ref(1, 5)}}, {{ref(0, 6), ref(2, 7)}}};
    for (uint64_t step = 0; step < steps.size(); ++step) CHECK_EQ(streamed.session.step(step, 1e-2, steps[step]).loss, first.session.step(step, 1e-2, steps[step]).loss);
    CHECK(streamed.parameters() == first.parameters());
  }
}

TEST("evaluation is not weighted by timestep") {
  SessionConfig config = plain_config();
  config.loss_weighting.kind = LossWeighting::Kind::min_snr;
  Studio studio({9});
  Studio weighted({9}, config);
  SampleRef sample = ref(0, 0);
  sample.timestep = 0.1;
  const double plain = studio.session.evaluate(1, 0, {{sample}}).loss;
  CHECK_NEAR(weighted.session.evaluate(1, 0, {{sample}}).loss, plain, 0);
  CHECK_NEAR(weighted.session.step(0, 0, {{sample}}).loss / studio.session.step(0, 0, {{sample}}).loss, 5.0 / 81, 1e-6);
}

TEST("evaluation draws noise and timesteps from its own seed and step, and drops nothing") {
  SessionConfig config = plain_config();
  config.condition_dropout = 1;
  AdapterConfig adapter = adapter_config(AdapterKind::lora, 2, 4);
  Studio plain({9}, plain_config(), adapter);
  adapter.dropout = 0.5;
  Studio dropping({9}, config, adapter);
  const auto evaluate = [](Studio& studio, uint64_t seed, uint64_t step) { return studio.session.evaluate(seed, step, {{ref(0, 0)}}); };
  const StepResult result = evaluate(dropping, 1, 0);
  CHECK(!result.samples[0].condition_dropped);
  CHECK_EQ(result.loss, evaluate(plain, 1, 0).loss);
  CHECK_EQ(result.loss, evaluate(dropping, 1, 0).loss);
  for (const StepResult& other : {evaluate(dropping, 2, 0), evaluate(dropping, 1, 1)}) {
    CHECK(other.loss != result.loss);
    CHECK(other.samples[0].timestep != result.samples[0].timestep);
  }
  const StepResult trained = dropping.session.step(0, 0, {{ref(0, 0)}});
  CHECK(trained.samples[0].condition_dropped);
  CHECK(trained.loss != plain.session.step(0, 0, {{ref(0, 0)}}).loss);
}

TEST("a sample's timestep is told as it was used: in float32, and in bf16 where it is rounded") {
  SessionConfig config = plain_config();
  Studio exact({9}, config);
  config.round_timesteps = true;
  Studio rounded({9}, config);
  for (uint64_t step = 0; step < 8; ++step) {
    const double t = exact.session.evaluate(1, step, {{ref(0, 0)}}).samples[0].timestep, coarse = rounded.session.evaluate(1, step, {{ref(0, 0)}}).samples[0].timestep;
    CHECK_EQ(t, static_cast<double>(static_cast<float>(t)));
    CHECK_EQ(coarse, static_cast<double>(to_float(to_bf16(static_cast<float>(t)))));
  }
}

TEST("official padding counts each sample to its batch's longest, and each batch as much as any other") {
  SessionConfig config = plain_config();
  config.official_padding = true;
  config.bucket_tokens = 1;
  Studio studio({9, 14, 40}, config), masked({9, 14, 40});
  const std::vector<MicroBatch> batches = {{ref(0, 0), ref(1, 1)}, {ref(2, 2)}};
  const StepResult official = studio.session.step(0, 1e-3, batches), own = masked.session.step(0, 1e-3, batches);
  CHECK_EQ(official.samples[0].divisor, 14.0 * 7);
  CHECK_EQ(official.samples[2].divisor, 40.0 * 7);
  CHECK_NEAR(((official.samples[0].loss + official.samples[1].loss) / 2 + official.samples[2].loss) / 2 / official.loss, 1, 1e-12);
  CHECK_EQ(official.samples[2].loss, own.samples[2].loss);  // nothing to pad
  CHECK(official.samples[0].loss != own.samples[0].loss);
}

TEST("noise that a caller gives is silent beyond its song, whatever was drawn there before") {
  SessionConfig config = plain_config();
  config.official_padding = true;
  Studio used({9, 14}, config), fresh({9, 14}, config);
  SampleRef given = ref(0, 0);
  const std::vector<float> noise = numbers(9 * 7, 99);
  given.noise = noise.data();
  given.noise_count = 9 * 7;
  (void)used.session.evaluate(1, 0, {{ref(0, 0), ref(1, 1)}});
  CHECK_EQ(used.session.evaluate(1, 1, {{given, ref(1, 1)}}).samples[0].loss, fresh.session.evaluate(1, 1, {{given, ref(1, 1)}}).samples[0].loss);
}

TEST("where timesteps are rounded, so are the numbers that the model embeds them by") {
  SessionConfig config = plain_config();
  Studio exact({9}, config);
  config.round_timesteps = true;
  Studio rounded({9}, config);
  SampleRef sample = ref(0, 0);
  sample.timestep = 0.40625;  // in bf16 as it is
  CHECK(exact.session.evaluate(1, 0, {{sample}}).loss != rounded.session.evaluate(1, 0, {{sample}}).loss);
}
