#include <napi.h>

#include <algorithm>
#include <functional>
#include <thread>

#include "binding/addon_data.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/models.h"
#include "ops/cpu/gemm/gemm.h"
#include "ops/cuda/device.h"

namespace ace::binding {

namespace {

// setErrorClass(class): what native code throws and rejects with.
Napi::Value set_error_class(const Napi::CallbackInfo& info) {
  addon_data(info.Env()).error_class = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

// openDevice(kind: "cpu" | "cuda", indexOrThreads: number): Device
Napi::Value open_device(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string kind = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  const double number = info[1].IsNumber() ? info[1].As<Napi::Number>().DoubleValue() : -1;
  std::function<std::unique_ptr<Device>()> open;
  if (kind == "cpu") {
    if (!(number >= 1 && number <= 1024)) throw_error(env, ErrorCode::config, "threads: expected 1 to 1024");
    open = [threads = static_cast<int>(number)] { return std::make_unique<CpuDevice>(threads); };
  } else if (kind == "cuda") {
    if (!(number >= 0 && number < 1024)) throw_error(env, ErrorCode::config, "device: expected an index from 0");
#if ACE_WITH_CUDA
    const int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    open = [index = static_cast<int>(number), threads] { return cuda::open_device(index, threads); };
#else
    throw_error(env, ErrorCode::device, "device: this build holds no CUDA backend");
#endif
  } else {
    throw_error(env, ErrorCode::config, "device: expected cpu or cuda");
  }
  return guarded(env, [&] { return Handle<DeviceThread>::wrap(env, std::make_shared<DeviceThread>(open)); });
}

// instructionSet(): string; throws ERR_DEVICE when ACEWRIGHT_ISA names what this CPU lacks.
Napi::Value instruction_set(const Napi::CallbackInfo& info) {
  try {
    return Napi::String::New(info.Env(), cpu::instruction_set());
  } catch (const std::exception& error) {
    throw_error(info.Env(), ErrorCode::device, error.what());
  }
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonData);
  Handle<DeviceThread>::define(env, "NativeDevice");
  exports.Set("setErrorClass", Napi::Function::New(env, set_error_class, "setErrorClass"));
  exports.Set("openDevice", Napi::Function::New(env, open_device, "openDevice"));
  exports.Set("instructionSet", Napi::Function::New(env, instruction_set, "instructionSet"));
  define_devices(env, exports);
  define_decoder(env, exports);
  define_adapter(env, exports);
  define_session(env, exports);
  define_sampler(env, exports);
  define_encoders(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(acewright_core, init)

}  // namespace ace::binding
