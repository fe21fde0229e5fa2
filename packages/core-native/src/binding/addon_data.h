#pragma once
#include <napi.h>

#include <typeindex>
#include <unordered_map>

#include "tensor/error.h"

namespace ace::binding {

// What one environment (main thread or worker) keeps: constructors of the handles and the error class of the JS side.
struct AddonData {
  Napi::FunctionReference error_class;
  std::unordered_map<std::type_index, Napi::FunctionReference> constructors;
};

inline AddonData& addon_data(Napi::Env env) { return *env.GetInstanceData<AddonData>(); }

// A JS error of the class handed over by setErrorClass, with `code`.
Napi::Value make_error(Napi::Env env, ErrorCode code, const std::string& message);
[[noreturn]] void throw_error(Napi::Env env, ErrorCode code, const std::string& message);

// Runs a synchronous native call and turns its C++ exceptions into JS ones.
template <class F>
auto guarded(Napi::Env env, F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const Napi::Error&) {
    throw;
  } catch (const Error& error) {
    throw_error(env, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    throw_error(env, ErrorCode::out_of_memory, "main memory ran out");
  } catch (const std::exception& error) {
    throw_error(env, ErrorCode::internal, error.what());
  }
}

}  // namespace ace::binding
