#include "binding/addon_data.h"

namespace ace::binding {

Napi::Value make_error(Napi::Env env, ErrorCode code, const std::string& message) {
  AddonData& data = addon_data(env);
  if (data.error_class.IsEmpty()) {
    Napi::Error error = Napi::Error::New(env, message);
    error.Set("code", Napi::String::New(env, name(code)));
    return error.Value();
  }
  return data.error_class.New({Napi::String::New(env, name(code)), Napi::String::New(env, message)});
}

void throw_error(Napi::Env env, ErrorCode code, const std::string& message) {
  throw Napi::Error(env, make_error(env, code, message));
}

}  // namespace ace::binding
