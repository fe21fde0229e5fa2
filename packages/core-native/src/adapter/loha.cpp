#include "adapter/module.h"
#include "ops/ops.h"

namespace ace {

namespace {

// LoHa (Hyeon-Woo et al. 2022, as LyCORIS computes it): delta = s (w1_a w1_b) (.) (w2_a w2_b), elementwise.
class Loha final : public AdapterModule {
 public:
  Loha(std::string path, int index, const AdapterConfig& config, int64_t rank, double alpha, int64_t out, int64_t in)
      : AdapterModule(std::move(path), index, config, rank, alpha, out, in) {
    add_parameter("hada_w1_a", {out, rank}, Init::normal, 0.1);
    add_parameter("hada_w1_b", {rank, in}, Init::normal, 1);
    add_parameter("hada_w2_a", {out, rank}, Init::zero);
    add_parameter("hada_w2_b", {rank, in}, Init::normal, 1);
    if (config.weight_decompose) add_parameter("dora_scale", {out, 1}, Init::row_norm);
  }

  bool additive() const override { return !config_.weight_decompose; }
  bool wants_base(const AdapterPass& pass) const override { return !config_.weight_decompose || pass.strength != 1; }

  Var forward(Tape& tape, Tensor weight, const Var& base, const Var& x, const AdapterPass& pass) const override {
    std::vector<Var> p = stored(tape, pass);
    const bool decompose = config_.weight_decompose;
    Tensor delta = change(tape, p, decompose ? scale_ : scale_ * pass.strength);
    Tensor effective = delta, norm;
    Tensor y;
    if (decompose) {
      effective = tape.empty(delta.shape, delta.dtype);
      norm = tape.empty({out_}, wide(delta.dtype));
      tape.program().call<kernels::weight_decompose_forward>(effective, norm, weight, delta, p.back().value);
      y = product(tape, x.value, effective, {.transpose_b = true});
      if (pass.strength != 1) {  // generation only
        tape.program().call<kernels::blend>(y, base.value, y, pass.strength);
        return Tape::constant(y);
      }
    } else if (drops(pass)) {
      const Tensor part = product(tape, x.value, delta, {.transpose_b = true});
      tape.program().call<kernels::drop_columns>(base.value, part, pass.counters, config_.rank_dropout, config_.rank_dropout_scale, index_, true);
    } else {
      matmul(tape, base.value, x.value, delta, {.transpose_b = true, .accumulate = true});
    }
    std::vector<Var> inputs = p;
    inputs.push_back(x);
    auto rule = [this, &tape, weight, x, p, delta, effective, norm, decompose, pass](Tensor dy) {
      Tensor g = dy;
      if (!decompose && drops(pass)) {
        g = tape.empty(dy.shape, dy.dtype);
        tape.program().call<kernels::drop_columns>(g, dy, pass.counters, config_.rank_dropout, config_.rank_dropout_scale, index_, false);
      }
      if (p[0].needs_grad()) {
        Tensor r = product(tape, g, tape.saved(x), {.transpose_a = true});
        if (decompose) {
          Tensor ddelta = tape.empty(delta.shape, delta.dtype);
          tape.program().call<kernels::weight_decompose_backward>(ddelta, tape.grad(p.back()).tensor, r, weight, delta, norm, p.back().value);
          r = ddelta;
        }
        half_backward(tape, r, p[0], p[1], product(tape, p[2].value, p[3].value));
        half_backward(tape, r, p[2], p[3], product(tape, p[0].value, p[1].value));
      }
      if (!x.needs_grad()) return;
      GradSlot dx = tape.grad(x);
      matmul(tape, dx.tensor, g, effective, {.accumulate = dx.accumulate});
    };
    return decompose ? tape.record(y, inputs, rule) : tape.record_in_place(base, inputs, rule);
  }

  Tensor merged(Tape& tape, Tensor weight, const AdapterPass& pass) const override {
    std::vector<Var> p = stored(tape, pass);
    Tensor delta = change(tape, p, scale_);
    if (!config_.weight_decompose) return added(tape, weight, delta);
    Tensor wd = tape.empty(delta.shape, delta.dtype), norm = tape.empty({out_}, wide(delta.dtype));
    tape.program().call<kernels::weight_decompose_forward>(wd, norm, weight, delta, p.back().value);
    return wd;
  }

 private:
  std::vector<Var> stored(Tape& tape, const AdapterPass& pass) const {
    std::vector<Var> out;
    for (size_t i = 0; i < parameters_.size(); ++i) out.push_back(parameter(tape, pass, i));
    return out;
  }

  bool drops(const AdapterPass& pass) const { return config_.rank_dropout > 0 && pass.counters.given(); }

  Tensor change(Tape& tape, const std::vector<Var>& p, double scale) const {
    Tensor first = product(tape, p[0].value, p[1].value), second = product(tape, p[2].value, p[3].value);
    Tensor delta = tape.empty(first.shape, first.dtype);
    tape.program().call<kernels::multiply>(delta, first, second, scale, false);
    return delta;
  }

  // With r = d loss / d delta: the gradient of one of the two products, then of its two factors.
  void half_backward(Tape& tape, Tensor r, const Var& left, const Var& right, Tensor other) const {
    Tensor t = tape.empty(r.shape, r.dtype);
    tape.program().call<kernels::multiply>(t, r, other, scale_, false);
    matmul(tape, tape.grad(left).tensor, t, right.value, {.transpose_b = true, .accumulate = true});
    matmul(tape, tape.grad(right).tensor, left.value, t, {.transpose_a = true, .accumulate = true});
  }
};

}  // namespace

std::unique_ptr<AdapterModule> make_loha(std::string path, int index, const AdapterConfig& config, int64_t rank,
                                         double alpha, int64_t out, int64_t in) {
  return std::make_unique<Loha>(std::move(path), index, config, rank, alpha, out, in);
}

}  // namespace ace
