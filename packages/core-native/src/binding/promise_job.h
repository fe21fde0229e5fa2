#pragma once
#include <napi.h>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "binding/addon_data.h"
#include "binding/device_queue.h"

namespace ace::binding {

// Reports progress from a job's thread to a JS callback; calls that come faster than JS can take them are dropped.
class Progress {
 public:
  Progress() = default;
  Progress(Napi::Env env, const Napi::Value& callback) {
    if (!callback.IsFunction()) return;
    function_ = std::make_shared<Napi::ThreadSafeFunction>(
        Napi::ThreadSafeFunction::New(env, callback.As<Napi::Function>(), "acewright progress", 4, 1));
  }
  void operator()(double done, double total) const {
    if (function_ == nullptr) return;
    function_->NonBlockingCall([done, total](Napi::Env env, Napi::Function callback) {
      callback.Call({Napi::Number::New(env, done), Napi::Number::New(env, total)});
    });
  }
  void finish() const {
    if (function_ != nullptr) function_->Release();
  }

 private:
  std::shared_ptr<Napi::ThreadSafeFunction> function_;
};

// Runs `work` on the device's thread and settles a promise with `convert` of its result on the JS thread.
// `keep` holds JS values (typed arrays whose memory the work reads) until then.
template <class R>
Napi::Value run_job(Napi::Env env, const std::shared_ptr<DeviceThread>& device, std::vector<Napi::Value> keep,
                    std::function<R()> work, std::function<Napi::Value(Napi::Env, R&)> convert) {
  struct Job {
    Napi::Promise::Deferred deferred;
    Napi::ThreadSafeFunction settle;
    std::vector<Napi::Reference<Napi::Value>> keep;
    std::function<R()> work;
    std::function<Napi::Value(Napi::Env, R&)> convert;
    std::optional<R> result;
    std::optional<std::pair<ErrorCode, std::string>> error;
    explicit Job(Napi::Env e) : deferred(Napi::Promise::Deferred::New(e)) {}
  };
  auto job = std::make_shared<Job>(env);
  for (Napi::Value& value : keep) {
    job->keep.push_back(Napi::Reference<Napi::Value>::New(value, 1));
    job->keep.back().SuppressDestruct();
  }
  job->work = std::move(work);
  job->convert = std::move(convert);
  job->settle = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "acewright", 0, 1);
  Napi::Value promise = job->deferred.Promise();
  device->post([job] {
    try {
      job->result.emplace(job->work());
    } catch (const Error& error) {
      job->error = {error.code(), error.what()};
    } catch (const std::bad_alloc&) {
      job->error = {ErrorCode::out_of_memory, "main memory ran out"};
    } catch (const std::exception& error) {
      job->error = {ErrorCode::internal, error.what()};
    }
    job->work = nullptr;  // its shares are given up on the device's side
    job->settle.BlockingCall([job](Napi::Env e, Napi::Function) {
      const Napi::HandleScope scope(e);
      for (auto& reference : job->keep) reference.Reset();
      if (job->error) {
        job->deferred.Reject(make_error(e, job->error->first, job->error->second));
        return;
      }
      try {
        job->deferred.Resolve(job->convert(e, *job->result));
      } catch (const Napi::Error& error) {
        job->deferred.Reject(error.Value());
      }
    });
    job->settle.Release();
  });
  return promise;
}

struct Nothing {};
inline Napi::Value to_undefined(Napi::Env env, Nothing&) { return env.Undefined(); }

}  // namespace ace::binding
