// A training session's own promises: what it reports, what it repeats, what it plans.
#include <cmath>
#include <limits>

#include "train/studio.h"

using namespace ace;
using namespace ace::test;

TEST("the step's loss is the mean over all frames of the samples' losses, whatever their lengths") {
  for (const Recompute recompute : kRecomputePolicies) {
    SessionConfig config = plain_config();
    config.recompute = recompute;
    const std::vector<int64_t> lengths = {9, 14, 40, 3};
    Studio studio(lengths, config);
    for (uint64_t step = 0; step < 3; ++step) {
      const StepResult result = studio.session.step(step, 1e-3, {{ref(0, 0), ref(1, 1)}, {ref(2, 2)}, {ref(3, 3)}});
      CHECK_EQ(result.samples.size(), size_t{4});
      double sum = 0, frames = 0;
      for (size_t i = 0; i < 4; ++i) {
        sum += result.samples[i].loss * static_cast<double>(lengths[i]);
        frames += static_cast<double>(lengths[i]);
      }
      CHECK_NEAR(sum / frames / result.loss, 1, 1e-12);
      CHECK(result.loss > 0.1 && result.loss < 100 && result.grad_norm > 0 && !result.skipped);
    }
  }
}

TEST("a step tells the norm of each module's gradient where it is asked to or was skipped, and is the same step for it") {
  for (const AdapterKind kind : {AdapterKind::lora, AdapterKind::dora, AdapterKind::lokr}) {
    Studio asked({9, 14}, plain_config(), adapter_config(kind, 2, 4)), silent({9, 14}, plain_config(), adapter_config(kind, 2, 4));
    const std::vector<MicroBatch> batches = {{ref(0, 0)}, {ref(1, 1)}};
    for (uint64_t step = 0; step < 2; ++step) {
      const StepResult told = asked.session.step(step, 1e-2, batches, true);
      CHECK(silent.session.step(step, 1e-2, batches).module_norms.empty());
      const auto& modules = asked.model.adapter().modules();
      CHECK_EQ(told.module_norms.size(), modules.size());
      const std::vector<double> gradients = numbers_of(asked.session.gradients());
      double whole = 0;
      for (size_t i = 0; i < modules.size(); ++i) {
        double square = 0;
        for (const AdapterParameter& p : modules[i]->parameters())
          for (int64_t at = p.offset; at < p.offset + p.shape.elements(); ++at)
            square += gradients[static_cast<size_t>(at)] * gradients[static_cast<size_t>(at)];
        CHECK_NEAR(told.module_norms[i] / std::sqrt(square), 1, 1e-12);
        whole += told.module_norms[i] * told.module_norms[i];
      }
      CHECK_NEAR(std::sqrt(whole) / told.grad_norm, 1, 1e-12);
    }
    CHECK(asked.parameters() == silent.parameters());
    CHECK_EQ(asked.session.memory().total(), silent.session.memory().total());
    // A NaN in the songs: which modules it reached is told without being asked for.
    const int64_t latent = asked.model.config().audio_acoustic_hidden_dim, width = asked.model.config().encoder_hidden_size;
    const std::vector<float> broken(static_cast<size_t>(9 * 2 * latent), std::numeric_limits<float>::quiet_NaN());
    const std::vector<float> condition(static_cast<size_t>(5 * width), 0.5F);
    const int64_t song = asked.session.add_sample(broken.data(), 9, broken.data(), {{condition.data(), 5}});
    const StepResult skipped = asked.session.step(2, 1e-2, {{ref(song, 0)}});
    CHECK(skipped.skipped);
    CHECK(std::isnan(skipped.module_norms.back()));
  }
}

TEST("steps repeat bit for bit, on any number of threads, and evaluation changes nothing") {
  auto train = [](int threads, bool evaluate) {
    Studio studio({9, 14}, plain_config(), adapter_config(AdapterKind::lokr, 2, 4), threads);
    for (uint64_t step = 0; step < 3; ++step) {
      if (evaluate) (void)studio.session.evaluate(7, step, {{ref(0, 0)}, {ref(1, 1)}});
      (void)studio.session.step(step, 1e-3, {{ref(0, 0), ref(1, 1)}});
    }
    return studio.parameters();
  };
  const std::vector<double> one = train(1, false);
  CHECK(train(1, false) == one);
  CHECK(train(3, false) == one);
  CHECK(train(2, true) == one);
}

TEST("micro-batches are one batch, and adding up is exact where they are uneven") {
  auto train = [](const std::vector<MicroBatch>& batches) {
    SessionConfig config = plain_config();
    Studio studio({9, 14, 40}, config);
    const StepResult result = studio.session.step(0, 1e-3, batches);
    std::vector<double> out = numbers_of(studio.session.gradients());
    out.push_back(result.loss);
    return out;
  };
  const std::vector<double> whole = train({{ref(0, 0), ref(1, 1), ref(2, 2)}});
  CHECK_NEAR(relative_l2(train({{ref(0, 0)}, {ref(1, 1)}, {ref(2, 2)}}), whole), 0, 1e-6);
  CHECK_NEAR(relative_l2(train({{ref(0, 0), ref(1, 1)}, {ref(2, 2)}}), whole), 0, 1e-6);
}

TEST("buckets change nothing beyond rounding, the model's own noise and timesteps included") {
  auto gradients = [](int64_t tokens, int64_t condition) {
    SessionConfig config = plain_config();
    config.bucket_tokens = tokens;
    config.bucket_condition = condition;
    Studio studio({9, 14}, config);
    (void)studio.session.step(3, 1e-3, {{ref(0, 0), ref(1, 1)}});
    return numbers_of(studio.session.gradients());
  };
  CHECK_NEAR(relative_l2(gradients(64, 32), gradients(1, 1)), 0, 1e-5);
}

TEST("what a caller fixes is used: noise, timestep, condition, crop, variant") {
  Studio studio({20});
  SampleRef fixed = ref(0, 0);
  const std::vector<float> noise = numbers(20 * 7, 99);
  fixed.noise = noise.data();
  fixed.noise_count = 20 * 7;
  fixed.timestep = 0.25;
  fixed.drop_condition = 1;
  const StepResult a = studio.session.evaluate(1, 1, {{fixed}}), b = studio.session.evaluate(2, 2, {{fixed}});
  CHECK_EQ(a.loss, b.loss);
  CHECK_EQ(a.samples[0].timestep, 0.25);
  CHECK(a.samples[0].condition_dropped);
  auto loss = [&](auto set) {
    SampleRef changed = fixed;
    set(changed);
    return studio.session.evaluate(1, 1, {{changed}}).loss;
  };
  CHECK(loss([](SampleRef& r) { r.drop_condition = 0; }) != a.loss);
  CHECK(loss([](SampleRef& r) { r.timestep = 0.5; }) != a.loss);
  CHECK(loss([](SampleRef& r) { r.noise = nullptr; }) != a.loss);
  CHECK(loss([](SampleRef& r) { r.drop_condition = 0, r.variant = 1; }) != loss([](SampleRef& r) { r.drop_condition = 0; }));
  CHECK(loss([](SampleRef& r) { r.start = 4, r.frames = 10, r.noise_count = 70; }) != loss([](SampleRef& r) { r.start = 5, r.frames = 10, r.noise_count = 70; }));
}

TEST("a song cut to its middle trains as that middle alone") {
  Studio whole({30}), middle({2});
  const int64_t latent = 7;
  const std::vector<float> latents = numbers(30 * latent, 0), context = numbers(30 * 2 * latent, 1), condition = numbers(5 * 24, 2);
  const int64_t alone = middle.session.add_sample(latents.data() + 6 * latent, 11, context.data() + 6 * 2 * latent, {{condition.data(), 5}});
  SampleRef cut = ref(0, 3);
  cut.start = 6;
  cut.frames = 11;
  const StepResult a = whole.session.evaluate(1, 1, {{cut}}), b = middle.session.evaluate(1, 1, {{ref(alone, 3)}});
  CHECK_EQ(a.loss, b.loss);
}

TEST("a loss that is not finite skips the update and says so") {
  Studio studio({9, 14});
  const std::vector<double> before = studio.parameters();
  SampleRef bad = ref(0, 0);
  std::vector<float> noise = numbers(9 * 7, 5);
  noise[10] = std::numeric_limits<float>::quiet_NaN();
  bad.noise = noise.data();
  bad.noise_count = 9 * 7;
  const StepResult result = studio.session.step(0, 1e-3, {{bad}, {ref(1, 1)}});
  CHECK(result.skipped);
  CHECK(studio.parameters() == before);
  CHECK_EQ(studio.session.optimizer().scalars().at("updates"), 0.0);
  CHECK(!studio.session.step(1, 1e-3, {{ref(1, 1)}}).skipped);
  CHECK_EQ(studio.session.optimizer().scalars().at("updates"), 1.0);
}

TEST("a profile does the last step's work once more, on what that step was given") {
  for (const bool packed : {false, true}) {
    CONTEXT((packed ? "packed" : "padded"));
    SessionConfig config = plain_config();
    config.packed = packed;
    Studio studio({9, 14, 40}, config);
    CHECK(studio.session.profile().empty());
    (void)studio.session.step(0, 0, {{ref(0, 0), ref(1, 1), ref(2, 2)}});
    std::vector<double> twice = numbers_of(studio.session.gradients());
    for (double& number : twice) number *= 2;
    CHECK_EQ(studio.session.profile().size(), studio.session.program().calls());
    CHECK_NEAR(relative_l2(numbers_of(studio.session.gradients()), twice), 0, 1e-6);
  }
}

TEST("planned bytes are what the session then allocates") {
  for (const Recompute recompute : {Recompute::none, Recompute::block}) {
    SessionConfig config = plain_config();
    config.recompute = recompute;
    Studio studio({40, 40}, config);
    const MemoryPlan plan = plan_training(studio.model.decoder(), studio.model.adapter().config(), config, 2, 40, 5, 0, 1);
    (void)studio.session.step(0, 1e-3, {{ref(0, 0), ref(1, 1)}});
    const MemoryPlan real = studio.session.memory();
    CHECK_EQ(plan.arena_bytes, real.arena_bytes);
    CHECK_EQ(plan.adapter_bytes, real.adapter_bytes);
    CHECK_EQ(plan.gradient_bytes, real.gradient_bytes);
    CHECK_EQ(plan.optimizer_bytes, real.optimizer_bytes);
    CHECK_EQ(plan.scratch_bytes, real.scratch_bytes);
    CHECK_EQ(plan.weight_bytes, real.weight_bytes);
    CHECK_EQ(plan.flops, real.flops);
    CHECK(plan.flops > 0);
    const MemoryPlan more = plan_training(studio.model.decoder(), studio.model.adapter().config(), config, 2, 40, 5, 12345, 3);
    CHECK_EQ(more.dataset_bytes, 12345);
    CHECK_EQ(more.total() - plan.total(), 12345 + more.scratch_bytes - plan.scratch_bytes);
    CHECK(more.scratch_bytes > plan.scratch_bytes);  // each thread has panels of its own
  }
}

TEST("a copy of the adapter in the activations' narrower type is planned beside it") {
  PlanningDevice device(DeviceKind::cuda);
  const ModelConfig config = FlowModel(adapter_config(AdapterKind::lora, 2, 4)).config();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Decoder decoder(config, std::make_unique<RandomWeights>(device, 3, DType::bf16), dtype);
    AdapterConfig adapter = adapter_config(AdapterKind::lora, 2, 4);
    adapter.target_modules = {"*_proj"};
    const int64_t count = Adapter(adapter, decoder.targets(), 0, dtype, device).parameter_count();
    const MemoryPlan plan = plan_training(decoder, adapter, plain_config(), 1, 40, 5, 0, 1);
    CHECK_EQ(plan.adapter_bytes, count * (dtype == DType::f32 ? 4 : 4 + 2));
    CHECK_EQ(plan.gradient_bytes, count * 4);
  }
}

TEST("a sample's weight and the weighting by timestep scale its share of loss and gradient, and nothing else") {
  // Loss, then gradients, of two fixed samples with these weights.
  auto run = [](double first, double second, const LossWeighting& weighting) {
    SessionConfig config = plain_config();
    config.loss_weighting = weighting;
    Studio studio({9, 14}, config);
    SampleRef one = ref(0, 0), two = ref(1, 1);
    one.weight = first;
    two.weight = second;
    one.timestep = 0.2;
    two.timestep = 0.3;
    const StepResult result = studio.session.step(0, 1e-3, {{one, two}});
    std::vector<double> out = numbers_of(studio.session.gradients());
    out.push_back(result.loss);
    for (const SampleResult& sample : result.samples) out.push_back(sample.loss);
    return out;
  };
  const std::vector<double> one = run(1, 0, {}), two = run(0, 1, {});
  const size_t weighted = one.size() - 2;  // the rest are the samples' own losses
  auto expected = [&](double first, double second) {
    std::vector<double> out;
    for (size_t i = 0; i < one.size(); ++i) out.push_back(i < weighted ? first * one[i] + second * two[i] : one[i]);
    return out;
  };
  CHECK(one[weighted - 1] > 0.1 && two[weighted - 1] > 0.1);
  CHECK_NEAR(relative_l2(run(1, 1, {}), expected(1, 1)), 0, 1e-6);
  CHECK_NEAR(relative_l2(run(0.25, 3, {}), expected(0.25, 3)), 0, 1e-6);
  LossWeighting min_snr;
  min_snr.kind = LossWeighting::Kind::min_snr;  // t = 0.2: snr 16; t = 0.3: snr 49 / 9
  CHECK_NEAR(relative_l2(run(1, 2, min_snr), expected(5.0 / 16, 2 * 45.0 / 49)), 0, 1e-6);
  LossWeighting table;
  table.kind = LossWeighting::Kind::table;
  table.points = {{0.2, 0.5}, {0.4, 1.5}};
  CHECK_NEAR(relative_l2(run(1, 1, table), expected(0.5, 1)), 0, 1e-6);
}
