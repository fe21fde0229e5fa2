#include <napi.h>

#include "binding/addon_data.h"
#include "binding/cuda_inventory.h"
#include "binding/handle.h"
#include "binding/models.h"
#include "binding/promise_job.h"
#include "ops/cuda/blas/blas.h"
#include "ops/cuda/blas/library.h"
#include "ops/cuda/device.h"
#include "ops/kernels.h"

namespace ace::binding {

namespace {

// Why this build cannot train on CUDA, whatever the machine; empty where it can.
std::string missing_backend() {
#if ACE_WITH_CUDA
  const char* first = nullptr;
  int missing = 0;
#define ACE_KERNEL(twins, kernel, ...) \
  if (kernels::kernel::cuda == nullptr && missing++ == 0) first = kernels::kernel::name;
#include "ops/kernels.inc"
#undef ACE_KERNEL
  return missing == 0 ? "" : std::to_string(missing) + " of its operators have no CUDA kernel yet, " + first + " among them";
#else
  return "no CUDA compiler was found when it was built";
#endif
}

#if ACE_WITH_CUDA
Napi::Array to_devices(Napi::Env env, const std::vector<cuda::DeviceFacts>& devices) {
  Napi::Array out = Napi::Array::New(env);
  for (const cuda::DeviceFacts& device : devices) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", device.name);
    entry.Set("major", device.major);
    entry.Set("minor", device.minor);
    entry.Set("supported", cuda::is_supported(device.major, device.minor));
    entry.Set("memoryBytes", static_cast<double>(device.memory_bytes));
    out.Set(out.Length(), entry);
  }
  return out;
}
#endif

// cudaDevices(): what was compiled and what the driver says; see NativeCuda in ts/binding.ts
Napi::Value cuda_devices(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object out = Napi::Object::New(env);
  const std::string missing = missing_backend();
  out.Set("compiled", missing.empty());
#if ACE_WITH_CUDA
  const cuda::Inventory inventory = cuda::take_inventory();
  out.Set("reason", missing.empty() ? inventory.reason : missing);
  out.Set("driverVersion", inventory.driver_version);
  out.Set("runtimeVersion", inventory.runtime_version);
  out.Set("architectures", cuda::compiled_architectures());
  out.Set("supported", cuda::supported_capabilities());
  out.Set("devices", to_devices(env, inventory.devices));
#else
  out.Set("reason", missing);
  out.Set("driverVersion", 0);
  out.Set("runtimeVersion", 0);
  out.Set("architectures", "");
  out.Set("supported", "");
  out.Set("devices", Napi::Array::New(env));
#endif
  return out;
}

// cudaFreeBytes(index): number, see free_bytes(); 0 in a build without CUDA
Napi::Value cuda_free_bytes(const Napi::CallbackInfo& info) {
#if ACE_WITH_CUDA
  return Napi::Number::New(info.Env(), static_cast<double>(cuda::free_bytes(info[0].As<Napi::Number>().Int32Value())));
#else
  return Napi::Number::New(info.Env(), 0);
#endif
}

// cublasLt(): { path, version } as it was opened, or { problem }
Napi::Value cublas_lt(const Napi::CallbackInfo& info) {
  Napi::Object out = Napi::Object::New(info.Env());
#if ACE_WITH_CUDA
  try {
    const cuda::lt::Library library = cuda::lt::open_library();
    out.Set("path", library.path);
    out.Set("version", cuda::lt::version_text(library.version));
  } catch (const Error& error) {
    out.Set("problem", error.what());
  }
#else
  out.Set("problem", missing_backend());
#endif
  return out;
}

// deviceAlgorithms(device): Promise<string>; what Device::algorithms() says, "" on the CPU, where nothing is chosen
Napi::Value device_algorithms(const Napi::CallbackInfo& info) {
  auto device = Handle<DeviceThread>::of(info[0], "device");
  return run_job<std::string>(
      info.Env(), device, {},
      [device]() -> std::string { return device->device().algorithms(); },
      [](Napi::Env env, std::string& text) -> Napi::Value { return Napi::String::New(env, text); });
}

// useAlgorithms(device, record): Promise<void>; rejects with ERR_CONFIG for another library's or another device's record
Napi::Value use_algorithms(const Napi::CallbackInfo& info) {
  auto device = Handle<DeviceThread>::of(info[0], "device");
  const std::string record = info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "";
  return run_job<bool>(
      info.Env(), device, {},
      [device, record] {
        device->device().use_algorithms(record);
        return true;
      },
      [](Napi::Env env, bool&) { return env.Undefined(); });
}

// tuneProducts(device, on): Promise<void>; rejects with ERR_CONFIG on the CPU
Napi::Value tune_products(const Napi::CallbackInfo& info) {
  auto device = Handle<DeviceThread>::of(info[0], "device");
  const bool on = info[1].ToBoolean();
  return run_job<bool>(
      info.Env(), device, {},
      [device, on] {
        if (device->kind() == DeviceKind::cpu) throw Error(ErrorCode::config, "products are tuned on a CUDA device, this is the CPU");
#if ACE_WITH_CUDA
        device->device().stream().blas->tune(on);
#endif
        return true;
      },
      [](Napi::Env env, bool&) { return env.Undefined(); });
}

}  // namespace

void define_devices(Napi::Env env, Napi::Object exports) {
  exports.Set("deviceAlgorithms", Napi::Function::New(env, device_algorithms, "deviceAlgorithms"));
  exports.Set("useAlgorithms", Napi::Function::New(env, use_algorithms, "useAlgorithms"));
  exports.Set("tuneProducts", Napi::Function::New(env, tune_products, "tuneProducts"));
  exports.Set("cudaDevices", Napi::Function::New(env, cuda_devices, "cudaDevices"));
  exports.Set("cudaFreeBytes", Napi::Function::New(env, cuda_free_bytes, "cudaFreeBytes"));
  exports.Set("cublasLt", Napi::Function::New(env, cublas_lt, "cublasLt"));
}

}  // namespace ace::binding
