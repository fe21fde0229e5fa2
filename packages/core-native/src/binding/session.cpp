#include "train/session.h"

#include <napi.h>

#include <chrono>
#include <cstring>

#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/models.h"
#include "binding/promise_job.h"
#include "binding/results.h"
#include "binding/settings.h"

namespace ace::binding {

namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// openSession(decoder, adapter, config): Promise<handle>
Napi::Value open_session(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto decoder = Handle<LoadedDecoder>::of(info[0], "decoder");
  auto adapter = Handle<LoadedAdapter>::of(info[1], "adapter");
  if (adapter->decoder != decoder) throw_error(env, ErrorCode::config, "the adapter was made for another decoder");
  const SessionConfig config = to_session_config(info[2].As<Napi::Object>());
  return run_job<std::shared_ptr<OpenSession>>(
      env, decoder->device, {},
      [decoder, adapter, config] {
        auto out = std::make_shared<OpenSession>();
        out->decoder = decoder;
        out->adapter = adapter;
        out->session = std::make_unique<TrainSession>(*decoder->decoder, *adapter->adapter, decoder->null_condition.tensor(), config);
        return out;
      },
      [](Napi::Env e, std::shared_ptr<OpenSession>& session) { return Handle<OpenSession>::wrap(e, session); });
}

// sessionAddSample(session, { latents, contextLatents, conditions }): Promise<number>
Napi::Value add_sample(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto open = Handle<OpenSession>::of(info[0], "session");
  const Napi::Object sample = info[1].As<Napi::Object>();
  const ModelConfig& config = open->decoder->decoder->config();
  std::vector<Napi::Value> keep;
  auto view = [&](const Napi::Value& value, const char* what) {
    keep.push_back(value);
    return floats(value, what);
  };
  return guarded(env, [&]() -> Napi::Value {
    const FloatView latents = view(sample.Get("latents"), "latents"), context = view(sample.Get("contextLatents"), "contextLatents");
    const int64_t frames = rows_of(latents, config.audio_acoustic_hidden_dim, "latents");
    if (rows_of(context, 2 * config.audio_acoustic_hidden_dim, "contextLatents") != frames)
      throw_shape("contextLatents: expected " + std::to_string(frames) + " frames like the latents");
    const Napi::Value list = sample.Get("conditions");
    if (!list.IsArray()) throw Error(ErrorCode::config, "conditions: expected a list of Float32Array");
    std::vector<std::pair<const float*, int64_t>> conditions;
    for (uint32_t i = 0; i < list.As<Napi::Array>().Length(); ++i) {
      const FloatView states = view(list.As<Napi::Array>().Get(i), "conditions");
      conditions.emplace_back(states.data, rows_of(states, config.encoder_hidden_size, "conditions"));
    }
    return run_job<int64_t>(
        env, open->decoder->device, keep,
        [open, latents, frames, context, conditions] { return open->session->add_sample(latents.data, frames, context.data, conditions); },
        [](Napi::Env e, int64_t& index) -> Napi::Value { return Napi::Number::New(e, static_cast<double>(index)); });
  });
}

struct Timed {
  StepResult result;
  double milliseconds;
};
Napi::Value to_timed(Napi::Env env, Timed& timed) { return to_step_result(env, timed.result, timed.milliseconds); }

// sessionStep(session, { step, learningRate, microBatches, moduleNorms? }): Promise<StepResult>
Napi::Value step(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto open = Handle<OpenSession>::of(info[0], "session");
  const Napi::Object input = info[1].As<Napi::Object>();
  const uint64_t index = static_cast<uint64_t>(whole(input, "step"));
  const double learning_rate = number(input, "learningRate");
  const bool module_norms = input.Get("moduleNorms").ToBoolean();
  std::vector<Napi::Value> keep;
  auto batches = to_micro_batches(input.Get("microBatches"), keep);
  return run_job<Timed>(
      env, open->decoder->device, std::move(keep),
      [open, index, learning_rate, module_norms, batches = std::move(batches)] {
        const auto start = Clock::now();
        StepResult result = open->session->step(index, learning_rate, batches, module_norms);
        return Timed{std::move(result), milliseconds_since(start)};
      },
      to_timed);
}

// sessionEvaluate(session, microBatches, seed, step): Promise<StepResult>
Napi::Value evaluate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto open = Handle<OpenSession>::of(info[0], "session");
  std::vector<Napi::Value> keep;
  auto batches = to_micro_batches(info[1], keep);
  const uint64_t seed = static_cast<uint64_t>(info[2].As<Napi::Number>().Int64Value());
  const uint64_t index = static_cast<uint64_t>(info[3].As<Napi::Number>().Int64Value());
  return run_job<Timed>(
      env, open->decoder->device, std::move(keep),
      [open, seed, index, batches = std::move(batches)] {
        const auto start = Clock::now();
        StepResult result = open->session->evaluate(seed, index, batches);
        return Timed{std::move(result), milliseconds_since(start)};
      },
      to_timed);
}

struct FlatCopies {
  std::map<std::string, Shape> shapes;
  std::map<std::string, std::vector<float>> data;
};

void copy_named(FlatCopies& out, const std::string& prefix, const Adapter& adapter, Tensor flat) {
  for (const auto& [name, tensor] : adapter.named(flat)) {
    out.shapes[prefix + name] = tensor.shape;
    std::vector<float>& data = out.data[prefix + name];
    data.resize(static_cast<size_t>(tensor.elements()));
    adapter.device().download(data.data(), tensor.data, tensor.bytes());
  }
}

Napi::Value to_flat_record(Napi::Env env, FlatCopies& copies) {
  const auto held = std::make_shared<FlatCopies>(std::move(copies));
  Napi::Object out = Napi::Object::New(env);
  for (auto& [name, data] : held->data) out.Set(name, to_host_tensor(env, DType::f32, held->shapes[name], data.data(), held));
  return out;
}

struct StateCopies {
  std::vector<std::pair<std::string, Storage>> tensors;
  std::map<std::string, double> scalars;
};

// sessionState(session): Promise<Record<string, HostTensor>>: the optimiser's tensors, and its numbers as F64 [1]
Napi::Value state(const Napi::CallbackInfo& info) {
  auto open = Handle<OpenSession>::of(info[0], "session");
  return run_job<std::shared_ptr<StateCopies>>(
      info.Env(), open->decoder->device, {},
      [open] {
        auto out = std::make_shared<StateCopies>();
        Optimizer& optimizer = open->session->optimizer();
        for (const NamedState& own : optimizer.tensors()) out->tensors.emplace_back(own.name, download(open->adapter->adapter->device(), own.tensor));
        out->scalars = optimizer.scalars();
        return out;
      },
      [](Napi::Env e, std::shared_ptr<StateCopies>& copies) -> Napi::Value {
        Napi::Object out = Napi::Object::New(e);
        for (auto& [name, copy] : copies->tensors) out.Set(name, to_host_tensor(e, copy.tensor().dtype, copy.tensor().shape, copy.data(), copies));
        for (auto& [name, value] : copies->scalars) out.Set(name, to_host_tensor(e, DType::f64, Shape{1}, &value, copies));
        return out;
      });
}

// sessionGradients(session): Promise<Record<string, HostTensor>>
Napi::Value gradients(const Napi::CallbackInfo& info) {
  auto open = Handle<OpenSession>::of(info[0], "session");
  return run_job<FlatCopies>(
      info.Env(), open->decoder->device, {},
      [open] {
        FlatCopies out;
        copy_named(out, "", *open->adapter->adapter, open->session->gradients());
        return out;
      },
      to_flat_record);
}

// sessionSetState(session, Record<string, HostTensor>): Promise<void>
Napi::Value set_state(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto open = Handle<OpenSession>::of(info[0], "session");
  const Napi::Object record = info[1].As<Napi::Object>();
  std::vector<Napi::Value> keep;
  std::map<std::string, HostState> tensors;
  std::map<std::string, double> scalars;
  const Napi::Array names = record.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).As<Napi::String>();
    const HostState view = host_state(object_at(record, name.c_str()), name);
    if (view.dtype == DType::f64) {
      if (view.count != 1) throw_error(env, ErrorCode::checkpoint, "optimizer state: " + name + ": expected one float64");
      std::memcpy(&scalars[name], view.data, sizeof(double));
      continue;
    }
    tensors[name] = view;
    keep.push_back(record.Get(name).As<Napi::Object>().Get("data"));
  }
  return run_job<Nothing>(
      env, open->decoder->device, std::move(keep),
      [open, tensors, scalars] {
        open->session->optimizer().restore(tensors, scalars);
        return Nothing{};
      },
      to_undefined);
}

// sessionMemory(session): Promise<MemoryPlan>
Napi::Value memory(const Napi::CallbackInfo& info) {
  auto open = Handle<OpenSession>::of(info[0], "session");
  return run_job<MemoryPlan>(
      info.Env(), open->decoder->device, {}, [open] { return open->session->memory(); },
      [](Napi::Env e, MemoryPlan& plan) -> Napi::Value { return to_memory_plan(e, plan); });
}

// sessionDescribe(session): Promise<string>
Napi::Value describe(const Napi::CallbackInfo& info) {
  auto open = Handle<OpenSession>::of(info[0], "session");
  return run_job<std::string>(
      info.Env(), open->decoder->device, {}, [open] { return open->session->describe(); },
      [](Napi::Env e, std::string& text) -> Napi::Value { return Napi::String::New(e, text); });
}

}  // namespace

void define_session(Napi::Env env, Napi::Object exports) {
  Handle<OpenSession>::define(env, "NativeSession");
  exports.Set("openSession", Napi::Function::New(env, open_session, "openSession"));
  exports.Set("sessionAddSample", Napi::Function::New(env, add_sample, "sessionAddSample"));
  exports.Set("sessionStep", Napi::Function::New(env, step, "sessionStep"));
  exports.Set("sessionEvaluate", Napi::Function::New(env, evaluate, "sessionEvaluate"));
  exports.Set("sessionState", Napi::Function::New(env, state, "sessionState"));
  exports.Set("sessionSetState", Napi::Function::New(env, set_state, "sessionSetState"));
  exports.Set("sessionGradients", Napi::Function::New(env, gradients, "sessionGradients"));
  exports.Set("sessionMemory", Napi::Function::New(env, memory, "sessionMemory"));
  exports.Set("sessionDescribe", Napi::Function::New(env, describe, "sessionDescribe"));
}

}  // namespace ace::binding
