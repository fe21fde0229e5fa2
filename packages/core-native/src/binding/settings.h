#pragma once
#include <napi.h>

#include <vector>

#include "adapter/config.h"
#include "train/micro_batch.h"
#include "train/session_config.h"

// What JavaScript asks for, as the core takes it.
namespace ace::binding {

AdapterConfig to_adapter_config(const Napi::Object& object);
SessionConfig to_session_config(const Napi::Object& object);
OptimizerConfig to_optimizer_config(const Napi::Object& object);
// The properties loraPlusRatio, decayVectors and learningRatePattern.
ParameterRules to_parameter_rules(const Napi::Object& object);
// The property `recompute`.
RecomputePolicy to_recompute(const Napi::Object& object);
// Typed arrays inside are appended to `keep`.
std::vector<MicroBatch> to_micro_batches(const Napi::Value& value, std::vector<Napi::Value>& keep);

}  // namespace ace::binding
