#pragma once
#include <napi.h>

#include <memory>
#include <string>

#include "adapter/adapter.h"
#include "binding/device_queue.h"
#include "model/decoder.h"
#include "train/sampler.h"
#include "train/session.h"

// What the handles of the addon hold. Each keeps alive what it points into.
namespace ace::binding {

struct LoadedDecoder {
  std::shared_ptr<DeviceThread> device;
  std::unique_ptr<Decoder> decoder;
  Storage null_condition;          // [E] on the device, as the activations
  std::vector<float> null_values;  // the same for JavaScript
};

struct LoadedAdapter {
  std::shared_ptr<LoadedDecoder> decoder;
  std::shared_ptr<Adapter> adapter;
};

struct OpenSession {
  std::shared_ptr<LoadedDecoder> decoder;
  std::shared_ptr<LoadedAdapter> adapter;
  std::unique_ptr<TrainSession> session;
};

struct OpenSampler {
  std::shared_ptr<LoadedDecoder> decoder;
  std::unique_ptr<Sampler> sampler;
};

// Reads the decoder of a checkpoint folder; onto a planning device its sizes alone.
std::unique_ptr<Decoder> read_decoder(Device& device, const std::string& folder, int64_t max_layers);

// Registers each file's functions on the addon's exports.
void define_devices(Napi::Env env, Napi::Object exports);
void define_decoder(Napi::Env env, Napi::Object exports);
void define_adapter(Napi::Env env, Napi::Object exports);
void define_session(Napi::Env env, Napi::Object exports);
void define_sampler(Napi::Env env, Napi::Object exports);
void define_encoders(Napi::Env env, Napi::Object exports);

}  // namespace ace::binding
