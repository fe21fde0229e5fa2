#include "model/one_run.h"

#include <algorithm>
#include <cstring>

namespace ace {

OneRun::OneRun(Program& program, ThreadPool& pool, const std::string& what)
    : program_(program), stream_{DeviceKind::cpu, &pool, nullptr} {
  const int64_t bytes = std::max<int64_t>(1, program.plan());
  arena_ = Storage({bytes}, DType::u8, what, false);
  program.bind(arena_.data());
}

void OneRun::set(const Tensor& input, const Tensor& host) {
  const Tensor to = program_.bound(input);
  if (to.elements() != host.elements()) throw_shape("an input of " + to.shape.text() + " was given " + host.shape.text());
  if (to.elements() == 0) return;
  if (to.dtype == host.dtype) std::memcpy(to.data, host.data, static_cast<size_t>(host.bytes()));
  else if (to.dtype == DType::f64 && host.dtype == DType::f32) std::copy_n(host.as<float>(), host.elements(), to.as<double>());
  else throw Error(ErrorCode::internal, std::string("an input of ") + name(to.dtype) + " was given " + name(host.dtype));
}

void OneRun::run() { program_.run(stream_); }

std::vector<float> OneRun::floats(const Tensor& output) const {
  const Tensor from = program_.bound(output);
  std::vector<float> out(static_cast<size_t>(from.elements()));
  if (from.dtype == DType::f32) std::copy_n(from.as<float>(), from.elements(), out.begin());
  else std::transform(from.as<double>(), from.as<double>() + from.elements(), out.begin(), [](double x) { return static_cast<float>(x); });
  return out;
}

std::vector<int32_t> OneRun::integers(const Tensor& output) const {
  const Tensor from = program_.bound(output);
  return {from.as<int32_t>(), from.as<int32_t>() + from.elements()};
}

}  // namespace ace
