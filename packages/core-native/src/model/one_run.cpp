#include "model/one_run.h"

#include <algorithm>

namespace ace {

namespace {

bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::bf16 || dtype == DType::f16; }

}  // namespace

OneRun::OneRun(Program& program, Device& device, const std::string& what) : program_(program), device_(device) {
  const int64_t bytes = std::max<int64_t>(1, program.plan());
  arena_ = Storage(device, {bytes}, DType::u8, what, false);
  program.bind(arena_.data());
}

void OneRun::set(const Tensor& input, const Tensor& host) {
  const Tensor to = program_.bound(input);
  if (to.elements() != host.elements()) throw_shape("an input of " + to.shape.text() + " was given " + host.shape.text());
  if (to.dtype != host.dtype && !(is_float(to.dtype) && is_float(host.dtype)))
    throw Error(ErrorCode::internal, std::string("an input of ") + name(to.dtype) + " was given " + name(host.dtype));
  if (to.dtype == host.dtype) upload(device_, to, host);
  else upload(device_, to, converted(host, to.dtype).tensor());
}

void OneRun::run() { program_.run(device_.stream()); }

std::vector<float> OneRun::floats(const Tensor& output) const {
  const Tensor from = program_.bound(output);
  std::vector<float> out(static_cast<size_t>(from.elements()));
  if (from.dtype == DType::f32) {
    device_.download(out.data(), from.data, from.bytes());
    return out;
  }
  const Storage host = converted(download(device_, from).tensor(), DType::f32);
  std::copy_n(host.tensor().as<float>(), from.elements(), out.begin());
  return out;
}

std::vector<int32_t> OneRun::integers(const Tensor& output) const {
  const Tensor from = program_.bound(output);
  std::vector<int32_t> out(static_cast<size_t>(from.elements()));
  device_.download(out.data(), from.data, from.bytes());
  return out;
}

}  // namespace ace
