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
  return variable(tape, pass, p.offset, p.shape, p.shadowed(), path_ + "." + p.suffix);
}

Var AdapterModule::variable(Tape& tape, const AdapterPass& pass, int64_t offset, Shape shape, bool shadowed, const std::string& name) {
  auto view = [&](const Tensor& flat) { return flat.reshaped({flat.elements()}).slice(offset, shape.elements()).reshaped(shape); };
  // Flat buffers of the program itself (tests) have no address yet; others get their name here.
  auto named = [&](const Tensor& t, const std::string& as) { return t.buffer >= 0 ? t : tape.program().fixed(t, as); };
  const Tensor value = named(view(pass.shadow.given() && shadowed ? pass.shadow : pass.parameters), name);
  if (!pass.gradients.given()) return Tape::constant(value);
  return tape.parameter(value, named(view(pass.gradients), "d(" + name + ")"));
}

Var AdapterModule::forward_low(Tape&, Tensor, const Var&, const Var&, const AdapterPass&) const {
  throw Error(ErrorCode::internal, path_ + ": its change does not begin with x A^T");
}

Tensor AdapterModule::added(Tape& tape, Tensor weight, Tensor delta) const {
  // delta + I W would be a product; converting W is a product with nothing else to it, so the kernel does both.
  Tensor sum = tape.empty(delta.shape, delta.dtype);
  tape.program().call<kernels::add_weight>(sum, weight, delta);
  return sum;
}

}  // namespace ace
