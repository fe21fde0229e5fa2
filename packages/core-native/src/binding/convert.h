#pragma once
#include <napi.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapter/config.h"
#include "binding/addon_data.h"
#include "model/config.h"
#include "train/session.h"

// JS values to C++ structs and back. The TypeScript side has validated what a user typed; here a wrong type is refused
// so that no caller can crash the process.
namespace ace::binding {

double number(const Napi::Object& object, const char* key);
double number_or(const Napi::Object& object, const char* key, double otherwise);
bool flag_or(const Napi::Object& object, const char* key, bool otherwise);
std::string text(const Napi::Object& object, const char* key);
Napi::Object object_at(const Napi::Object& object, const char* key);
bool has(const Napi::Object& object, const char* key);

// A view of a Float32Array's memory: valid while the JS value is kept.
struct FloatView {
  const float* data = nullptr;
  int64_t count = 0;
};
FloatView floats(const Napi::Value& value, const char* what);
// floats() and a check that it holds whole rows of `width`; returns the rows.
int64_t rows_of(const FloatView& view, int64_t width, const char* what);

Napi::Value to_float_array(Napi::Env env, const float* data, size_t count);
// A HostTensor of a tensor in host memory (f32, f64 and u8 become F32, F64 and U8), and a view of one: valid while its
// `data` is kept. JavaScript takes the memory over, for a copy of an optimiser's state would hold up its event loop;
// `owner` lets go of it when the array is collected.
Napi::Object to_host_tensor(Napi::Env env, DType dtype, const Shape& shape, void* data, std::shared_ptr<void> owner);
HostState host_state(const Napi::Object& tensor, const std::string& name);

AdapterConfig to_adapter_config(const Napi::Object& object);
SessionConfig to_session_config(const Napi::Object& object);
OptimizerConfig to_optimizer_config(const Napi::Object& object);
// The properties loraPlusRatio, decayVectors and learningRatePattern.
ParameterRules to_parameter_rules(const Napi::Object& object);
// The property `recompute`.
Recompute to_recompute(const Napi::Object& object);
Napi::Object to_model_config(Napi::Env env, const ModelConfig& config);
Napi::Object to_memory_plan(Napi::Env env, const MemoryPlan& plan);
Napi::Object to_step_result(Napi::Env env, const StepResult& result, double milliseconds);
// Typed arrays inside are appended to `keep`.
std::vector<MicroBatch> to_micro_batches(const Napi::Value& value, std::vector<Napi::Value>& keep);

}  // namespace ace::binding
