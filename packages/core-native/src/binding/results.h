#pragma once
#include <napi.h>

#include "model/config.h"
#include "train/memory_plan.h"
#include "train/session.h"

// What the core tells, as JavaScript objects.
namespace ace::binding {

Napi::Object to_model_config(Napi::Env env, const ModelConfig& config);
Napi::Object to_memory_plan(Napi::Env env, const MemoryPlan& plan);
Napi::Object to_step_result(Napi::Env env, const StepResult& result, double milliseconds);

}  // namespace ace::binding
