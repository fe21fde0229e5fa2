#include "binding/convert.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

namespace ace::binding {

namespace {
[[noreturn]] void refuse(const Napi::Env& env, const std::string& key, const char* expected) {
  throw_error(env, ErrorCode::config, key + ": expected " + expected);
}
}  // namespace

bool has(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  return !value.IsUndefined() && !value.IsNull();
}

double number(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsNumber()) refuse(object.Env(), key, "a number");
  return value.As<Napi::Number>().DoubleValue();
}

double number_or(const Napi::Object& object, const char* key, double otherwise) {
  return has(object, key) ? number(object, key) : otherwise;
}

bool flag_or(const Napi::Object& object, const char* key, bool otherwise) {
  if (!has(object, key)) return otherwise;
  const Napi::Value value = object.Get(key);
  if (!value.IsBoolean()) refuse(object.Env(), key, "true or false");
  return value.As<Napi::Boolean>().Value();
}

std::string text(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsString()) refuse(object.Env(), key, "a string");
  return value.As<Napi::String>().Utf8Value();
}

Napi::Object object_at(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsObject()) refuse(object.Env(), key, "an object");
  return value.As<Napi::Object>();
}

FloatView floats(const Napi::Value& value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array)
    refuse(value.Env(), what, "a Float32Array");
  const Napi::Float32Array array = value.As<Napi::Float32Array>();
  return {array.Data(), static_cast<int64_t>(array.ElementLength())};
}

int64_t rows_of(const FloatView& view, int64_t width, const char* what) {
  if (view.count % width != 0)
    throw_shape(std::string(what) + ": " + std::to_string(view.count) + " numbers are not whole rows of " + std::to_string(width));
  return view.count / width;
}

Napi::Value to_float_array(Napi::Env env, const float* data, size_t count) {
  Napi::Float32Array out = Napi::Float32Array::New(env, count);
  if (count > 0) std::memcpy(out.Data(), data, count * sizeof(float));
  return out;
}

namespace {

Napi::ArrayBuffer handed_over(Napi::Env env, void* data, size_t bytes, std::shared_ptr<void> owner) {
  if (bytes == 0) return Napi::ArrayBuffer::New(env, 0);
  auto* held = new std::shared_ptr<void>(std::move(owner));
  napi_value value = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      env, data, bytes, [](napi_env, void*, void* hint) { delete static_cast<std::shared_ptr<void>*>(hint); }, held, &value);
  if (status == napi_ok) return Napi::ArrayBuffer(env, value);
  // Runtimes that keep all of JavaScript's memory in one cage, as Electron's, take no memory from outside.
  Napi::ArrayBuffer copy = Napi::ArrayBuffer::New(env, bytes);
  std::memcpy(copy.Data(), data, bytes);
  delete held;
  return copy;
}

}  // namespace

Napi::Object to_host_tensor(Napi::Env env, DType dtype, const Shape& shape, void* data, std::shared_ptr<void> owner) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("dtype", dtype == DType::f64 ? "F64" : dtype == DType::u8 ? "U8" : "F32");
  Napi::Array axes = Napi::Array::New(env, static_cast<size_t>(shape.rank()));
  for (int i = 0; i < shape.rank(); ++i) axes.Set(static_cast<uint32_t>(i), static_cast<double>(shape[i]));
  out.Set("shape", axes);
  const size_t bytes = static_cast<size_t>(shape.elements()) * size_of(dtype);
  out.Set("data", Napi::Uint8Array::New(env, bytes, handed_over(env, data, bytes, std::move(owner)), 0));
  return out;
}

HostState host_state(const Napi::Object& tensor, const std::string& name) {
  static const std::map<std::string, DType> dtypes = {{"F64", DType::f64}, {"F32", DType::f32}, {"U8", DType::u8}};
  const auto dtype = dtypes.find(text(tensor, "dtype"));
  if (dtype == dtypes.end()) refuse(tensor.Env(), name, "float64, float32 or bytes");
  const Napi::Value data = tensor.Get("data");
  if (!data.IsTypedArray() || data.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) refuse(tensor.Env(), name + ".data", "a Uint8Array");
  const Napi::Uint8Array bytes = data.As<Napi::Uint8Array>();
  const size_t each = size_of(dtype->second);
  if (bytes.ByteLength() % each != 0) refuse(tensor.Env(), name + ".data", "whole numbers of its dtype");
  return {dtype->second, static_cast<int64_t>(bytes.ByteLength() / each), bytes.Data()};
}

AdapterConfig to_adapter_config(const Napi::Object& object) {
  const Napi::Env env = object.Env();
  AdapterConfig config;
  const std::string kind = text(object, "kind");
  if (kind == "lora") config.kind = AdapterKind::lora;
  else if (kind == "dora") config.kind = AdapterKind::dora;
  else if (kind == "lokr") config.kind = AdapterKind::lokr;
  else if (kind == "loha") config.kind = AdapterKind::loha;
  else if (kind == "probe") config.kind = AdapterKind::probe;
  else refuse(env, "adapter.kind", "lora, dora, lokr, loha or probe");
  const double rank = number(object, "rank");
  if (rank != std::floor(rank) || rank < 1 || rank > 4096) refuse(env, "rank", "a whole number from 1 to 4096");
  config.rank = static_cast<int64_t>(rank);
  config.alpha = number(object, "alpha");
  const Napi::Value targets = object.Get("targetModules");
  if (!targets.IsArray()) refuse(env, "targetModules", "a list of module names");
  const Napi::Array names = targets.As<Napi::Array>();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const Napi::Value value = names.Get(i);
    if (!value.IsString()) refuse(env, "targetModules", "a list of module names");
    config.target_modules.push_back(value.As<Napi::String>().Utf8Value());
  }
  auto pattern = [&](const char* key, auto store) {
    if (!has(object, key)) return;
    const Napi::Object map = object_at(object, key);
    const Napi::Array keys = map.GetPropertyNames();
    for (uint32_t i = 0; i < keys.Length(); ++i) {
      const std::string module = keys.Get(i).As<Napi::String>().Utf8Value();
      store(module, number(map, module.c_str()));
    }
  };
  pattern("rankPattern", [&](const std::string& module, double value) {
    if (value != std::floor(value) || value < 1 || value > 4096) refuse(env, "rankPattern", "whole numbers from 1 to 4096");
    config.rank_pattern.emplace_back(module, static_cast<int64_t>(value));
  });
  pattern("alphaPattern", [&](const std::string& module, double value) { config.alpha_pattern.emplace_back(module, value); });
  config.dropout = number_or(object, "dropout", 0);
  config.rs_lora = flag_or(object, "rsLora", false);
  config.factor = static_cast<int64_t>(number_or(object, "factor", -1));
  config.decompose_both = flag_or(object, "decomposeBoth", false);
  config.full_matrix = flag_or(object, "fullMatrix", false);
  config.weight_decompose = flag_or(object, "weightDecompose", false);
  config.rank_dropout = number_or(object, "rankDropout", 0);
  config.rank_dropout_scale = flag_or(object, "rankDropoutScale", false);
  return config;
}

Recompute to_recompute(const Napi::Object& object) {
  return guarded(object.Env(), [&] { return recompute_named(text(object, "recompute")); });
}

OptimizerConfig to_optimizer_config(const Napi::Object& object) {
  static const std::map<std::string, OptimizerKind> kinds = {
      {"adamw", OptimizerKind::adamw},     {"adamw8bit", OptimizerKind::adamw8bit},        {"adafactor", OptimizerKind::adafactor},
      {"prodigy", OptimizerKind::prodigy}, {"lion", OptimizerKind::lion}, {"schedulefree", OptimizerKind::schedule_free},
      {"muon", OptimizerKind::muon}};
  OptimizerConfig config;
  const auto kind = kinds.find(text(object, "kind"));
  if (kind == kinds.end()) refuse(object.Env(), "optimizer.kind", "adamw, adamw8bit, adafactor, prodigy, lion, schedulefree or muon");
  config.kind = kind->second;
  config.weight_decay = number(object, "weightDecay");
  config.ema_decay = number_or(object, "emaDecay", 0);
  if (config.kind == OptimizerKind::adafactor) {
    AdafactorSpec& spec = config.adafactor;
    spec.decay_exponent = number(object, "decayExponent");
    spec.clip_threshold = number(object, "clipThreshold");
    spec.squares_epsilon = number(object, "squaresEpsilon");
    spec.scale_epsilon = number(object, "scaleEpsilon");
    spec.beta1 = number(object, "beta1");
    spec.scale_parameter = flag_or(object, "scaleParameter", false);
    spec.relative_step = flag_or(object, "relativeStep", false);
    return config;
  }
  config.beta1 = number(object, "beta1");
  config.beta2 = number(object, "beta2");
  if (config.kind != OptimizerKind::lion) config.epsilon = number(object, "epsilon");
  if (config.kind == OptimizerKind::prodigy) {
    ProdigySpec& spec = config.prodigy;
    spec.initial = number(object, "initialDistance");
    spec.coefficient = number(object, "distanceCoefficient");
    spec.growth = number_or(object, "growthRate", INFINITY);
    spec.beta3 = number_or(object, "beta3", 0);
    spec.safeguard_warmup = flag_or(object, "safeguardWarmup", true);
    spec.bias_correction = flag_or(object, "biasCorrection", true);
  }
  if (config.kind == OptimizerKind::muon) {
    config.muon.momentum = number(object, "momentum");
    config.muon.nesterov = flag_or(object, "nesterov", true);
    config.muon.match_adamw = flag_or(object, "matchAdamw", true);
  }
  return config;
}

ParameterRules to_parameter_rules(const Napi::Object& object) {
  ParameterRules rules;
  rules.b_ratio = number_or(object, "loraPlusRatio", 1);
  rules.decay_vectors = flag_or(object, "decayVectors", false);
  if (!has(object, "learningRatePattern")) return rules;
  const Napi::Object map = object_at(object, "learningRatePattern");
  const Napi::Array names = map.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string module = names.Get(i).As<Napi::String>().Utf8Value();
    rules.rates.emplace_back(module, number(map, module.c_str()));
  }
  return rules;
}

// Ranges are checked by the session.
LossWeighting to_loss_weighting(const Napi::Object& object) {
  const Napi::Env env = object.Env();
  LossWeighting weighting;
  const std::string kind = text(object, "law");
  if (kind == "min-snr" || kind == "min-snr-inverse") {
    weighting.kind = kind == "min-snr" ? LossWeighting::Kind::min_snr : LossWeighting::Kind::min_snr_inverse;
    weighting.gamma = number(object, "gamma");
  } else if (kind == "table") {
    weighting.kind = LossWeighting::Kind::table;
    const Napi::Value list = object.Get("points");
    if (!list.IsArray()) refuse(env, "lossWeighting.points", "a list of [timestep, weight]");
    for (uint32_t i = 0; i < list.As<Napi::Array>().Length(); ++i) {
      const Napi::Value point = list.As<Napi::Array>().Get(i);
      if (!point.IsArray() || point.As<Napi::Array>().Length() != 2 || !point.As<Napi::Array>().Get(0u).IsNumber() ||
          !point.As<Napi::Array>().Get(1u).IsNumber())
        refuse(env, "lossWeighting.points", "a list of [timestep, weight]");
      const Napi::Array pair = point.As<Napi::Array>();
      weighting.points.emplace_back(pair.Get(0u).As<Napi::Number>().DoubleValue(), pair.Get(1u).As<Napi::Number>().DoubleValue());
    }
  } else if (kind != "none") {
    refuse(env, "lossWeighting.law", "none, min-snr, min-snr-inverse or table");
  }
  return weighting;
}

SessionConfig to_session_config(const Napi::Object& object) {
  const Napi::Env env = object.Env();
  SessionConfig config;
  config.seed = static_cast<uint64_t>(number(object, "seed"));
  const Napi::Object optimizer = object_at(object, "optimizer");
  config.optimizer = to_optimizer_config(optimizer);
  config.optimizer.max_grad_norm = number(object, "maxGradNorm");
  config.rules = to_parameter_rules(object);
  config.resident_bytes = static_cast<int64_t>(number_or(object, "residentBytes", -1));
  const Napi::Object law = object_at(object, "timesteps");
  const std::string kind = text(law, "law");
  if (kind == "logit-normal-max2" || kind == "logit-normal") {
    config.timesteps.kind = kind == "logit-normal" ? TimestepLaw::Kind::logit_normal : TimestepLaw::Kind::logit_normal_max2;
    config.timesteps.mu = number(law, "mu");
    config.timesteps.sigma = number(law, "sigma");
  } else if (kind == "uniform") {
    config.timesteps.kind = TimestepLaw::Kind::uniform;
    config.timesteps.low = number(law, "low");
    config.timesteps.high = number(law, "high");
  } else if (kind == "discrete") {
    config.timesteps.kind = TimestepLaw::Kind::discrete;
    const Napi::Value table = law.Get("table");
    if (!table.IsArray()) refuse(env, "timesteps.table", "a list of numbers");
    const Napi::Array values = table.As<Napi::Array>();
    for (uint32_t i = 0; i < values.Length(); ++i) {
      const Napi::Value value = values.Get(i);
      if (!value.IsNumber()) refuse(env, "timesteps.table", "a list of numbers");
      config.timesteps.table.push_back(value.As<Napi::Number>().DoubleValue());
    }
  } else {
    refuse(env, "timesteps.law", "logit-normal-max2, logit-normal, uniform or discrete");
  }
  config.round_timesteps = text(object, "timestepRounding") == "bf16";
  config.condition_dropout = number(object, "conditionDropout");
  if (has(object, "lossWeighting")) config.loss_weighting = to_loss_weighting(object_at(object, "lossWeighting"));
  config.recompute = to_recompute(object);
  const Napi::Object buckets = object_at(object, "buckets");
  config.bucket_tokens = static_cast<int64_t>(number(buckets, "decoderTokens"));
  config.bucket_condition = static_cast<int64_t>(number(buckets, "conditionTokens"));
  config.official_padding = text(object, "padding") == "official";
  config.packed = text(object, "padding") == "packed";
  return config;
}

Napi::Object to_model_config(Napi::Env env, const ModelConfig& c) {
  Napi::Object out = Napi::Object::New(env);
  auto set = [&out](const char* key, int64_t value) { out.Set(key, static_cast<double>(value)); };
  set("hiddenSize", c.hidden_size);
  set("encoderHiddenSize", c.encoder_hidden_size);
  set("intermediateSize", c.intermediate_size);
  set("layers", c.num_hidden_layers);
  set("heads", c.num_attention_heads);
  set("kvHeads", c.num_key_value_heads);
  set("headDim", c.head_dim);
  set("slidingWindow", c.sliding_window);
  set("textHiddenSize", c.text_hidden_dim);
  set("timbreFrames", c.timbre_fix_frame);
  set("patchSize", c.patch_size);
  set("latentChannels", c.audio_acoustic_hidden_dim);
  out.Set("timestepMu", c.timestep_mu);
  out.Set("timestepSigma", c.timestep_sigma);
  out.Set("isTurbo", c.is_turbo);
  out.Set("modelVersion", c.model_version);
  out.Set("isXl", c.is_xl);
  return out;
}

Napi::Object to_memory_plan(Napi::Env env, const MemoryPlan& plan) {
  Napi::Object out = Napi::Object::New(env);
  auto set = [&out](const char* key, int64_t value) { out.Set(key, static_cast<double>(value)); };
  set("weightBytes", plan.weight_bytes);
  set("arenaBytes", plan.arena_bytes);
  set("adapterBytes", plan.adapter_bytes);
  set("gradientBytes", plan.gradient_bytes);
  set("optimizerBytes", plan.optimizer_bytes);
  set("datasetBytes", plan.dataset_bytes);
  set("scratchBytes", plan.scratch_bytes);
  set("totalBytes", plan.total());
  set("flopsPerMicroBatch", plan.flops);
  return out;
}

Napi::Object to_step_result(Napi::Env env, const StepResult& result, double milliseconds) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("loss", result.loss);
  out.Set("gradNorm", result.grad_norm);
  out.Set("skipped", result.skipped);
  Napi::Array samples = Napi::Array::New(env, result.samples.size());
  for (size_t i = 0; i < result.samples.size(); ++i) {
    Napi::Object sample = Napi::Object::New(env);
    sample.Set("loss", result.samples[i].loss);
    sample.Set("timestep", result.samples[i].timestep);
    sample.Set("conditionDropped", result.samples[i].condition_dropped);
    samples.Set(static_cast<uint32_t>(i), sample);
  }
  out.Set("samples", samples);
  if (!result.module_norms.empty()) {
    Napi::Float64Array norms = Napi::Float64Array::New(env, result.module_norms.size());
    std::copy(result.module_norms.begin(), result.module_norms.end(), norms.Data());
    out.Set("moduleNorms", norms);
  }
  out.Set("milliseconds", milliseconds);
  return out;
}

std::vector<MicroBatch> to_micro_batches(const Napi::Value& value, std::vector<Napi::Value>& keep) {
  const Napi::Env env = value.Env();
  if (!value.IsArray()) refuse(env, "microBatches", "a list of lists");
  std::vector<MicroBatch> out;
  const Napi::Array outer = value.As<Napi::Array>();
  for (uint32_t i = 0; i < outer.Length(); ++i) {
    const Napi::Value batch_value = outer.Get(i);
    if (!batch_value.IsArray()) refuse(env, "microBatches", "a list of lists");
    const Napi::Array inner = batch_value.As<Napi::Array>();
    MicroBatch batch;
    for (uint32_t j = 0; j < inner.Length(); ++j) {
      const Napi::Value ref_value = inner.Get(j);
      if (!ref_value.IsObject()) refuse(env, "microBatches", "lists of samples");
      const Napi::Object object = ref_value.As<Napi::Object>();
      SampleRef ref;
      ref.sample = static_cast<int64_t>(number(object, "sample"));
      ref.key = static_cast<uint64_t>(static_cast<int64_t>(number(object, "key")));
      ref.start = static_cast<int64_t>(number_or(object, "start", 0));
      ref.frames = static_cast<int64_t>(number_or(object, "frames", -1));
      ref.variant = static_cast<int64_t>(number_or(object, "variant", 0));
      ref.timestep = number_or(object, "timestep", -1);
      ref.weight = number_or(object, "weight", 1);
      if (has(object, "dropCondition")) ref.drop_condition = flag_or(object, "dropCondition", false) ? 1 : 0;
      if (has(object, "noise")) {
        const Napi::Value noise = object.Get("noise");
        const FloatView view = floats(noise, "noise");
        ref.noise = view.data;
        ref.noise_count = view.count;
        keep.push_back(noise);
      }
      batch.push_back(ref);
    }
    out.push_back(std::move(batch));
  }
  return out;
}

}  // namespace ace::binding
