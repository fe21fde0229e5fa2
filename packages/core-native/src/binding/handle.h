#pragma once
#include <napi.h>

#include <memory>
#include <string>
#include <utility>

#include "binding/addon_data.h"

namespace ace::binding {

// A native object in JS: holds a share of T until close() or garbage collection. It has no methods but close(); the
// functions of the addon take it as an argument, checked by its class.
template <class T>
class Handle : public Napi::ObjectWrap<Handle<T>> {
 public:
  static void define(Napi::Env env, const char* class_name) {
    Napi::Function constructor = Handle::DefineClass(env, class_name, {Handle::InstanceMethod("close", &Handle::close)});
    addon_data(env).constructors[typeid(T)] = Napi::Persistent(constructor);
  }

  explicit Handle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Handle<T>>(info) {}

  static Napi::Value wrap(Napi::Env env, std::shared_ptr<T> value) {
    Napi::Object object = addon_data(env).constructors.at(typeid(T)).New({});
    Handle::Unwrap(object)->value_ = std::move(value);
    return object;
  }

  // The object behind a JS value. Errors: ERR_INTERNAL for another kind of value, ERR_DISPOSED after close().
  static std::shared_ptr<T> of(const Napi::Value& value, const char* what) {
    const Napi::Env env = value.Env();
    Napi::FunctionReference& constructor = addon_data(env).constructors.at(typeid(T));
    if (!value.IsObject() || !value.As<Napi::Object>().InstanceOf(constructor.Value()))
      throw_error(env, ErrorCode::internal, std::string("expected a native ") + what);
    std::shared_ptr<T> held = Handle::Unwrap(value.As<Napi::Object>())->value_;
    if (held == nullptr) throw_error(env, ErrorCode::disposed, std::string("the ") + what + " was used after it was closed");
    return held;
  }

 private:
  Napi::Value close(const Napi::CallbackInfo& info) {
    value_.reset();
    return info.Env().Undefined();
  }

  std::shared_ptr<T> value_;
};

}  // namespace ace::binding
