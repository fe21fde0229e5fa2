#include <algorithm>

#include "adapter/module.h"
#include "ops/ops.h"

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

  Var forward(Tape& tape, Tensor weight, const Var& x, const AdapterPass& pass) const override {
    return dora_ ? forward_dora(tape, weight, x, pass) : forward_lora(tape, weight, x, pass);
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
  bool drops(const AdapterPass& pass) const { return config_.dropout > 0 && pass.counters.given(); }

  Tensor dropped(Tape& tape, Tensor x, const AdapterPass& pass) const {
    Tensor out = tape.empty(x.shape, x.dtype);
    tape.program().call<kernels::dropout>(out, x, pass.counters, config_.dropout, index_, false);
    return out;
  }

  // What is left of the A path's input: x, or x with dropout, which is drawn again instead of being kept.
  Tensor low_input(Tape& tape, const Var& x, const AdapterPass& pass) const {
    return drops(pass) ? dropped(tape, tape.saved(x), pass) : tape.saved(x);
  }

  Var forward_lora(Tape& tape, Tensor weight, const Var& x, const AdapterPass& pass) const {
    Var a = parameter(tape, pass, 0), b = parameter(tape, pass, 1);
    const double scale = scale_ * pass.strength;
    Tensor input = drops(pass) ? dropped(tape, x.value, pass) : x.value;
    Tensor h = product(tape, input, a.value, {.transpose_b = true});
    Tensor y = product(tape, x.value, weight, {.transpose_b = true});
    matmul(tape, y, h, b.value, {.transpose_b = true, .accumulate = true, .alpha = scale});
    return tape.record(y, {x, a, b}, [this, &tape, weight, x, a, b, h, scale, pass](Tensor dy) {
      low_backward(tape, dy, x, a, b, h, scale, pass);
      if (!x.needs_grad()) return;
      GradSlot dx = tape.grad(x);
      matmul(tape, dx.tensor, dy, weight, {.accumulate = dx.accumulate});
    });
  }

  // Gradients of A, B and of the A path's input for y = ... + scale h B^T.
  void low_backward(Tape& tape, Tensor dy, const Var& x, const Var& a, const Var& b, Tensor h, double scale,
                    const AdapterPass& pass) const {
    Tensor dh = product(tape, dy, b.value, {.alpha = scale});
    if (b.needs_grad()) {
      GradSlot db = tape.grad(b);
      matmul(tape, db.tensor, dy, h, {.transpose_a = true, .accumulate = db.accumulate, .alpha = scale});
    }
    if (a.needs_grad()) {
      GradSlot da = tape.grad(a);
      matmul(tape, da.tensor, dh, low_input(tape, x, pass), {.transpose_a = true, .accumulate = da.accumulate});
    }
    if (!x.needs_grad()) return;
    GradSlot dx = tape.grad(x);
    if (drops(pass)) {
      Tensor dinput = product(tape, dh, a.value);
      tape.program().call<kernels::dropout>(dx.tensor, dinput, pass.counters, config_.dropout, index_, dx.accumulate);
    } else {
      matmul(tape, dx.tensor, dh, a.value, {.accumulate = dx.accumulate});
    }
  }

  // dm += column sums of dy u / norm. On CUDA the rows are summed in parts, in a fixed order.
  void magnitude_backward(Tape& tape, const Var& m, Tensor dy, Tensor u, Tensor norm) const {
    constexpr int64_t kRows = 32, kMostParts = 64;
    Tensor partial;
    if (tape.program().device() == DeviceKind::cuda)
      partial = tape.empty({std::min(kMostParts, (u.shape.rows() + kRows - 1) / kRows), out_}, norm.dtype);
    tape.program().call<kernels::magnitude_backward>(tape.grad(m).tensor, dy, u, norm, partial);
  }

  Var forward_dora(Tape& tape, Tensor weight, const Var& x, const AdapterPass& pass) const {
    Var a = parameter(tape, pass, 0), b = parameter(tape, pass, 1), m = parameter(tape, pass, 2);
    Program& program = tape.program();
    Tensor norm = tape.empty({out_}, wide(x.value.dtype));
    program.call<kernels::row_norm>(norm, weight, product(tape, b.value, a.value, {.alpha = scale_}));
    if (drops(pass)) return forward_dora_dropout(tape, weight, x, a, b, m, norm, pass);
    Tensor h = product(tape, x.value, a.value, {.transpose_b = true});
    Tensor u = product(tape, x.value, weight, {.transpose_b = true});
    Tensor base;
    if (pass.strength != 1) {
      base = tape.empty(u.shape, u.dtype);
      program.call<kernels::copy>(base, u);
    }
    matmul(tape, u, h, b.value, {.transpose_b = true, .accumulate = true, .alpha = scale_});
    Tensor y = tape.empty(u.shape, u.dtype);
    program.call<kernels::scale_columns>(y, u, m.value, norm);
    if (pass.strength != 1) {  // y = base + strength (y - base): generation only
      program.call<kernels::blend>(y, base, y, pass.strength);
      return Tape::constant(y);
    }
    return tape.record(y, {x, a, b, m}, [this, &tape, weight, x, a, b, m, h, u, norm, pass](Tensor dy) {
      if (m.needs_grad()) magnitude_backward(tape, m, dy, u, norm);
      Tensor du = tape.empty(dy.shape, dy.dtype);
      tape.program().call<kernels::scale_columns>(du, dy, m.value, norm);
      low_backward(tape, du, x, a, b, h, scale_, pass);
      if (!x.needs_grad()) return;
      GradSlot dx = tape.grad(x);
      matmul(tape, dx.tensor, du, weight, {.accumulate = dx.accumulate});
    });
  }

  Var forward_dora_dropout(Tape& tape, Tensor weight, const Var& x, const Var& a, const Var& b, const Var& m, Tensor norm,
                           const AdapterPass& pass) const {
    Program& program = tape.program();
    Tensor input = dropped(tape, x.value, pass);
    Tensor h = product(tape, input, a.value, {.transpose_b = true});
    Tensor base = product(tape, x.value, weight, {.transpose_b = true});
    Tensor full = product(tape, input, weight, {.transpose_b = true});
    Tensor low = product(tape, h, b.value, {.transpose_b = true, .alpha = scale_});
    Tensor y = tape.empty(base.shape, base.dtype);
    program.call<kernels::dora_change>(y, base, full, low, m.value, norm, 1.0);
    return tape.record(y, {x, a, b, m}, [this, &tape, weight, x, a, b, m, h, full, low, norm, pass](Tensor dy) {
      Program& p = tape.program();
      if (m.needs_grad()) {
        magnitude_backward(tape, m, dy, full, norm);
        magnitude_backward(tape, m, dy, low, norm);
      }
      Tensor du = tape.empty(dy.shape, dy.dtype);
      p.call<kernels::scale_columns>(du, dy, m.value, norm);
      low_backward(tape, du, x, a, b, h, scale_, pass);
      if (!x.needs_grad()) return;
      GradSlot dx = tape.grad(x);
      matmul(tape, dx.tensor, dy, weight, {.accumulate = dx.accumulate});
      Tensor dinput = product(tape, du, weight);
      matmul(tape, dinput, dy, weight, {.accumulate = true, .alpha = -1});
      p.call<kernels::dropout>(dx.tensor, dinput, pass.counters, config_.dropout, index_, true);
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
