#include "adapter/low_rank.h"
#include "adapter/module.h"

namespace ace {

namespace {

// LoRA (Hu et al. 2021): y = x W^T + s (drop(x) A^T) B^T.
// DoRA (Liu et al. 2024, as PEFT computes it): y = c * (x W^T + s x A^T B^T), c = magnitude / ||W + s B A||_row, the
// norm a constant in the backward pass; with dropout y = x W^T + (c - 1) drop(x) W^T + c s (drop(x) A^T) B^T.
class Lora final : public AdapterModule {
 public:
  Lora(std::string path, int index, const AdapterConfig& config, int64_t rank, double alpha, int64_t out, int64_t in)
      : AdapterModule(std::move(path), index, config, rank, alpha, out, in), dora_(config.kind == AdapterKind::dora) {
    add_parameter("lora_A.weight", {rank, in}, Init::kaiming_uniform);
    add_parameter("lora_B.weight", {out, rank}, Init::zero);
    if (dora_) add_parameter("lora_magnitude_vector", {out}, Init::row_norm);
  }

  bool additive() const override { return !dora_; }
  bool can_be_first(const AdapterPass&) const override { return !dora_; }

  Var forward(Tape& tape, Tensor weight, const Var& base, const Var& x, const AdapterPass& pass) const override {
    const InputDropout dropout = dropout_of(pass);
    if (dora_ && dropout.given()) return forward_dora_dropout(tape, weight, base, x, pass);
    return forward_low(tape, weight, base, low_product(tape, x, parameter(tape, pass, 0), dropout), pass);
  }

  const AdapterParameter* first_factor(const AdapterPass& pass) const override {
    return dropout_of(pass).given() ? nullptr : &parameters_[0];
  }

  Var forward_low(Tape& tape, Tensor weight, const Var& base, const Var& h, const AdapterPass& pass) const override {
    const Var b = parameter(tape, pass, 1);
    if (!dora_) return add_low_product(tape, base, h, b, scale_ * pass.strength, pass.first);
    const Var m = parameter(tape, pass, 2);
    const Tensor norm = changed_norm(tape, weight, pass);
    if (pass.strength == 1) return scale_by_magnitude(tape, add_low_product(tape, base, h, b, scale_), m, norm);
    // y = base + strength (c (base + low) - base): generation only.
    const Tensor low = product(tape, h.value, b.value, {.transpose_b = true, .alpha = scale_});
    Tensor y = tape.empty(low.shape, low.dtype);
    tape.program().call<kernels::dora_change>(y, base.value, base.value, low, m.value, norm, pass.strength);
    return Tape::constant(y);
  }

  Tensor merged(Tape& tape, Tensor weight, const AdapterPass& pass) const override {
    Var a = parameter(tape, pass, 0), b = parameter(tape, pass, 1);
    Tensor change = product(tape, b.value, a.value, {.alpha = scale_});
    if (!dora_) return added(tape, weight, change);
    Tensor norm = tape.empty({out_}, wide(a.value.dtype));
    tape.program().call<kernels::row_norm>(norm, weight, change);
    Tensor sum = added(tape, weight, change), out = tape.empty(sum.shape, sum.dtype);
    tape.program().call<kernels::scale_rows>(out, sum, parameter(tape, pass, 2).value, norm);
    return out;
  }

 private:
  InputDropout dropout_of(const AdapterPass& pass) const { return {pass.counters, config_.dropout, index_}; }

  // ||W + s B A|| per row, without forming B A: two products of rank rows instead of one of the weight's size.
  Tensor changed_norm(Tape& tape, Tensor weight, const AdapterPass& pass) const {
    const Tensor a = parameter(tape, pass, 0).value, b = parameter(tape, pass, 1).value;
    Tensor norm = tape.empty({out_}, wide(a.dtype));
    const Tensor g = product(tape, a, weight, {.transpose_b = true}, {}, wide(a.dtype));
    const Tensor k = product(tape, a, a, {.transpose_b = true}, {}, wide(a.dtype));
    tape.program().call<kernels::dora_norm>(norm, weight, g, k, b, scale_);
    return norm;
  }

  Var forward_dora_dropout(Tape& tape, Tensor weight, const Var& base, const Var& x, const AdapterPass& pass) const {
    const Var a = parameter(tape, pass, 0), b = parameter(tape, pass, 1), m = parameter(tape, pass, 2);
    const InputDropout dropout = dropout_of(pass);
    const Tensor norm = changed_norm(tape, weight, pass), input = dropped(tape, x.value, dropout);
    const Tensor h = product(tape, input, a.value, {.transpose_b = true});
    const Tensor full = product(tape, input, weight, {.transpose_b = true});
    const Tensor low = product(tape, h, b.value, {.transpose_b = true, .alpha = scale_});
    tape.program().call<kernels::dora_change>(base.value, base.value, full, low, m.value, norm, 1.0);
    return tape.record_in_place(base, {x, a, b, m}, [this, &tape, weight, x, a, b, m, h, full, low, norm, dropout](Tensor dy) {
      if (m.needs_grad()) {
        magnitude_gradient(tape, m, dy, full, norm);
        magnitude_gradient(tape, m, dy, low, norm);
      }
      Tensor du = tape.empty(dy.shape, dy.dtype);
      tape.program().call<kernels::scale_columns>(du, dy, m.value, norm);
      const Tensor dh = product(tape, du, b.value, {.alpha = scale_});
      if (b.needs_grad()) matmul(tape, tape.grad(b).tensor, du, h, {.transpose_a = true, .accumulate = true, .alpha = scale_});
      if (a.needs_grad()) matmul(tape, tape.grad(a).tensor, dh, dropped(tape, tape.saved(x), dropout), {.transpose_a = true, .accumulate = true});
      if (!x.needs_grad()) return;
      // All that reaches x through the mask: the change's part, and W's, of which base's own rule brings the undropped.
      Tensor dinput = product(tape, du, weight);
      matmul(tape, dinput, dy, weight, {.accumulate = true, .alpha = -1});
      matmul(tape, dinput, dh, a.value, {.accumulate = true});
      GradSlot dx = tape.grad(x);
      tape.program().call<kernels::dropout>(dx.tensor, dinput, dropout.counters, dropout.p, dropout.module, dx.accumulate);
    });
  }

  bool dora_;
};

}  // namespace

std::unique_ptr<AdapterModule> make_lora(std::string path, int index, const AdapterConfig& config, int64_t rank,
                                         double alpha, int64_t out, int64_t in) {
  return std::make_unique<Lora>(std::move(path), index, config, rank, alpha, out, in);
}

}  // namespace ace
