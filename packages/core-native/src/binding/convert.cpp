#include "binding/convert.h"

#include <cmath>
#include <cstring>
#include <map>

namespace ace::binding {

void refuse(Napi::Env env, const std::string& key, const char* expected) {
  throw_error(env, ErrorCode::config, key + ": expected " + expected);
}

bool has(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  return !value.IsUndefined() && !value.IsNull();
}

double number(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsNumber()) refuse(object.Env(), key, "a number");
  return value.As<Napi::Number>().DoubleValue();
}

double number_or(const Napi::Object& object, const char* key, double otherwise) {
  return has(object, key) ? number(object, key) : otherwise;
}

int64_t whole(const Napi::Object& object, const char* key) {
  const double value = number(object, key);
  // JavaScript's largest safe integer; beyond int64 the cast would be undefined.
  constexpr double kSafe = 9007199254740991.0;
  if (!(std::abs(value) <= kSafe) || value != std::floor(value)) refuse(object.Env(), key, "a whole number");
  return static_cast<int64_t>(value);
}

int64_t whole_or(const Napi::Object& object, const char* key, int64_t otherwise) {
  return has(object, key) ? whole(object, key) : otherwise;
}

bool flag_or(const Napi::Object& object, const char* key, bool otherwise) {
  if (!has(object, key)) return otherwise;
  const Napi::Value value = object.Get(key);
  if (!value.IsBoolean()) refuse(object.Env(), key, "true or false");
  return value.As<Napi::Boolean>().Value();
}

std::string text(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsString()) refuse(object.Env(), key, "a string");
  return value.As<Napi::String>().Utf8Value();
}

Napi::Object object_at(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsObject()) refuse(object.Env(), key, "an object");
  return value.As<Napi::Object>();
}

FloatView floats(const Napi::Value& value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array)
    refuse(value.Env(), what, "a Float32Array");
  const Napi::Float32Array array = value.As<Napi::Float32Array>();
  return {array.Data(), static_cast<int64_t>(array.ElementLength())};
}

int64_t rows_of(const FloatView& view, int64_t width, const char* what) {
  if (view.count % width != 0)
    throw_shape(std::string(what) + ": " + std::to_string(view.count) + " numbers are not whole rows of " + std::to_string(width));
  return view.count / width;
}

Napi::Value to_float_array(Napi::Env env, const float* data, size_t count) {
  Napi::Float32Array out = Napi::Float32Array::New(env, count);
  if (count > 0) std::memcpy(out.Data(), data, count * sizeof(float));
  return out;
}

namespace {

Napi::ArrayBuffer handed_over(Napi::Env env, void* data, size_t bytes, std::shared_ptr<void> owner) {
  if (bytes == 0) return Napi::ArrayBuffer::New(env, 0);
  auto* held = new std::shared_ptr<void>(std::move(owner));
  napi_value value = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      env, data, bytes, [](napi_env, void*, void* hint) { delete static_cast<std::shared_ptr<void>*>(hint); }, held, &value);
  if (status == napi_ok) return Napi::ArrayBuffer(env, value);
  // Runtimes that keep all of JavaScript's memory in one cage, as Electron's, take no memory from outside.
  Napi::ArrayBuffer copy = Napi::ArrayBuffer::New(env, bytes);
  std::memcpy(copy.Data(), data, bytes);
  delete held;
  return copy;
}

}  // namespace

Napi::Object to_host_tensor(Napi::Env env, DType dtype, const Shape& shape, void* data, std::shared_ptr<void> owner) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("dtype", dtype == DType::f64 ? "F64" : dtype == DType::u8 ? "U8" : "F32");
  Napi::Array axes = Napi::Array::New(env, static_cast<size_t>(shape.rank()));
  for (int i = 0; i < shape.rank(); ++i) axes.Set(static_cast<uint32_t>(i), static_cast<double>(shape[i]));
  out.Set("shape", axes);
  const size_t bytes = static_cast<size_t>(shape.elements()) * size_of(dtype);
  out.Set("data", Napi::Uint8Array::New(env, bytes, handed_over(env, data, bytes, std::move(owner)), 0));
  return out;
}

HostState host_state(const Napi::Object& tensor, const std::string& name) {
  static const std::map<std::string, DType> dtypes = {{"F64", DType::f64}, {"F32", DType::f32}, {"U8", DType::u8}};
  const auto dtype = dtypes.find(text(tensor, "dtype"));
  if (dtype == dtypes.end()) refuse(tensor.Env(), name, "float64, float32 or bytes");
  const Napi::Value data = tensor.Get("data");
  if (!data.IsTypedArray() || data.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) refuse(tensor.Env(), name + ".data", "a Uint8Array");
  const Napi::Uint8Array bytes = data.As<Napi::Uint8Array>();
  const size_t each = size_of(dtype->second);
  if (bytes.ByteLength() % each != 0) refuse(tensor.Env(), name + ".data", "whole numbers of its dtype");
  return {dtype->second, static_cast<int64_t>(bytes.ByteLength() / each), bytes.Data()};
}

}  // namespace ace::binding
