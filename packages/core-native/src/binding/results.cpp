#include "binding/results.h"

#include <algorithm>

namespace ace::binding {

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

}  // namespace ace::binding
