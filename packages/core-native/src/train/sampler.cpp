#include "train/sampler.h"

#include <algorithm>
#include <cmath>

#include "ops/philox.h"

namespace ace {

// One velocity of a fixed shape as a program.
struct Sampler::Pass {
  explicit Pass(DeviceKind kind) : program(kind) {}
  int64_t batch = 0, frames = 0, tokens = 0;
  Active active;
  Program program;
  Tensor x_t, context, condition, t, frame_count, v;
};

namespace {

// Host numbers onto a device tensor of any float type.
template <class T>
void store(Device& device, const Tensor& to, const T* from) {
  const Storage host(to.shape, to.dtype, "a sampler's input", false);
  for (int64_t i = 0; i < to.elements(); ++i) set_element(host.tensor(), i, static_cast<double>(from[i]));
  upload(device, to, host.tensor());
}

std::vector<double> drawn_noise(uint64_t seed, int64_t step, size_t count) {
  std::vector<double> out(count);
  for (size_t i = 0; i < count; i += 4) {
    const Philox words = random_words(seed, static_cast<uint64_t>(step), 0, static_cast<uint32_t>(Purpose::sampler), i / 4);
    double normal[4];
    normal_pair(words.word[0], words.word[1], normal[0], normal[1]);
    normal_pair(words.word[2], words.word[3], normal[2], normal[3]);
    for (size_t j = i; j < std::min(i + 4, count); ++j) out[j] = static_cast<float>(normal[j - i]);
  }
  return out;
}

}  // namespace

Sampler::Sampler(const Decoder& decoder, Tensor null_condition, std::vector<SamplerAdapter> adapters)
    : decoder_(decoder), null_condition_(null_condition), adapters_(std::move(adapters)), device_(decoder.device()) {
  for (const SamplerAdapter& entry : adapters_) {
    const size_t modules = entry.adapter->modules().size();
    if (!entry.strengths.empty() && entry.strengths.size() != modules)
      throw Error(ErrorCode::config, "strengths: expected one for each of " + std::to_string(modules) + " modules, got " +
                                         std::to_string(entry.strengths.size()));
  }
}

Sampler::~Sampler() = default;

void Sampler::check(const SampleRequest& request) const {
  if (request.frames < 1) throw Error(ErrorCode::config, "frames: expected at least 1");
  if (request.tokens < 1) throw Error(ErrorCode::config, "condition: expected at least one token");
  if (request.negative != nullptr && request.negative_tokens < 1) throw Error(ErrorCode::config, "negative: expected at least one token");
}

Sampler::Active Sampler::active_in(int step, int steps) const {
  const double at = static_cast<double>(step) / steps;
  Active active;
  for (const SamplerAdapter& entry : adapters_) active.push_back(entry.from <= at && at < entry.to);
  return active;
}

Sampler::Pass& Sampler::pass_for(int64_t batch, int64_t frames, int64_t tokens, const Active& active) {
  for (auto it = passes_.begin(); it != passes_.end(); ++it) {
    if ((*it)->batch != batch || (*it)->frames != frames || (*it)->tokens != tokens || (*it)->active != active) continue;
    passes_.splice(passes_.begin(), passes_, it);
    return *passes_.front();
  }
  const ModelConfig& config = decoder_.config();
  const DType dtype = decoder_.dtype();
  auto pass = std::make_unique<Pass>(device_.kind());
  pass->batch = batch;
  pass->frames = frames;
  pass->tokens = tokens;
  pass->active = active;
  Program& p = pass->program;
  pass->x_t = p.input({batch, frames, config.audio_acoustic_hidden_dim}, dtype, "x_t");
  pass->context = p.input({batch, frames, 2 * config.audio_acoustic_hidden_dim}, wide(dtype), "context");
  pass->condition = p.input({batch, tokens, config.encoder_hidden_size}, dtype, "condition");
  pass->t = p.input({batch}, wide(dtype), "t");
  pass->frame_count = p.input({batch}, DType::i32, "frame_count");
  for (const Tensor& input : {pass->x_t, pass->context, pass->condition, pass->t, pass->frame_count}) p.keep(input);
  Tape tape(p, Recompute::none, false);
  std::vector<AdapterUse> uses;
  for (size_t i = 0; i < adapters_.size(); ++i) {
    if (!active[i]) continue;
    const SamplerAdapter& entry = adapters_[i];
    AdapterPass adapter_pass = entry.adapter->pass();
    adapter_pass.strength = entry.strength;
    uses.push_back({entry.adapter.get(), adapter_pass, entry.strengths});
  }
  DecoderInputs in;
  in.x_t = pass->x_t;
  in.context = pass->context;
  in.condition = pass->condition;
  in.t = pass->t;
  in.r = pass->t;
  in.frame_count = pass->frame_count;
  pass->v = decoder_.velocity(tape, in, uses).value;
  p.keep(pass->v);
  const int64_t bytes = p.plan();
  if (bytes > arena_.bytes()) {
    passes_.clear();  // their inputs lie in the old arena
    arena_ = Storage();
    arena_ = Storage(device_, {bytes}, DType::u8, "activations");
  }
  p.bind(arena_.data());
  if (passes_.size() == 4) passes_.pop_back();
  passes_.push_front(std::move(pass));
  return *passes_.front();
}

void Sampler::load(Pass& pass, const SampleRequest& request) {
  Program& p = pass.program;
  auto part = [&](const Tensor& input, int64_t b) { return p.bound(input).slice(b, 1); };
  const std::vector<int32_t> count(static_cast<size_t>(pass.batch), static_cast<int32_t>(pass.frames));
  device_.upload(p.bound(pass.frame_count).data, count.data(), static_cast<int64_t>(count.size() * sizeof(int32_t)));
  for (int64_t b = 0; b < pass.batch; ++b) {
    store(device_, part(pass.context, b), request.context);
    if (b == 0) {
      store(device_, part(pass.condition, b), request.condition);
      continue;
    }
    const Tensor condition = part(pass.condition, b);
    for (int64_t token = 0; token < pass.tokens; ++token)
      device_.copy(condition.as<char>() + token * null_condition_.bytes(), null_condition_.data, null_condition_.bytes());
  }
}

void Sampler::run(Pass& pass, const std::vector<double>& x, double t, std::vector<double>& v) {
  Program& p = pass.program;
  for (int64_t b = 0; b < pass.batch; ++b) store(device_, p.bound(pass.x_t).slice(b, 1), x.data());
  const std::vector<double> times(static_cast<size_t>(pass.batch), t);
  store(device_, p.bound(pass.t), times.data());
  p.run(device_.stream());
  // The program's frames are whole patches; the caller's may be one fewer.
  const Storage out = download(device_, p.bound(pass.v));
  const int64_t each = static_cast<int64_t>(x.size()), stride = out.tensor().elements() / pass.batch;
  v.resize(static_cast<size_t>(each * pass.batch));
  for (int64_t b = 0; b < pass.batch; ++b)
    for (int64_t i = 0; i < each; ++i) v[static_cast<size_t>(b * each + i)] = element(out.tensor(), b * stride + i);
}

std::vector<float> Sampler::sample(const SampleRequest& request, const std::function<void(int, int)>& on_step) {
  check(request);
  if (request.times.empty()) throw Error(ErrorCode::config, "times: expected at least one");
  const int64_t channels = decoder_.config().audio_acoustic_hidden_dim;
  const size_t count = static_cast<size_t>(request.frames * channels);
  if (!request.renoise.empty() && request.renoise.size() + 1 < request.times.size())
    throw Error(ErrorCode::config, "renoise: expected one noise for each step but the last");
  SamplingPlan plan{request.times, request.sde, request.guidance, request.interval_from, request.interval_to};
  std::vector<double> x = request.noise != nullptr ? std::vector<double>(request.noise, request.noise + count)
                                                   : drawn_noise(request.seed, 0, count);
  std::vector<double> both;
  SampleRequest negative = request;
  negative.condition = request.negative;
  negative.tokens = request.negative_tokens;
  int step = 0;
  auto velocity = [&](const std::vector<double>& at, double t, std::vector<double>& v, std::vector<double>* null_v) {
    const Active active = active_in(step++, static_cast<int>(request.times.size()));
    auto one = [&](const SampleRequest& words, std::vector<double>& out) {
      Pass& pass = pass_for(1, words.frames, words.tokens, active);
      load(pass, words);
      run(pass, at, t, out);
    };
    if (null_v == nullptr || request.negative != nullptr) {
      one(request, v);
      if (null_v != nullptr) one(negative, *null_v);  // words of another length: a pass of its own
      return;
    }
    Pass& pass = pass_for(2, request.frames, request.tokens, active);
    load(pass, request);
    run(pass, at, t, both);
    v.assign(both.begin(), both.begin() + static_cast<std::ptrdiff_t>(count));
    null_v->assign(both.begin() + static_cast<std::ptrdiff_t>(count), both.end());
  };
  auto fresh = [&](int step, std::vector<double>& noise) {
    if (request.renoise.empty()) {
      noise = drawn_noise(request.seed, step + 1, count);
      return;
    }
    const float* given = request.renoise[static_cast<size_t>(step)];
    noise.assign(given, given + count);
  };
  integrate(x, {1, request.frames, channels}, plan, velocity, fresh, on_step);
  return std::vector<float>(x.begin(), x.end());
}

std::vector<float> Sampler::velocity(const float* latents, double t, const SampleRequest& request) {
  check(request);
  const size_t count = static_cast<size_t>(request.frames * decoder_.config().audio_acoustic_hidden_dim);
  Pass& pass = pass_for(1, request.frames, request.tokens, Active(adapters_.size(), true));
  load(pass, request);
  std::vector<double> v;
  run(pass, std::vector<double>(latents, latents + count), t, v);
  return std::vector<float>(v.begin(), v.end());
}

}  // namespace ace
