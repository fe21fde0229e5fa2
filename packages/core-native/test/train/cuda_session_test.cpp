// Training and generation on a CUDA device as a whole: against the CPU's session, and recorded graphs against single calls.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "model/small_model.h"
#include "ops/twin.h"
#include "train/sampler.h"
#include "train/session.h"
#if ACE_WITH_CUDA
#include "ops/cuda/blas/blas.h"
#include "ops/cuda/device.h"
#endif

using namespace ace;
using namespace ace::test;

namespace {

ModelConfig three_layers(int64_t head_dim) {
  ModelConfig c = small_config();
  c.head_dim = head_dim;
  c.in_channels = 3 * c.audio_acoustic_hidden_dim;
  c.num_hidden_layers = 3;
  c.sliding = {true, false, true};
  return c;
}

SessionConfig session_config() {
  SessionConfig config;
  config.bucket_tokens = 8;
  config.bucket_condition = 8;
  return config;
}

AdapterConfig lora() {
  AdapterConfig config;
  config.kind = AdapterKind::lora;
  config.rank = 4;
  config.alpha = 8;
  config.dropout = 0.2;
  config.target_modules = {"*_proj"};
  return config;
}

// A model, its session and two songs on one device.
struct Studio {
  Studio(Device& device, DType dtype, const SessionConfig& config = session_config(), const AdapterConfig& adapter_config = lora(),
         int64_t head_dim = small_config().head_dim)
      : decoder(three_layers(head_dim), std::make_unique<RandomWeights>(device, 3, DType::f32), dtype),
        adapter(adapter_config, decoder.targets(), 9, dtype, device),
        null_condition(device, {decoder.config().encoder_hidden_size}, dtype, "null condition"),
        session(decoder, adapter, null_condition.tensor(), config) {
    const int64_t latent = decoder.config().audio_acoustic_hidden_dim, width = decoder.config().encoder_hidden_size;
    const int64_t lengths[] = {9, 14};
    for (uint64_t i = 0; i < 2; ++i) {
      const std::vector<float> latents = numbers(lengths[i] * latent, 10 * i), context = numbers(lengths[i] * 2 * latent, 10 * i + 1);
      const std::vector<float> condition = numbers(5 * width, 10 * i + 2);
      (void)session.add_sample(latents.data(), lengths[i], context.data(), {{condition.data(), 5}});
    }
  }
  StepResult step(uint64_t number) {
    SampleRef first, second;
    first.key = 2 * number;
    second.sample = 1;
    second.key = 2 * number + 1;
    return session.step(number, 1e-2, {{first, second}, {second}});
  }
  std::vector<float> parameters() {
    std::vector<float> out(static_cast<size_t>(adapter.parameter_count()));
    adapter.device().download(out.data(), adapter.parameters().data, adapter.parameters().bytes());
    return out;
  }

  Decoder decoder;
  Adapter adapter;
  Storage null_condition;
  TrainSession session;
};

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, reference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
    reference += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / reference);
}

}  // namespace

TEST("CUDA: a session takes the CPU session's steps, in float32 to its rounding and in bf16 to bf16's") {
  skip_without_cuda();
  for (const AdapterKind kind : {AdapterKind::lora, AdapterKind::dora, AdapterKind::lokr}) {
    CONTEXT("adapter " << static_cast<int>(kind));
    AdapterConfig config = lora();
    config.kind = kind;
    if (kind == AdapterKind::lokr) config.dropout = 0;
    Studio cpu(device_of(DeviceKind::cpu), DType::f32, session_config(), config);
    Studio exact(device_of(DeviceKind::cuda), DType::f32, session_config(), config);
    Studio rounded(device_of(DeviceKind::cuda), DType::bf16, session_config(), config);
    for (uint64_t step = 0; step < 4; ++step) {
      const StepResult expected = cpu.step(step), same = exact.step(step), near = rounded.step(step);
      CHECK_NEAR(same.loss, expected.loss, 1e-5 * expected.loss);
      CHECK_NEAR(same.grad_norm, expected.grad_norm, 1e-4 * expected.grad_norm);
      CHECK_NEAR(near.loss, expected.loss, 1e-2 * expected.loss);
      CHECK_NEAR(near.grad_norm, expected.grad_norm, 5e-2 * expected.grad_norm);
      for (size_t i = 0; i < 3; ++i) {
        CHECK_EQ(same.samples[i].timestep, expected.samples[i].timestep);
        CHECK_EQ(same.samples[i].condition_dropped, expected.samples[i].condition_dropped);
      }
    }
    CHECK(distance(exact.parameters(), cpu.parameters()) < 2e-4);
    CHECK(distance(rounded.parameters(), cpu.parameters()) < 5e-2);
  }
}

TEST("CUDA: a probe measures the gradient of every whole weight as the CPU's does") {
  skip_without_cuda();
  AdapterConfig probe;
  probe.kind = AdapterKind::probe;
  probe.rank = 1;
  probe.target_modules = {"*_proj"};
  SessionConfig config = session_config();
  config.condition_dropout = 0;
  const auto measured = [&](DeviceKind kind, DType dtype) {
    Studio studio(device_of(kind), dtype, config, probe);
    SampleRef song;
    song.key = 3;
    (void)studio.session.step(0, 0, {{song}});
    std::vector<float> out;
    for (const auto& [name, square] : studio.adapter.named(studio.session.gradients()))
      studio.adapter.device().download(&out.emplace_back(), square.data, square.bytes());
    return out;
  };
  const std::vector<float> expected = measured(DeviceKind::cpu, DType::f32);
  const std::vector<float> exact = measured(DeviceKind::cuda, DType::f32), rounded = measured(DeviceKind::cuda, DType::bf16);
  CHECK_EQ(expected.size(), size_t{33});
  for (size_t i = 0; i < expected.size(); ++i) {
    CHECK(expected[i] > 0);
    CHECK_NEAR(exact[i], expected[i], 1e-4 * expected[i]);
    CHECK_NEAR(rounded[i], expected[i], 1e-1 * expected[i]);
  }
}

TEST("CUDA: packed songs give the gradients that the CPU's give, and recorded steps are theirs") {
  skip_without_cuda();
  SessionConfig config = session_config();
  config.packed = true;
  Studio cpu(device_of(DeviceKind::cpu), DType::f32, config), exact(device_of(DeviceKind::cuda), DType::f32, config);
  Studio rounded(device_of(DeviceKind::cuda), DType::bf16, config);
  // More than one chunk.
  const int64_t latent = cpu.decoder.config().audio_acoustic_hidden_dim, width = cpu.decoder.config().encoder_hidden_size;
  const std::vector<float> latents = numbers(81 * latent, 1), context = numbers(81 * 2 * latent, 2), condition = numbers(40 * width, 3);
  MicroBatch songs(3);
  for (Studio* studio : {&cpu, &exact, &rounded}) songs[2].sample = studio->session.add_sample(latents.data(), 81, context.data(), {{condition.data(), 40}});
  songs[1].sample = 1;
  for (uint64_t step = 0; step < 4; ++step) {
    for (uint64_t i = 0; i < 3; ++i) songs[i].key = 3 * step + i;
    const StepResult expected = cpu.session.step(step, 1e-2, {songs}), same = exact.session.step(step, 1e-2, {songs});
    const StepResult near = rounded.session.step(step, 1e-2, {songs});
    CHECK_NEAR(same.loss, expected.loss, 1e-5 * expected.loss);
    CHECK_NEAR(same.grad_norm, expected.grad_norm, 1e-4 * expected.grad_norm);
    CHECK_NEAR(near.loss, expected.loss, 1e-2 * expected.loss);
    CHECK_NEAR(near.grad_norm, expected.grad_norm, 5e-2 * expected.grad_norm);
  }
  CHECK(distance(exact.parameters(), cpu.parameters()) < 2e-4);
  CHECK(distance(rounded.parameters(), cpu.parameters()) < 5e-2);
}

TEST("CUDA: a session with heads of 128 takes the CPU session's steps, recorded ones too, by warpgroups and without") {
  skip_without_cuda();
  Device& device = device_of(DeviceKind::cuda);
  const bool warpgroups = device.stream().warpgroups;
  Studio cpu(device_of(DeviceKind::cpu), DType::f32, session_config(), lora(), 128);
  std::vector<StepResult> expected;
  for (uint64_t step = 0; step < 3; ++step) expected.push_back(cpu.step(step));
  for (const bool by : {false, true}) {
    if (by && !warpgroups) break;
    CONTEXT("by warpgroups: " << by);
    device.stream().warpgroups = by;
    Studio rounded(device, DType::bf16, session_config(), lora(), 128);
    for (uint64_t step = 0; step < 3; ++step) {
      const StepResult near = rounded.step(step);
      CHECK_NEAR(near.loss, expected[step].loss, 1e-2 * expected[step].loss);
      CHECK_NEAR(near.grad_norm, expected[step].grad_norm, 5e-2 * expected[step].grad_norm);
    }
    CHECK(distance(rounded.parameters(), cpu.parameters()) < 5e-2);
  }
  device.stream().warpgroups = warpgroups;
}

TEST("CUDA: recorded steps differ from each other and equal single calls bit for bit") {
  skip_without_cuda();
#if ACE_WITH_CUDA
  // ACEWRIGHT_CUDA_CHECK=1 waits for every operator and records nothing.
  setenv("ACEWRIGHT_CUDA_CHECK", "1", 1);
  const std::unique_ptr<Device> single = cuda::open_device(0, 1), recorded = [] {
    unsetenv("ACEWRIGHT_CUDA_CHECK");
    return cuda::open_device(0, 1);
  }();
  CHECK(single->capture([] {}) == nullptr);
  CHECK(recorded->capture([] {}) != nullptr);
  Studio eager(*single, DType::bf16), graphs(*recorded, DType::bf16);
  std::vector<double> losses;
  for (uint64_t step = 0; step < 5; ++step) {
    const StepResult a = eager.step(step), b = graphs.step(step);
    CHECK_EQ(a.loss, b.loss);
    CHECK_EQ(a.grad_norm, b.grad_norm);
    for (const double earlier : losses) CHECK(earlier != b.loss);
    losses.push_back(b.loss);
  }
  CHECK(eager.parameters() == graphs.parameters());
#endif
}

TEST("CUDA: with its products timed before they are chosen a session trains as without, and a graph finds them all chosen") {
  skip_without_cuda();
#if ACE_WITH_CUDA
  const std::unique_ptr<Device> device = cuda::open_device(0, 1);
  device->stream().blas->tune(true);
  Studio timed(*device, DType::f32), plain(device_of(DeviceKind::cuda), DType::f32);
  for (uint64_t step = 0; step < 4; ++step) {
    const StepResult a = timed.step(step), b = plain.step(step);
    CHECK_NEAR(a.loss, b.loss, 1e-5 * b.loss);
    CHECK_NEAR(a.grad_norm, b.grad_norm, 1e-4 * b.grad_norm);
  }
  CHECK(distance(timed.parameters(), plain.parameters()) < 2e-4);
  const std::string record = device->stream().blas->algorithms();
  CHECK(std::count(record.begin(), record.end(), '\n') > 10);
  timed.step(4);
  CHECK_EQ(device->stream().blas->algorithms(), record);
#endif
}

TEST("CUDA: a step with an infinite gradient is skipped and counted, and the next one is taken") {
  skip_without_cuda();
  Studio studio(device_of(DeviceKind::cuda), DType::bf16);
  const int64_t latent = studio.decoder.config().audio_acoustic_hidden_dim, width = studio.decoder.config().encoder_hidden_size;
  std::vector<float> latents = numbers(9 * latent, 1);
  latents[4] = INFINITY;
  const std::vector<float> context = numbers(9 * 2 * latent, 2), condition = numbers(5 * width, 3);
  const int64_t broken = studio.session.add_sample(latents.data(), 9, context.data(), {{condition.data(), 5}});
  const std::vector<float> before = studio.parameters();
  SampleRef ref;
  ref.sample = broken;
  CHECK(studio.session.step(0, 1e-2, {{ref}}).skipped);
  CHECK(studio.parameters() == before);
  CHECK_EQ(studio.session.optimizer().scalars().at("updates"), 0.0);
  CHECK(!studio.step(1).skipped);
  CHECK_EQ(studio.session.optimizer().scalars().at("updates"), 1.0);
}

TEST("CUDA: the sampler integrates to the CPU's latents, guided too") {
  skip_without_cuda();
  std::vector<std::vector<float>> latents;
  for (const auto& [kind, dtype] : {std::pair{DeviceKind::cpu, DType::f32}, {DeviceKind::cuda, DType::f32}, {DeviceKind::cuda, DType::bf16}}) {
    Studio studio(device_of(kind), dtype);
    const auto shared = std::make_shared<Adapter>(lora(), studio.decoder.targets(), 9, dtype, device_of(kind));
    Sampler sampler(studio.decoder, studio.null_condition.tensor(), {{shared, 0.5}});
    const int64_t width = studio.decoder.config().encoder_hidden_size, latent = studio.decoder.config().audio_acoustic_hidden_dim;
    const std::vector<float> condition = numbers(5 * width, 1), context = numbers(9 * 2 * latent, 2);
    SampleRequest request;
    request.condition = condition.data();
    request.tokens = 5;
    request.context = context.data();
    request.frames = 9;
    request.times = {1, 0.7, 0.3};
    request.guidance.scale = 3;
    latents.push_back(sampler.sample(request, [](int, int) {}));
  }
  CHECK(distance(latents[1], latents[0]) < 1e-5);
  CHECK(distance(latents[2], latents[0]) < 5e-2);
}

TEST("CUDA: songs streamed from main memory give the steps of resident ones, bit for bit") {
  skip_without_cuda();
  SessionConfig streamed = session_config(), mixed = session_config();
  streamed.resident_bytes = 0;
  for (const DeviceKind kind : {DeviceKind::cpu, DeviceKind::cuda}) {
    const DType dtype = kind == DeviceKind::cpu ? DType::f32 : DType::bf16;
    Studio resident(device_of(kind), dtype);
    const int64_t all = resident.session.memory().dataset_bytes;
    mixed.resident_bytes = all * 2 / 3;  // the first song alone
    for (const SessionConfig& config : {streamed, mixed}) {
      CONTEXT("resident bytes " << config.resident_bytes);
      Studio first(device_of(kind), dtype), other(device_of(kind), dtype, config);
      const int64_t bytes = other.session.memory().dataset_bytes;
      CHECK(config.resident_bytes == 0 ? bytes == 0 : bytes > 0 && bytes < all);
      for (uint64_t step = 0; step < 3; ++step) CHECK_EQ(other.step(step).loss, first.step(step).loss);
      CHECK(other.parameters() == first.parameters());
    }
  }
}
