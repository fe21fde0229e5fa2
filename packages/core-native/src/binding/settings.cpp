#include "binding/settings.h"

#include <cmath>
#include <map>
#include <string>

#include "binding/convert.h"

namespace ace::binding {

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
  config.factor = whole_or(object, "factor", -1);
  config.decompose_both = flag_or(object, "decomposeBoth", false);
  config.full_matrix = flag_or(object, "fullMatrix", false);
  config.weight_decompose = flag_or(object, "weightDecompose", false);
  config.rank_dropout = number_or(object, "rankDropout", 0);
  config.rank_dropout_scale = flag_or(object, "rankDropoutScale", false);
  return config;
}

RecomputePolicy to_recompute(const Napi::Object& object) {
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
  config.seed = static_cast<uint64_t>(whole(object, "seed"));
  const Napi::Object optimizer = object_at(object, "optimizer");
  config.optimizer = to_optimizer_config(optimizer);
  config.optimizer.max_grad_norm = number(object, "maxGradNorm");
  config.rules = to_parameter_rules(object);
  config.resident_bytes = whole_or(object, "residentBytes", -1);
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
  config.bucket_tokens = whole(buckets, "decoderTokens");
  config.bucket_condition = whole(buckets, "conditionTokens");
  config.official_padding = text(object, "padding") == "official";
  config.packed = text(object, "padding") == "packed";
  return config;
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
      ref.sample = whole(object, "sample");
      ref.key = static_cast<uint64_t>(whole(object, "key"));
      ref.start = whole_or(object, "start", 0);
      ref.frames = whole_or(object, "frames", -1);
      ref.variant = whole_or(object, "variant", 0);
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
