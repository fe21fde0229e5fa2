// Songs packed into one row against the same songs each in a row of its own.
#include "train/flow_fixture.h"
#include "train/session.h"

using namespace ace;
using namespace ace::test;

namespace {

// Less than a chunk, a chunk, a little and much more than one; an odd one among them, which ends in half a patch.
const std::vector<int64_t> kLengths = {9, 2 * kChunkTokens, 2 * kChunkTokens + 1, 150};
const std::vector<int64_t> kConditions = {kChunkTokens + 3, 5, 2 * kChunkTokens, 70};

SessionConfig config_of(bool packed, RecomputePolicy recompute = {}) {
  SessionConfig config;
  config.condition_dropout = 0;
  config.bucket_tokens = 8;
  config.bucket_condition = 8;
  config.packed = packed;
  config.recompute = recompute;
  return config;
}

struct Studio {
  Studio(const SessionConfig& config, const AdapterConfig& adapter, int threads = 2)
      : model(adapter, true, threads), session(model.decoder(), model.adapter(), model.null_condition(), config) {
    const int64_t latent = model.config().audio_acoustic_hidden_dim, width = model.config().encoder_hidden_size;
    for (size_t i = 0; i < kLengths.size(); ++i) {
      const std::vector<float> latents = numbers(kLengths[i] * latent, 10 * i), context = numbers(kLengths[i] * 2 * latent, 10 * i + 1);
      const std::vector<float> condition = numbers(kConditions[i] * width, 10 * i + 2);
      (void)session.add_sample(latents.data(), kLengths[i], context.data(), {{condition.data(), kConditions[i]}});
    }
  }
  FlowModel model;
  TrainSession session;
};

MicroBatch all_songs() {
  MicroBatch out(kLengths.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].sample = static_cast<int64_t>(i);
    out[i].key = 3 * i + 1;
    out[i].weight = 1 + 0.5 * static_cast<double>(i);
  }
  out[1].drop_condition = 1;
  out[3].start = 7;
  out[3].frames = 140;
  return out;
}

// Losses of the step and of each song, then all gradients.
std::vector<double> numbers_of_step(Studio& studio, const std::vector<MicroBatch>& batches) {
  const StepResult result = studio.session.step(5, 1e-3, batches);
  std::vector<double> out = {result.loss};
  for (const SampleResult& sample : result.samples) out.push_back(sample.loss);
  const std::vector<double> gradients = numbers_of(studio.session.gradients());
  out.insert(out.end(), gradients.begin(), gradients.end());
  return out;
}

AdapterConfig adapter_of(AdapterKind kind) {
  AdapterConfig config = adapter_config(kind, 2, 4);
  config.dropout = 0;
  return config;
}

}  // namespace

TEST("songs packed into one row have the losses and gradients of songs alone, whatever their lengths") {
  for (const AdapterKind kind : {AdapterKind::lora, AdapterKind::dora, AdapterKind::lokr, AdapterKind::loha}) {
    CONTEXT("adapter " << static_cast<int>(kind));
    const MicroBatch songs = all_songs();
    std::vector<MicroBatch> alone;
    for (const SampleRef& song : songs) alone.push_back({song});
    Studio packed(config_of(true), adapter_of(kind)), masked(config_of(false), adapter_of(kind)), single(config_of(true), adapter_of(kind));
    const std::vector<double> expected = numbers_of_step(single, alone), got = numbers_of_step(packed, {songs});
    CHECK_NEAR(relative_l2(got, expected), 0, 1e-5);
    for (size_t i = 0; i <= songs.size(); ++i) CHECK_NEAR(got[i] / expected[i], 1, 1e-5);
    CHECK_NEAR(relative_l2(numbers_of_step(masked, {songs}), expected), 0, 1e-5);
    // A second step of the same shape meets what the first one left in the arena.
    CHECK_NEAR(relative_l2(numbers_of_step(packed, {songs}), numbers_of_step(single, alone)), 0, 1e-4);
  }
}

TEST("chunks that fill a bucket change neither losses nor gradients") {
  SessionConfig roomy = config_of(true);
  roomy.bucket_tokens = 11 * kChunkTokens;
  roomy.bucket_condition = 20 * kChunkTokens;
  Studio tight(config_of(true), adapter_of(AdapterKind::dora)), filled(roomy, adapter_of(AdapterKind::dora));
  for (int again = 0; again < 2; ++again) {
    const std::vector<double> got = numbers_of_step(filled, {all_songs()});
    CHECK_NEAR(relative_l2(got, numbers_of_step(tight, {all_songs()})), 0, 1e-6);
  }
}

TEST("packed songs do not see each other: one changes, the others' losses stay bit for bit") {
  Studio studio(config_of(true), adapter_of(AdapterKind::lora));
  MicroBatch songs = all_songs();
  const StepResult before = studio.session.evaluate(1, 2, {songs});
  songs[1].key = 77;
  songs[1].drop_condition = 0;
  const StepResult after = studio.session.evaluate(1, 2, {songs});
  for (size_t i = 0; i < songs.size(); ++i) CHECK_EQ(before.samples[i].loss == after.samples[i].loss, i != 1);
}

TEST("packed steps are the same under every recompute policy and on any number of threads") {
  auto run = [](RecomputePolicy recompute, int threads) {
    AdapterConfig adapter = adapter_of(AdapterKind::lora);
    adapter.dropout = 0.2;
    Studio studio(config_of(true, recompute), adapter, threads);
    return numbers_of_step(studio, {all_songs()});
  };
  const std::vector<double> expected = run(Recompute::none, 1);
  CHECK(run(Recompute::none, 3) == expected);
  for (const char* recompute : {"cheap", "mlp", "block", "mlp:1"}) CHECK(run(recompute_named(recompute), 2) == expected);
}

TEST("noise that a caller gives reaches its packed song") {
  Studio packed(config_of(true), adapter_of(AdapterKind::lora)), single(config_of(false), adapter_of(AdapterKind::lora));
  MicroBatch songs = all_songs();
  const std::vector<float> noise = numbers(kLengths[2] * 7, 99);
  songs[2].noise = noise.data();
  songs[2].noise_count = kLengths[2] * 7;
  const double expected = single.session.evaluate(1, 2, {{songs[2]}}).samples[0].loss;
  CHECK_NEAR(packed.session.evaluate(1, 2, {songs}).samples[2].loss / expected, 1, 1e-5);
}

TEST("what a packed step takes is planned to the byte, and padding it is refused") {
  const SessionConfig config = config_of(true);
  Studio studio(config, adapter_of(AdapterKind::lora));
  const MemoryPlan plan = plan_training(studio.model.decoder(), studio.model.adapter().config(), config, 3, kLengths[2], kConditions[2], 0, 1);
  MicroBatch songs(3);
  for (SampleRef& song : songs) song.sample = 2;
  (void)studio.session.step(0, 1e-3, {songs});
  CHECK_EQ(plan.arena_bytes, studio.session.memory().arena_bytes);
  CHECK_EQ(plan.flops, studio.session.memory().flops);
  SessionConfig both = config;
  both.official_padding = true;
  CHECK_THROWS(Studio(both, adapter_of(AdapterKind::lora)), "songs that are packed are not padded");
}
