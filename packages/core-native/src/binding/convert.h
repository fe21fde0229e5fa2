#pragma once
#include <napi.h>

#include <memory>
#include <string>

#include "binding/addon_data.h"
#include "optim/optimizer.h"

// JS values to C++ ones and back. The TypeScript side has validated what a user typed; here a wrong type is refused
// so that no caller can crash the process.
namespace ace::binding {

[[noreturn]] void refuse(Napi::Env env, const std::string& key, const char* expected);
double number(const Napi::Object& object, const char* key);
double number_or(const Napi::Object& object, const char* key, double otherwise);
int64_t whole(const Napi::Object& object, const char* key);
int64_t whole_or(const Napi::Object& object, const char* key, int64_t otherwise);
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

}  // namespace ace::binding
