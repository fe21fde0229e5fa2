#include <napi.h>

#include <cstring>

#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/models.h"
#include "binding/promise_job.h"
#include "binding/results.h"
#include "model/audio_tokenizer.h"
#include "model/condition_encoder.h"
#include "model/host_view.h"

namespace ace::binding {

namespace {

struct LoadedEncoder {
  std::shared_ptr<DeviceThread> device;
  std::unique_ptr<ConditionEncoder> encoder;
};

struct LoadedTokenizer {
  std::shared_ptr<DeviceThread> device;
  std::unique_ptr<AudioTokenizer> tokenizer;
};

// { handle, config } of a model that was loaded.
template <class T>
Napi::Value loaded_object(Napi::Env env, std::shared_ptr<T>& loaded, const ModelConfig& config) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("handle", Handle<T>::wrap(env, loaded));
  out.Set("config", to_model_config(env, config));
  return out;
}

// openConditionEncoder(device, folder): Promise<{ handle, config }>
Napi::Value open_encoder(const Napi::CallbackInfo& info) {
  auto device = Handle<DeviceThread>::of(info[0], "device");
  const std::string folder = info[1].As<Napi::String>();
  return run_job<std::shared_ptr<LoadedEncoder>>(
      info.Env(), device, {},
      [device, folder] {
        auto out = std::make_shared<LoadedEncoder>();
        out->device = device;
        out->encoder = std::make_unique<ConditionEncoder>(ModelConfig::load(folder), std::make_unique<CheckpointWeights>(device->device(), folder, "encoder."), DType::f32);
        return out;
      },
      [](Napi::Env env, std::shared_ptr<LoadedEncoder>& loaded) { return loaded_object(env, loaded, loaded->encoder->config()); });
}

struct ByteView {
  const uint8_t* data = nullptr;
  int64_t count = 0;
};

ByteView mask_at(const Napi::Object& request, const char* key, std::vector<Napi::Value>& keep) {
  if (!has(request, key)) return {};
  const Napi::Value value = request.Get(key);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw_error(request.Env(), ErrorCode::config, std::string(key) + ": expected a Uint8Array");
  keep.push_back(value);
  const Napi::Uint8Array array = value.As<Napi::Uint8Array>();
  return {array.Data(), static_cast<int64_t>(array.ElementLength())};
}

// encodeCondition(encoder, { text, textMask?, lyrics, lyricMask?, timbre }): Promise<{ hiddenStates, tokens, validTokens }>
Napi::Value encode(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto loaded = Handle<LoadedEncoder>::of(info[0], "condition encoder");
  const Napi::Object request = info[1].As<Napi::Object>();
  std::vector<Napi::Value> keep;
  auto view = [&](const Napi::Value& value, const char* what) {
    keep.push_back(value);
    return floats(value, what);
  };
  const FloatView text = view(request.Get("text"), "text"), lyrics = view(request.Get("lyrics"), "lyrics");
  const ByteView text_mask = mask_at(request, "textMask", keep), lyric_mask = mask_at(request, "lyricMask", keep);
  const Napi::Value clips = request.Get("timbre");
  if (!clips.IsArray()) throw_error(env, ErrorCode::config, "timbre: expected a list of Float32Array");
  std::vector<FloatView> timbre;
  for (uint32_t i = 0; i < clips.As<Napi::Array>().Length(); ++i) timbre.push_back(view(clips.As<Napi::Array>().Get(i), "timbre"));
  return run_job<ConditionResult>(
      env, loaded->device, keep,
      [=] {
        const ModelConfig& config = loaded->encoder->config();
        ConditionRequest r;
        auto batched = [](Tensor rows) { return rows.reshaped({1, rows.shape[0], rows.shape[1]}); };
        r.text = batched(host_rows(text.data, text.count, config.text_hidden_dim, "text"));
        r.lyrics = batched(host_rows(lyrics.data, lyrics.count, config.text_hidden_dim, "lyrics"));
        if (text_mask.data != nullptr) r.text_keep = host_view(text_mask.data, {1, text_mask.count});
        if (lyric_mask.data != nullptr && lyric_mask.count > 0) r.lyric_keep = host_view(lyric_mask.data, {1, lyric_mask.count});
        for (const FloatView& clip : timbre) r.timbre.push_back({host_rows(clip.data, clip.count, config.timbre_hidden_dim, "timbre"), 0});
        return loaded->encoder->encode(r);
      },
      [](Napi::Env e, ConditionResult& result) -> Napi::Value {
        Napi::Object out = Napi::Object::New(e);
        out.Set("hiddenStates", to_float_array(e, result.hidden_states.data(), result.hidden_states.size()));
        out.Set("tokens", static_cast<double>(result.tokens));
        double valid = 0;
        for (uint8_t bit : result.keep) valid += bit;
        out.Set("validTokens", valid);
        return out;
      });
}

// openTokenizer(device, folder): Promise<{ handle, config }>
Napi::Value open_tokenizer(const Napi::CallbackInfo& info) {
  auto device = Handle<DeviceThread>::of(info[0], "device");
  const std::string folder = info[1].As<Napi::String>();
  return run_job<std::shared_ptr<LoadedTokenizer>>(
      info.Env(), device, {},
      [device, folder] {
        auto out = std::make_shared<LoadedTokenizer>();
        out->device = device;
        out->tokenizer = std::make_unique<AudioTokenizer>(ModelConfig::load(folder), std::make_unique<CheckpointWeights>(device->device(), folder, ""), DType::f32);
        return out;
      },
      [](Napi::Env env, std::shared_ptr<LoadedTokenizer>& loaded) { return loaded_object(env, loaded, loaded->tokenizer->config()); });
}

// tokenizeLatents(tokenizer, latents, silence): Promise<{ codes, quantised }>
Napi::Value tokenize(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto loaded = Handle<LoadedTokenizer>::of(info[0], "audio tokenizer");
  const FloatView latents = floats(info[1], "latents"), silence = floats(info[2], "silence");
  return run_job<AudioTokens>(
      env, loaded->device, {info[1], info[2]},
      [=] {
        const int64_t width = loaded->tokenizer->config().audio_acoustic_hidden_dim;
        return loaded->tokenizer->tokenize(host_rows(latents.data, latents.count, width, "latents"),
                                           silence.count == 0 ? Tensor{} : host_rows(silence.data, silence.count, width, "silence"));
      },
      [](Napi::Env e, AudioTokens& tokens) -> Napi::Value {
        Napi::Object out = Napi::Object::New(e);
        Napi::Int32Array codes = Napi::Int32Array::New(e, tokens.codes.size());
        if (!tokens.codes.empty()) std::memcpy(codes.Data(), tokens.codes.data(), tokens.codes.size() * sizeof(int32_t));
        out.Set("codes", codes);
        out.Set("quantised", to_float_array(e, tokens.quantised.data(), tokens.quantised.size()));
        return out;
      });
}

// detokenizeCodes(tokenizer, codes): Promise<Float32Array> [5 n, 64]
Napi::Value detokenize(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto loaded = Handle<LoadedTokenizer>::of(info[0], "audio tokenizer");
  if (!info[1].IsTypedArray() || info[1].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
    throw_error(env, ErrorCode::config, "codes: expected an Int32Array");
  const Napi::Int32Array array = info[1].As<Napi::Int32Array>();
  const std::vector<int32_t> codes(array.Data(), array.Data() + array.ElementLength());
  return run_job<std::vector<float>>(
      env, loaded->device, {}, [loaded, codes] { return loaded->tokenizer->detokenize(codes); },
      [](Napi::Env e, std::vector<float>& latents) { return to_float_array(e, latents.data(), latents.size()); });
}

}  // namespace

void define_encoders(Napi::Env env, Napi::Object exports) {
  Handle<LoadedEncoder>::define(env, "NativeConditionEncoder");
  Handle<LoadedTokenizer>::define(env, "NativeTokenizer");
  exports.Set("openConditionEncoder", Napi::Function::New(env, open_encoder, "openConditionEncoder"));
  exports.Set("encodeCondition", Napi::Function::New(env, encode, "encodeCondition"));
  exports.Set("openTokenizer", Napi::Function::New(env, open_tokenizer, "openTokenizer"));
  exports.Set("tokenizeLatents", Napi::Function::New(env, tokenize, "tokenizeLatents"));
  exports.Set("detokenizeCodes", Napi::Function::New(env, detokenize, "detokenizeCodes"));
}

}  // namespace ace::binding
