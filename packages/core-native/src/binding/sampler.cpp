#include "train/sampler.h"

#include <napi.h>

#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/models.h"
#include "binding/promise_job.h"
#include "train/sampling.h"

namespace ace::binding {

namespace {

// openSampler(decoder, adapters: { adapter, scale }[]): handle
Napi::Value open_sampler(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto decoder = Handle<LoadedDecoder>::of(info[0], "decoder");
  const Napi::Array list = info[1].As<Napi::Array>();
  std::vector<SamplerAdapter> adapters;
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Object entry = list.Get(i).As<Napi::Object>();
    auto loaded = Handle<LoadedAdapter>::of(entry.Get("adapter"), "adapter");
    if (loaded->decoder != decoder) throw_error(env, ErrorCode::config, "an adapter was made for another decoder");
    SamplerAdapter use{loaded->adapter, number(entry, "scale"), {}};
    if (has(entry, "moduleScales")) {
      const Napi::Array scales = entry.Get("moduleScales").As<Napi::Array>();
      for (uint32_t j = 0; j < scales.Length(); ++j) use.strengths.push_back(scales.Get(j).As<Napi::Number>().DoubleValue());
    }
    use.from = number_or(entry, "from", 0);
    use.to = number_or(entry, "to", 1);
    adapters.push_back(std::move(use));
  }
  return guarded(env, [&] {
    auto out = std::make_shared<OpenSampler>();
    out->decoder = decoder;
    out->sampler = std::make_unique<Sampler>(*decoder->decoder, decoder->null_condition.tensor(), std::move(adapters));
    return Handle<OpenSampler>::wrap(env, std::move(out));
  });
}

SampleRequest to_request(const Napi::Object& object, const ModelConfig& config, std::vector<Napi::Value>& keep) {
  auto view = [&](const Napi::Value& value, const char* what) {
    keep.push_back(value);
    return floats(value, what);
  };
  SampleRequest request;
  const FloatView condition = view(object.Get("condition"), "condition"), context = view(object.Get("contextLatents"), "contextLatents");
  request.condition = condition.data;
  request.tokens = rows_of(condition, config.encoder_hidden_size, "condition");
  request.context = context.data;
  request.frames = rows_of(context, 2 * config.audio_acoustic_hidden_dim, "contextLatents");
  auto noise = [&](const Napi::Value& value, const char* what) {
    const FloatView numbers = view(value, what);
    if (rows_of(numbers, config.audio_acoustic_hidden_dim, what) != request.frames)
      throw_shape(std::string(what) + ": expected " + std::to_string(request.frames) + " frames like contextLatents");
    return numbers.data;
  };
  if (has(object, "negative")) {
    const FloatView negative = view(object.Get("negative"), "negative");
    request.negative = negative.data;
    request.negative_tokens = rows_of(negative, config.encoder_hidden_size, "negative");
  }
  if (has(object, "noise")) request.noise = noise(object.Get("noise"), "noise");
  if (has(object, "renoise")) {
    const Napi::Array list = object.Get("renoise").As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); ++i) request.renoise.push_back(noise(list.Get(i), "renoise"));
  }
  return request;
}

// samplerSample(sampler, request, onStep?): Promise<Float32Array> [frames, 64]
Napi::Value sample(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto open = Handle<OpenSampler>::of(info[0], "sampler");
  const Napi::Object object = info[1].As<Napi::Object>();
  std::vector<Napi::Value> keep;
  return guarded(env, [&]() -> Napi::Value {
    SampleRequest request = to_request(object, open->decoder->decoder->config(), keep);
    request.seed = static_cast<uint64_t>(whole(object, "seed"));
    const Napi::Value times = object.Get("times");
    if (!times.IsArray()) throw Error(ErrorCode::config, "times: expected a list of numbers");
    for (uint32_t i = 0; i < times.As<Napi::Array>().Length(); ++i) {
      const Napi::Value value = times.As<Napi::Array>().Get(i);
      if (!value.IsNumber()) throw Error(ErrorCode::config, "times: expected a list of numbers");
      request.times.push_back(value.As<Napi::Number>().DoubleValue());
    }
    request.sde = text(object, "method") == "sde";
    request.guidance.scale = number_or(object, "guidance", request.guidance.scale);
    request.guidance.momentum = number_or(object, "guidanceMomentum", request.guidance.momentum);
    request.guidance.limit = number_or(object, "guidanceLimit", request.guidance.limit);
    request.guidance.parallel = number_or(object, "guidanceParallel", request.guidance.parallel);
    if (has(object, "guidanceInterval")) {
      const Napi::Array interval = object.Get("guidanceInterval").As<Napi::Array>();
      request.interval_from = interval.Get(0u).As<Napi::Number>().DoubleValue();
      request.interval_to = interval.Get(1u).As<Napi::Number>().DoubleValue();
    }
    const Progress progress(env, info[2]);
    return run_job<std::vector<float>>(
        env, open->decoder->device, keep,
        [open, request, progress] {
          struct Finish {
            const Progress& progress;
            ~Finish() { progress.finish(); }
          } finish{progress};
          return open->sampler->sample(request, [&](int done, int total) { progress(done, total); });
        },
        [](Napi::Env e, std::vector<float>& latents) { return to_float_array(e, latents.data(), latents.size()); });
  });
}

// samplerVelocity(sampler, { latents, timestep, condition, contextLatents }): Promise<Float32Array>
Napi::Value velocity(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto open = Handle<OpenSampler>::of(info[0], "sampler");
  const Napi::Object object = info[1].As<Napi::Object>();
  std::vector<Napi::Value> keep;
  return guarded(env, [&]() -> Napi::Value {
    const ModelConfig& config = open->decoder->decoder->config();
    const SampleRequest request = to_request(object, config, keep);
    keep.push_back(object.Get("latents"));
    const FloatView latents = floats(object.Get("latents"), "latents");
    if (rows_of(latents, config.audio_acoustic_hidden_dim, "latents") != request.frames)
      throw_shape("latents: expected " + std::to_string(request.frames) + " frames like contextLatents");
    const double t = number(object, "timestep");
    return run_job<std::vector<float>>(
        env, open->decoder->device, keep, [open, latents, t, request] { return open->sampler->velocity(latents.data, t, request); },
        [](Napi::Env e, std::vector<float>& v) { return to_float_array(e, v.data(), v.size()); });
  });
}

// shiftedTimes(shift, steps): number[]
Napi::Value times(const Napi::CallbackInfo& info) {
  const std::vector<double> values = guarded(info.Env(), [&] {
    return shifted_times(info[0].As<Napi::Number>().DoubleValue(), info[1].As<Napi::Number>().Int32Value());
  });
  Napi::Array out = Napi::Array::New(info.Env(), values.size());
  for (size_t i = 0; i < values.size(); ++i) out.Set(static_cast<uint32_t>(i), values[i]);
  return out;
}

}  // namespace

void define_sampler(Napi::Env env, Napi::Object exports) {
  Handle<OpenSampler>::define(env, "NativeSampler");
  exports.Set("openSampler", Napi::Function::New(env, open_sampler, "openSampler"));
  exports.Set("samplerSample", Napi::Function::New(env, sample, "samplerSample"));
  exports.Set("samplerVelocity", Napi::Function::New(env, velocity, "samplerVelocity"));
  exports.Set("shiftedTimes", Napi::Function::New(env, times, "shiftedTimes"));
}

}  // namespace ace::binding
