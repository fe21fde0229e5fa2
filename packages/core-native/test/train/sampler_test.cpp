// Generation with the decoder: which adapter works when, what is drawn, programs of several shapes in one arena.
#include "train/sampler.h"

#include "train/flow_fixture.h"

using namespace ace;
using namespace ace::test;

namespace {

constexpr int64_t kFrames = 9, kTokens = 5, kChannels = 7;

struct Booth {
  Booth() : model(adapter_config(AdapterKind::lora, 2, 4)) {
    AdapterConfig config = adapter_config(AdapterKind::lora, 2, 4);
    config.target_modules = {"q_proj", "o_proj"};
    auto made = std::make_shared<Adapter>(config, model.decoder().targets(), 9, DType::f32, model.decoder().device());
    Numbers numbers(41);
    for (int64_t i = 0; i < made->parameter_count(); ++i) set_number(made->parameters(), i, numbers.next());
    adapter = made;
  }
  Sampler sampler(std::vector<SamplerAdapter> adapters = {}) const { return {model.decoder(), model.null_condition(), std::move(adapters)}; }
  SampleRequest request(int64_t frames = kFrames, int64_t tokens = kTokens) const {
    SampleRequest out;
    out.condition = condition.data();
    out.tokens = tokens;
    out.context = context.data();
    out.frames = frames;
    out.seed = 3;
    out.times = {1, 0.75, 0.5, 0.25};
    return out;
  }

  FlowModel model;
  std::shared_ptr<const Adapter> adapter;
  std::vector<float> condition = numbers(64 * 24, 1), context = numbers(64 * 2 * kChannels, 2), noise = numbers(64 * kChannels, 3);
};

std::vector<float> sampled(Sampler& sampler, const SampleRequest& request) { return sampler.sample(request, nullptr); }
std::vector<float> sampled(Sampler&& sampler, const SampleRequest& request) { return sampled(sampler, request); }

// The sampler's own normals, written out: a seed must go on meaning the same song.
std::vector<float> drawn(uint64_t seed, uint64_t step) {
  std::vector<float> out;
  for (uint64_t i = 0; out.size() < static_cast<size_t>(kFrames * kChannels); ++i) {
    const Philox words = random_words(seed, step, 0, static_cast<uint32_t>(Purpose::sampler), i);
    double normal[4];
    normal_pair(words.word[0], words.word[1], normal[0], normal[1]);
    normal_pair(words.word[2], words.word[3], normal[2], normal[3]);
    out.insert(out.end(), normal, normal + 4);
  }
  out.resize(static_cast<size_t>(kFrames * kChannels));
  return out;
}

}  // namespace

TEST("an adapter works in its own steps, at its strength, and nowhere else") {
  const Booth booth;
  SampleRequest request = booth.request();
  request.noise = booth.noise.data();
  for (const double strength : {1.0, 0.5}) {
    Sampler plain = booth.sampler(), adapted = booth.sampler({{booth.adapter, strength}});
    std::vector<float> x(booth.noise.begin(), booth.noise.begin() + kFrames * kChannels);
    for (size_t step = 0; step < 4; ++step) {
      const bool works = step == 1 || step == 2;  // 1/4 <= k / 4 < 3/4
      const std::vector<float> v = (works ? adapted : plain).velocity(x.data(), request.times[step], request);
      for (size_t i = 0; i < x.size(); ++i) x[i] -= 0.25F * v[i];
    }
    CHECK_NEAR(apart(sampled(booth.sampler({{booth.adapter, strength, {}, 0.25, 0.75}}), request), x), 0, 1e-5);
    CHECK(apart(adapted.velocity(x.data(), 0.5, request), plain.velocity(x.data(), 0.5, request)) > 1e-2);
  }
}

TEST("a module's own strength multiplies the adapter's in generation") {
  const Booth booth;
  const std::vector<double> halves(booth.adapter->modules().size(), 0.5);
  Sampler by_module = booth.sampler({{booth.adapter, 0.5, halves}}), whole = booth.sampler({{booth.adapter, 0.25}});
  CHECK_NEAR(apart(sampled(by_module, booth.request()), sampled(whole, booth.request())), 0, 1e-6);
}

TEST("noise is drawn from the seed, once at the start and anew for each step of the SDE but the last") {
  const Booth booth;
  for (const bool sde : {false, true}) {
    SampleRequest by_seed = booth.request(), given = by_seed;
    by_seed.sde = given.sde = sde;
    const std::vector<std::vector<float>> noise = {drawn(3, 0), drawn(3, 1), drawn(3, 2), drawn(3, 3)};
    given.noise = noise[0].data();
    given.seed = 77;
    if (sde) given.renoise = {noise[1].data(), noise[2].data(), noise[3].data()};
    CHECK(sampled(booth.sampler(), by_seed) == sampled(booth.sampler(), given));
  }
}

TEST("without words of its own the null pass hears the null condition in every token") {
  const Booth booth;
  SampleRequest request = booth.request();
  request.guidance.scale = 4;
  const std::vector<double> null = numbers_of(booth.model.null_condition());
  std::vector<float> repeated;
  for (int64_t token = 0; token < kTokens; ++token) repeated.insert(repeated.end(), null.begin(), null.end());
  const std::vector<float> guided = sampled(booth.sampler(), request);
  request.negative = repeated.data();
  request.negative_tokens = kTokens;
  CHECK_NEAR(apart(sampled(booth.sampler(), request), guided), 0, 1e-5);
  request.negative = booth.condition.data() + 24;
  request.negative_tokens = kTokens + 2;
  CHECK(apart(sampled(booth.sampler(), request), guided) > 1e-2);
}

TEST("one sampler makes songs of any length, words and guidance in any order as a fresh one does") {
  const Booth booth;
  std::vector<SampleRequest> requests;
  for (const int64_t frames : {9, 40, 10, 64, 9})
    for (const int64_t tokens : {5, 3, 17}) {
      requests.push_back(booth.request(frames, tokens));
      requests.back().noise = booth.noise.data();
      if (tokens == 3) requests.back().guidance.scale = 3;
      if (frames == 40) {
        requests.back().guidance.scale = 3;
        requests.back().negative = booth.condition.data();
        requests.back().negative_tokens = 40;
      }
    }
  const std::vector<SamplerAdapter> adapters = {{booth.adapter, 1, {}, 0.5, 1}};
  Sampler one = booth.sampler(adapters);
  for (size_t i = 0; i < requests.size(); ++i) {
    CONTEXT("request " << i);
    const std::vector<float> latents = sampled(one, requests[i]);
    CHECK_EQ(latents.size(), static_cast<size_t>(requests[i].frames * kChannels));
    CHECK(latents == sampled(booth.sampler(adapters), requests[i]));
  }
}

TEST("what cannot be sampled is refused in one line") {
  const Booth booth;
  auto sample = [&](auto set) {
    SampleRequest request = booth.request();
    set(request);
    return sampled(booth.sampler(), request).size();
  };
  CHECK_THROWS(sample([](SampleRequest& r) { r.frames = 0; }), "frames: expected at least 1");
  CHECK_THROWS(sample([](SampleRequest& r) { r.tokens = 0; }), "condition: expected at least one token");
  CHECK_THROWS(sample([](SampleRequest& r) { r.times = {}; }), "times: expected at least one");
  CHECK_THROWS(sample([&](SampleRequest& r) { r.negative = booth.condition.data(); }), "negative: expected at least one token");
  CHECK_THROWS(sample([&](SampleRequest& r) { r.sde = true, r.renoise = {booth.noise.data(), booth.noise.data()}; }), "renoise: expected one noise for each step but the last");
  CHECK_THROWS(booth.sampler({{booth.adapter, 1, {1, 1}}}), "strengths: expected one for each of 12 modules, got 2");
}
