#include <napi.h>

#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/models.h"
#include "binding/promise_job.h"
#include "binding/results.h"
#include "binding/settings.h"

namespace ace::binding {

std::unique_ptr<Decoder> read_decoder(Device& device, const std::string& folder, int64_t max_layers) {
  const ModelConfig config = ModelConfig::load(folder);
  // What each backend trains in.
  const DType dtype = device.kind() == DeviceKind::cuda ? DType::bf16 : DType::f32;
  return std::make_unique<Decoder>(config, std::make_unique<CheckpointWeights>(device, folder, "decoder."), dtype, max_layers);
}

namespace {

// openDecoder(device, folder: string, layers: number): Promise<{ handle, config }>
Napi::Value open_decoder(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto device = Handle<DeviceThread>::of(info[0], "device");
  const std::string folder = info[1].As<Napi::String>();
  const int64_t layers = info[2].IsNumber() ? info[2].As<Napi::Number>().Int64Value() : 0;
  return run_job<std::shared_ptr<LoadedDecoder>>(
      env, device, {},
      [device, folder, layers] {
        auto out = std::make_shared<LoadedDecoder>();
        out->device = device;
        Device& at = device->device();
        out->decoder = read_decoder(at, folder, layers);
        CpuDevice host(1);
        CheckpointWeights root(host, folder, "");
        const int64_t width = out->decoder->config().encoder_hidden_size;
        const Tensor values = root.converted("null_condition_emb", {1, 1, width}, DType::f32);
        out->null_values.assign(values.as<float>(), values.as<float>() + width);
        out->null_condition = Storage(at, {width}, out->decoder->dtype(), "null condition");
        upload(at, out->null_condition.tensor(), converted(values, out->decoder->dtype()).tensor());
        return out;
      },
      [](Napi::Env e, std::shared_ptr<LoadedDecoder>& loaded) -> Napi::Value {
        Napi::Object out = Napi::Object::New(e);
        out.Set("handle", Handle<LoadedDecoder>::wrap(e, loaded));
        out.Set("config", to_model_config(e, loaded->decoder->config()));
        out.Set("nullCondition", to_float_array(e, loaded->null_values.data(), loaded->null_values.size()));
        Napi::Array names = Napi::Array::New(e);
        for (const AdapterTarget& target : loaded->decoder->targets()) names.Set(names.Length(), target.path);
        out.Set("moduleNames", names);
        out.Set("weightBytes", static_cast<double>(loaded->decoder->weight_bytes()));
        return out;
      });
}

// readModelConfig(folder): ModelConfig without its fingerprint
Napi::Value read_model_config(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string folder = info[0].As<Napi::String>();
  return guarded(env, [&]() -> Napi::Value { return to_model_config(env, ModelConfig::load(folder)); });
}

// planMemory(device, folder, request): Promise<MemoryPlan>; for a device of request.kind, which need not be here
Napi::Value plan_memory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto device = Handle<DeviceThread>::of(info[0], "device");
  const std::string folder = info[1].As<Napi::String>();
  const Napi::Object request = info[2].As<Napi::Object>();
  const AdapterConfig adapter = to_adapter_config(object_at(request, "adapter"));
  const std::string kind = text(request, "kind");
  if (kind != "cpu" && kind != "cuda") throw_error(env, ErrorCode::config, "kind: expected cpu or cuda");
  SessionConfig config;
  config.recompute = to_recompute(request);
  if (has(request, "optimizer")) config.optimizer = to_optimizer_config(object_at(request, "optimizer"));
  const Napi::Object buckets = object_at(request, "buckets");
  config.bucket_tokens = whole(buckets, "decoderTokens");
  config.bucket_condition = whole(buckets, "conditionTokens");
  config.packed = has(request, "padding") && text(request, "padding") == "packed";
  const int64_t batch = whole(request, "batch"), frames = whole(request, "frames");
  const int64_t tokens = whole(request, "conditionTokens");
  const int64_t dataset = whole_or(request, "datasetBytes", 0);
  if (batch < 1 || frames < 1 || tokens < 1 || batch > 4096 || frames > (1 << 24) || tokens > (1 << 20))
    throw_error(env, ErrorCode::config, "plan: batch, frames and conditionTokens must be positive");
  return run_job<MemoryPlan>(
      env, device, {},
      [=] {
        PlanningDevice planning(kind == "cuda" ? DeviceKind::cuda : DeviceKind::cpu);
        const std::unique_ptr<Decoder> decoder = read_decoder(planning, folder, 0);
        return plan_training(*decoder, adapter, config, batch, frames, tokens, dataset, device->threads());
      },
      [](Napi::Env e, MemoryPlan& plan) -> Napi::Value { return to_memory_plan(e, plan); });
}

}  // namespace

void define_decoder(Napi::Env env, Napi::Object exports) {
  Handle<LoadedDecoder>::define(env, "NativeDecoder");
  exports.Set("openDecoder", Napi::Function::New(env, open_decoder, "openDecoder"));
  exports.Set("readModelConfig", Napi::Function::New(env, read_model_config, "readModelConfig"));
  exports.Set("planMemory", Napi::Function::New(env, plan_memory, "planMemory"));
}

}  // namespace ace::binding
