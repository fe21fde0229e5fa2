#include "adapter/module.h"

#include <cmath>

#include "ops/ops.h"

namespace ace {

AdapterModule::AdapterModule(std::string path, int index, const AdapterConfig& config, int64_t rank, double alpha,
                             int64_t out, int64_t in)
    : path_(std::move(path)), index_(index), config_(config), rank_(rank), alpha_(alpha), out_(out), in_(in) {
  scale_ = config.rs_lora ? alpha / std::sqrt(static_cast<double>(rank)) : alpha / static_cast<double>(rank);
}

void AdapterModule::add_parameter(std::string suffix, Shape shape, Init init, double deviation) {
  parameters_.push_back({std::move(suffix), shape, init, deviation, 0});
}

Var AdapterModule::parameter(Tape& tape, const AdapterPass& pass, size_t i) const {
  const AdapterParameter& p = parameters_[i];
  auto view = [&](const Tensor& flat) {
    return flat.reshaped({flat.elements()}).slice(p.offset, p.shape.elements()).reshaped(p.shape);
  };
  Tensor value = view(pass.shadow.given() && p.shadowed() ? pass.shadow : pass.parameters);
  value = tape.program().fixed(value, path_ + "." + p.suffix);
  if (!pass.gradients.given()) return Tape::constant(value);
  return tape.parameter(value, tape.program().fixed(view(pass.gradients), "d(" + path_ + "." + p.suffix + ")"));
}

Tensor AdapterModule::added(Tape& tape, Tensor weight, Tensor delta) const {
  // delta + I W would be a product; converting W is a product with nothing else to it, so the kernel does both.
  Tensor sum = tape.empty(delta.shape, delta.dtype);
  tape.program().call<kernels::add_weight>(sum, weight, delta);
  return sum;
}

}  // namespace ace
