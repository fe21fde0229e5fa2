#include "adapter/adapter.h"

#include <napi.h>

#include <cmath>
#include <cstring>

#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/models.h"
#include "binding/promise_job.h"
#include "binding/settings.h"

namespace ace::binding {

namespace {

struct HostCopy {
  DType dtype;
  Shape shape;
  std::vector<char> bytes;
};
using HostCopies = std::map<std::string, HostCopy>;

Napi::Value to_record(Napi::Env env, HostCopies& copies) {
  const auto held = std::make_shared<HostCopies>(std::move(copies));
  Napi::Object out = Napi::Object::New(env);
  for (auto& [name, copy] : *held) out.Set(name, to_host_tensor(env, copy.dtype, copy.shape, copy.bytes.data(), held));
  return out;
}

HostCopy copy_of(Device& device, const Tensor& tensor) {
  HostCopy copy{tensor.dtype, tensor.shape, std::vector<char>(static_cast<size_t>(tensor.bytes()))};
  device.download(copy.bytes.data(), tensor.data, tensor.bytes());
  return copy;
}

// createAdapter(decoder, config, seed): Promise<{ handle, parameterCount, moduleNames }>
Napi::Value create_adapter(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto decoder = Handle<LoadedDecoder>::of(info[0], "decoder");
  const AdapterConfig config = to_adapter_config(info[1].As<Napi::Object>());
  const uint64_t seed = static_cast<uint64_t>(info[2].As<Napi::Number>().Int64Value());
  return run_job<std::shared_ptr<LoadedAdapter>>(
      env, decoder->device, {},
      [decoder, config, seed] {
        auto out = std::make_shared<LoadedAdapter>();
        out->decoder = decoder;
        out->adapter = std::make_shared<Adapter>(config, decoder->decoder->targets(), seed, decoder->decoder->dtype(), decoder->device->device());
        return out;
      },
      [](Napi::Env e, std::shared_ptr<LoadedAdapter>& loaded) -> Napi::Value {
        Napi::Object out = Napi::Object::New(e);
        out.Set("handle", Handle<LoadedAdapter>::wrap(e, loaded));
        double count = 0;
        Napi::Array names = Napi::Array::New(e), ranks = Napi::Array::New(e), alphas = Napi::Array::New(e);
        for (const auto& module : loaded->adapter->modules()) {
          for (const AdapterParameter& parameter : module->parameters()) count += static_cast<double>(parameter.shape.elements());
          names.Set(names.Length(), module->path());
          ranks.Set(ranks.Length(), static_cast<double>(module->rank()));
          alphas.Set(alphas.Length(), module->alpha());
        }
        out.Set("parameterCount", count);
        out.Set("moduleNames", names);
        out.Set("ranks", ranks);
        out.Set("alphas", alphas);
        return out;
      });
}

// adapterTensors(adapter): Promise<Record<string, HostTensor>> under file names, LyCORIS' alpha scalars included
Napi::Value adapter_tensors(const Napi::CallbackInfo& info) {
  auto loaded = Handle<LoadedAdapter>::of(info[0], "adapter");
  return run_job<HostCopies>(
      info.Env(), loaded->decoder->device, {},
      [loaded] {
        HostCopies out;
        for (const auto& [name, tensor] : loaded->adapter->named(loaded->adapter->parameters())) out[name] = copy_of(loaded->adapter->device(), tensor);
        for (const auto& [name, alpha] : loaded->adapter->alphas()) {
          HostCopy scalar{DType::f32, Shape{}, std::vector<char>(sizeof(float))};
          const float value = static_cast<float>(alpha);
          std::memcpy(scalar.bytes.data(), &value, sizeof value);
          out[name] = std::move(scalar);
        }
        return out;
      },
      to_record);
}

// adapterSetTensors(adapter, Record<string, { shape, data: Float32Array }>): Promise<LoadReport>
Napi::Value adapter_set_tensors(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto loaded = Handle<LoadedAdapter>::of(info[0], "adapter");
  const Napi::Object record = info[1].As<Napi::Object>();
  struct Source {
    std::string name;
    Shape shape;
    FloatView view;
  };
  std::vector<Source> sources;
  std::vector<Napi::Value> keep;
  const Napi::Array names = record.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    Source source;
    source.name = names.Get(i).As<Napi::String>().Utf8Value();
    const Napi::Object entry = record.Get(source.name).As<Napi::Object>();
    const Napi::Value data = entry.Get("data");
    source.view = floats(data, source.name.c_str());
    keep.push_back(data);
    const Napi::Array axes = entry.Get("shape").As<Napi::Array>();
    for (uint32_t axis = 0; axis < axes.Length(); ++axis)
      guarded(env, [&] { source.shape.push(axes.Get(axis).As<Napi::Number>().Int64Value()); });
    sources.push_back(std::move(source));
  }
  struct Report {
    std::vector<std::string> matched, missing, unexpected;
  };
  return run_job<Report>(
      env, loaded->decoder->device, std::move(keep),
      [loaded, sources] {
        Report report;
        auto places = loaded->adapter->named(loaded->adapter->parameters());
        const auto alphas = loaded->adapter->alphas();
        // Everything is checked before anything is written: a file that does not fit leaves the adapter as it was.
        for (const Source& source : sources) {
          auto place = places.find(source.name);
          if (place == places.end()) {
            auto alpha = alphas.find(source.name);
            if (alpha == alphas.end()) report.unexpected.push_back(source.name);
            else if (source.view.count != 1 || std::fabs(source.view.data[0] - static_cast<float>(alpha->second)) > 1e-6 * std::fabs(alpha->second))
              throw Error(ErrorCode::checkpoint, source.name + ": the file says " + (source.view.count == 1 ? std::to_string(source.view.data[0]) : "no single number") +
                                                     ", the adapter has " + std::to_string(alpha->second));
            else report.matched.push_back(source.name);
            continue;
          }
          if (!(place->second.shape == source.shape) || source.view.count != source.shape.elements())
            throw Error(ErrorCode::checkpoint, source.name + ": the file has " + source.shape.text() + ", the adapter " + place->second.shape.text());
          report.matched.push_back(source.name);
        }
        std::map<std::string, bool> given;
        for (const Source& source : sources) {
          given[source.name] = true;
          auto place = places.find(source.name);
          if (place == places.end()) continue;
          loaded->adapter->device().upload(place->second.data, source.view.data, place->second.bytes());
        }
        loaded->adapter->refresh_shadow();
        for (const auto& place : places)
          if (!given[place.first]) report.missing.push_back(place.first);
        return report;
      },
      [](Napi::Env e, Report& report) -> Napi::Value {
        auto list = [e](const std::vector<std::string>& from) {
          Napi::Array out = Napi::Array::New(e, from.size());
          for (size_t i = 0; i < from.size(); ++i) out.Set(static_cast<uint32_t>(i), from[i]);
          return out;
        };
        Napi::Object out = Napi::Object::New(e);
        out.Set("matched", list(report.matched));
        out.Set("missing", list(report.missing));
        out.Set("unexpected", list(report.unexpected));
        return out;
      });
}

const AdapterTarget& target_of(const LoadedAdapter& loaded, const std::string& path) {
  for (const AdapterTarget& target : loaded.decoder->decoder->targets())
    if (target.path == path) return target;
  throw Error(ErrorCode::config, "the decoder has no linear named " + path);
}

// Merging is done in float32 on the CPU, wherever the adapter is trained.
class Merger {
 public:
  explicit Merger(const LoadedAdapter& loaded) : loaded_(loaded), host_(loaded.decoder->device->threads()), adapter_(*loaded.adapter, host_) {}

  std::vector<float> merged(const std::string& path, double strength) const {
    const AdapterTarget& there = target_of(loaded_, path);
    const Storage weight = download(loaded_.adapter->device(), there.weight);
    std::vector<float> out(static_cast<size_t>(there.weight.elements()));
    Tensor view = there.weight;
    view.dtype = DType::f32;
    view.data = out.data();
    adapter_.merge({path, weight.tensor()}, strength, view);
    return out;
  }

 private:
  const LoadedAdapter& loaded_;
  CpuDevice host_;
  Adapter adapter_;
};

// adapterMergedWeight(adapter, module: string, strength: number): Promise<Float32Array> [out, in]
Napi::Value adapter_merged_weight(const Napi::CallbackInfo& info) {
  auto loaded = Handle<LoadedAdapter>::of(info[0], "adapter");
  const std::string path = info[1].As<Napi::String>();
  const double strength = info[2].As<Napi::Number>().DoubleValue();
  return run_job<std::vector<float>>(
      info.Env(), loaded->decoder->device, {}, [loaded, path, strength] { return Merger(*loaded).merged(path, strength); },
      [](Napi::Env e, std::vector<float>& weight) { return to_float_array(e, weight.data(), weight.size()); });
}

// adapterEffect(adapter): Promise<number>, the largest |W' - W| relative to the largest |W| over all modules
Napi::Value adapter_effect(const Napi::CallbackInfo& info) {
  auto loaded = Handle<LoadedAdapter>::of(info[0], "adapter");
  return run_job<double>(
      info.Env(), loaded->decoder->device, {},
      [loaded] {
        double effect = 0;
        const Merger merger(*loaded);
        for (const auto& module : loaded->adapter->modules()) {
          const std::vector<float> full = merger.merged(module->path(), 1), base = merger.merged(module->path(), 0);
          for (size_t i = 0; i < full.size(); ++i) effect = std::max(effect, static_cast<double>(std::fabs(full[i] - base[i])));
        }
        return effect;
      },
      [](Napi::Env e, double& effect) -> Napi::Value { return Napi::Number::New(e, effect); });
}

}  // namespace

void define_adapter(Napi::Env env, Napi::Object exports) {
  Handle<LoadedAdapter>::define(env, "NativeAdapter");
  exports.Set("createAdapter", Napi::Function::New(env, create_adapter, "createAdapter"));
  exports.Set("adapterTensors", Napi::Function::New(env, adapter_tensors, "adapterTensors"));
  exports.Set("adapterSetTensors", Napi::Function::New(env, adapter_set_tensors, "adapterSetTensors"));
  exports.Set("adapterMergedWeight", Napi::Function::New(env, adapter_merged_weight, "adapterMergedWeight"));
  exports.Set("adapterEffect", Napi::Function::New(env, adapter_effect, "adapterEffect"));
}

}  // namespace ace::binding
