#include <algorithm>

#include "adapter/module.h"
#include "ops/lokr_split.h"
#include "ops/ops.h"

namespace ace {

namespace {

// LoKr (LyCORIS): delta = s kron(w1, w2), w1 [a, b], w2 [c, d], out = a c, in = b d. Each factor is full or a product
// of two thin ones. In training the big matrix never exists: with a row of x seen as X [b, d],
// the change is s w1 (X w2^T) [a, c].
class Lokr final : public AdapterModule {
 public:
  Lokr(std::string path, int index, const AdapterConfig& config, int64_t rank, double alpha, int64_t out, int64_t in)
      : AdapterModule(std::move(path), index, config, rank, alpha, out, in) {
    std::tie(a_, c_) = factorise(out, config.factor);
    std::tie(b_, d_) = factorise(in, config.factor);
    full1_ = !(config.decompose_both && 2 * rank < std::max(a_, b_) && !config.full_matrix);
    full2_ = !(2 * rank < std::max(c_, d_) && !config.full_matrix);
    if (full1_ && full2_) {  // LyCORIS: rank and alpha then do nothing
      alpha_ = static_cast<double>(rank);
      scale_ = 1;
    }
    if (full1_) {
      add_parameter("lokr_w1", {a_, b_}, Init::kaiming_uniform);
    } else {
      add_parameter("lokr_w1_a", {a_, rank}, Init::kaiming_uniform);
      add_parameter("lokr_w1_b", {rank, b_}, Init::kaiming_uniform);
    }
    second_ = parameters_.size();
    if (full2_) {
      add_parameter("lokr_w2", {c_, d_}, Init::zero);
    } else {
      add_parameter("lokr_w2_a", {c_, rank}, Init::kaiming_uniform);
      add_parameter("lokr_w2_b", {rank, d_}, Init::zero);
    }
    if (config.weight_decompose) add_parameter("dora_scale", {out, 1}, Init::row_norm);
  }

  bool additive() const override { return !config_.weight_decompose; }
  bool wants_base(const AdapterPass& pass) const override { return !config_.weight_decompose || pass.strength != 1; }

  bool can_be_first(const AdapterPass& pass) const override { return !config_.weight_decompose && !drops(pass); }

  Var forward(Tape& tape, Tensor weight, const Var& base, const Var& x, const AdapterPass& pass) const override {
    return config_.weight_decompose ? forward_decomposed(tape, weight, base, x, pass) : forward_structured(tape, base, x, pass);
  }

  Tensor merged(Tape& tape, Tensor weight, const AdapterPass& pass) const override {
    Tensor delta = full_delta(tape, factors(tape, pass), scale_);
    if (!config_.weight_decompose) return added(tape, weight, delta);
    Tensor wd = tape.empty({out_, in_}, delta.dtype), norm = tape.empty({out_}, wide(delta.dtype));
    tape.program().call<kernels::weight_decompose_forward>(wd, norm, weight, delta, parameter(tape, pass, parameters_.size() - 1).value);
    return wd;
  }

 private:
  struct Factors {
    std::vector<Var> stored;  // as in parameters_
    Tensor w1, w2;            // multiplied out; w2 only where it is full or wanted whole
  };

  Factors factors(Tape& tape, const AdapterPass& pass) const {
    Factors f;
    for (size_t i = 0; i < parameters_.size(); ++i) f.stored.push_back(parameter(tape, pass, i));
    f.w1 = full1_ ? f.stored[0].value : product(tape, f.stored[0].value, f.stored[1].value);
    if (full2_) f.w2 = f.stored[second_].value;
    return f;
  }

  Tensor whole_w2(Tape& tape, const Factors& f) const {
    return full2_ ? f.w2 : product(tape, f.stored[second_].value, f.stored[second_ + 1].value);
  }

  Tensor full_delta(Tape& tape, const Factors& f, double scale) const {
    Tensor delta = tape.empty({out_, in_}, f.w1.dtype);
    tape.program().call<kernels::kron>(delta, f.w1, whole_w2(tape, f), scale);
    return delta;
  }

  // Z = X w2^T, [rows b, c]; `low` receives X w2_b^T where w2 is thin.
  Tensor right(Tape& tape, Tensor x, const Factors& f, Tensor* low) const {
    Tensor blocks = x.reshaped({x.elements() / d_, d_});
    if (full2_) return product(tape, blocks, f.w2, {.transpose_b = true});
    Tensor h = product(tape, blocks, f.stored[second_ + 1].value, {.transpose_b = true});
    if (low != nullptr) *low = h;
    return product(tape, h, f.stored[second_].value, {.transpose_b = true});
  }

  // out[row] (+)= alpha op(w1) in[row], in [rows, k, c]; the rows of in and out may lie apart.
  void left(Tape& tape, Tensor out, Tensor w1, Tensor in, bool transpose, double alpha, bool accumulate) const {
    BatchedSpec spec;
    spec.m = transpose ? b_ : a_;
    spec.k = transpose ? a_ : b_;
    spec.n = c_;
    spec.batch = in.elements() / (spec.k * c_);
    spec.a_row = transpose ? 1 : b_;
    spec.a_col = transpose ? b_ : 1;
    spec.b_stride = row_stride(in, spec.k * c_);
    spec.b_row = c_;
    spec.b_col = 1;
    spec.c_stride = row_stride(out, spec.m * c_);
    spec.c_row = c_;
    spec.alpha = alpha;
    spec.accumulate = accumulate;
    tape.program().add_flops(2 * spec.batch * spec.m * spec.n * spec.k);
    tape.program().call<kernels::matmul_batched>(out, w1, in, spec);
  }

  // Elements from one row of a [rows, width] matrix to the next, whatever shape its tensor has.
  static int64_t row_stride(const Tensor& t, int64_t width) { return t.contiguous() ? width : t.row_stride(); }

  bool drops(const AdapterPass& pass) const { return config_.rank_dropout > 0 && pass.counters.given(); }

  // g where no rank is dropped, else g with its dropped columns zero.
  Tensor kept_columns(Tape& tape, Tensor g, const AdapterPass& pass) const {
    if (!drops(pass)) return g;
    Tensor kept = tape.empty(g.shape, g.dtype);
    tape.program().call<kernels::drop_columns>(kept, g, pass.counters, config_.rank_dropout, config_.rank_dropout_scale, index_, false);
    return kept;
  }

  // On CUDA one kernel a direction keeps the intermediate on chip, and makes it again in the backward pass.
  Var forward_fused(Tape& tape, const Var& base, const Var& x, const AdapterPass& pass) const {
    Factors f = factors(tape, pass);
    f.w2 = whole_w2(tape, f);
    const double scale = scale_ * pass.strength;
    const int64_t rows = x.value.elements() / in_, flops = 2 * rows * b_ * c_ * (d_ + a_);
    tape.program().add_flops(flops);
    if (drops(pass)) {
      Tensor change = tape.empty(base.value.shape, base.value.dtype);
      tape.program().call<kernels::lokr_forward>(change, x.value, f.w1, f.w2, scale, false);
      tape.program().call<kernels::drop_columns>(base.value, change, pass.counters, config_.rank_dropout, config_.rank_dropout_scale, index_, true);
    } else {
      tape.program().call<kernels::lokr_forward>(base.value, x.value, f.w1, f.w2, scale, !pass.first);
    }
    std::vector<Var> inputs = f.stored;
    inputs.push_back(x);
    return tape.record_in_place(base, inputs, [this, &tape, x, f, scale, pass, rows, flops](Tensor dy) {
      const Tensor g = kept_columns(tape, dy, pass);
      if (f.stored[0].needs_grad()) {
        const Gradients to = gradients(tape, f, g.dtype);
        const Tensor scratch = tape.empty({LokrSplit(rows, a_, b_, c_, d_).elements}, wide(g.dtype));
        tape.program().add_flops(2 * flops);
        tape.program().call<kernels::lokr_backward_w>(to.w1, to.w2, g, tape.saved(x), f.w1, f.w2, scale, scratch);
        into_thin_factors(tape, to, f);
      }
      if (!x.needs_grad()) return;
      GradSlot dx = tape.grad(x);
      tape.program().add_flops(flops);
      tape.program().call<kernels::lokr_backward_x>(dx.tensor, g, f.w1, f.w2, scale, dx.accumulate);
    });
  }

  Var forward_structured(Tape& tape, const Var& base, const Var& x, const AdapterPass& pass) const {
    if (tape.program().device() == DeviceKind::cuda) return forward_fused(tape, base, x, pass);
    Factors f = factors(tape, pass);
    const double scale = scale_ * pass.strength;
    Tensor low, z = right(tape, x.value, f, &low);
    const Tensor y = base.value;
    if (drops(pass)) {
      Tensor change = tape.empty(y.shape, y.dtype);
      left(tape, change, f.w1, z, false, scale, false);
      tape.program().call<kernels::drop_columns>(y, change, pass.counters, config_.rank_dropout, config_.rank_dropout_scale, index_, true);
    } else {
      left(tape, y, f.w1, z, false, scale, !pass.first);
    }
    std::vector<Var> inputs = f.stored;
    inputs.push_back(x);
    // Under a recompute policy the intermediate is cheaper to make again than to keep: it is as wide as x.
    const bool again = tape.recompute() != Recompute::none;
    return tape.record_in_place(base, inputs, [this, &tape, x, f, z, low, scale, pass, again](Tensor dy) {
      const Tensor g = kept_columns(tape, dy, pass);
      Tensor low_again = low, z_again = z;
      if (again) z_again = right(tape, tape.saved(x), f, &low_again);
      first_factor_backward(tape, g, z_again, f, scale);
      Tensor dz = tape.empty(z.shape, z.dtype);
      left(tape, dz, f.w1, g, true, scale, false);
      second_factor_backward(tape, dz, low_again, x, f);
    });
  }

  // dw1 += s sum over rows of G Z^T, then into the thin factors where w1 is a product.
  void first_factor_backward(Tape& tape, Tensor g, Tensor z, const Factors& f, double scale) const {
    if (!f.stored[0].needs_grad()) return;
    BatchedSpec spec;
    spec.m = a_;
    spec.n = b_;
    spec.k = c_;
    spec.batch = g.elements() / (a_ * c_);
    spec.a_stride = row_stride(g, a_ * c_);
    spec.a_row = c_;
    spec.a_col = 1;
    spec.b_stride = b_ * c_;
    spec.b_row = 1;
    spec.b_col = c_;
    spec.c_row = b_;
    spec.alpha = scale;
    spec.reduce = true;
    tape.program().add_flops(2 * spec.batch * spec.m * spec.n * spec.k);
    if (full1_) {
      spec.accumulate = true;
      tape.program().call<kernels::matmul_batched>(tape.grad(f.stored[0]).tensor, g, z, spec);
      return;
    }
    Tensor dw1 = tape.empty({a_, b_}, g.dtype);
    tape.program().call<kernels::matmul_batched>(dw1, g, z, spec);
    pair_backward(tape, dw1, f.stored[0], f.stored[1]);
  }

  // For w = left right: dleft += dw right^T, dright += left^T dw.
  void pair_backward(Tape& tape, Tensor dw, const Var& left, const Var& right) const {
    if (left.needs_grad()) matmul(tape, tape.grad(left).tensor, dw, right.value, {.transpose_b = true, .accumulate = true});
    if (right.needs_grad()) matmul(tape, tape.grad(right).tensor, left.value, dw, {.transpose_a = true, .accumulate = true});
  }

  void second_factor_backward(Tape& tape, Tensor dz, Tensor low, const Var& x, const Factors& f) const {
    Tensor input = tape.saved(x);
    Tensor blocks = input.reshaped({input.elements() / d_, d_});
    auto into_x = [&](Tensor from, Tensor factor) {
      if (!x.needs_grad()) return;
      GradSlot dx = tape.grad(x);
      matmul(tape, dx.tensor.reshaped({dx.tensor.elements() / d_, d_}), from, factor, {.accumulate = dx.accumulate});
    };
    if (full2_) {
      const Var& w2 = f.stored[second_];
      if (w2.needs_grad()) matmul(tape, tape.grad(w2).tensor, dz, blocks, {.transpose_a = true, .accumulate = true});
      into_x(dz, w2.value);
      return;
    }
    const Var &w2_a = f.stored[second_], &w2_b = f.stored[second_ + 1];
    if (w2_a.needs_grad()) matmul(tape, tape.grad(w2_a).tensor, dz, low, {.transpose_a = true, .accumulate = true});
    Tensor dlow = product(tape, dz, w2_a.value);
    if (w2_b.needs_grad()) matmul(tape, tape.grad(w2_b).tensor, dlow, blocks, {.transpose_a = true, .accumulate = true});
    into_x(dlow, w2_b.value);
  }

  // W' = (W + delta) m / (||W + delta||_row + eps), the norm differentiated (LyCORIS' weight decompose).
  Var forward_decomposed(Tape& tape, Tensor weight, const Var& base, const Var& x, const AdapterPass& pass) const {
    Factors f = factors(tape, pass);
    const Var& m = f.stored.back();
    Tensor delta = full_delta(tape, f, scale_);
    Tensor wd = tape.empty({out_, in_}, delta.dtype), norm = tape.empty({out_}, wide(delta.dtype));
    tape.program().call<kernels::weight_decompose_forward>(wd, norm, weight, delta, m.value);
    Tensor y = product(tape, x.value, wd, {.transpose_b = true});
    if (pass.strength != 1) {  // generation only
      tape.program().call<kernels::blend>(y, base.value, y, pass.strength);
      return Tape::constant(y);
    }
    std::vector<Var> inputs = f.stored;
    inputs.push_back(x);
    return tape.record(y, inputs, [this, &tape, weight, x, f, norm, wd, delta](Tensor dy) {
      Tensor r = product(tape, dy.reshaped({dy.shape.rows(), out_}), tape.saved(x), {.transpose_a = true});
      if (f.stored[0].needs_grad()) {
        Tensor ddelta = tape.empty({out_, in_}, r.dtype);
        tape.program().call<kernels::weight_decompose_backward>(ddelta, tape.grad(f.stored.back()).tensor, r, weight, delta, norm, f.stored.back().value);
        delta_backward(tape, ddelta, f);
      }
      if (!x.needs_grad()) return;
      GradSlot dx = tape.grad(x);
      matmul(tape, dx.tensor, dy, wd, {.accumulate = dx.accumulate});
    });
  }

  // Where kernels add the gradients of the whole factors: the parameters' own, or zeroed places for products of thin ones.
  struct Gradients {
    Tensor w1, w2;
  };
  Gradients gradients(Tape& tape, const Factors& f, DType dtype) const {
    auto place = [&](bool full, size_t i, Shape shape) {
      if (full) return tape.grad(f.stored[i]).tensor;
      Tensor fresh = tape.empty(shape, dtype);
      tape.program().call<kernels::fill>(fresh, 0.0);
      return fresh;
    };
    return {place(full1_, 0, {a_, b_}), place(full2_, second_, {c_, d_})};
  }
  void into_thin_factors(Tape& tape, const Gradients& from, const Factors& f) const {
    if (!full1_) pair_backward(tape, from.w1, f.stored[0], f.stored[1]);
    if (!full2_) pair_backward(tape, from.w2, f.stored[second_], f.stored[second_ + 1]);
  }

  void delta_backward(Tape& tape, Tensor ddelta, const Factors& f) const {
    const Gradients to = gradients(tape, f, ddelta.dtype);
    tape.program().call<kernels::kron_backward>(to.w1, to.w2, ddelta, f.w1, whole_w2(tape, f), scale_);
    into_thin_factors(tape, to, f);
  }

  int64_t a_, b_, c_, d_;
  bool full1_, full2_;
  size_t second_;  // where w2's parameters begin
};

}  // namespace

std::unique_ptr<AdapterModule> make_lokr(std::string path, int index, const AdapterConfig& config, int64_t rank,
                                         double alpha, int64_t out, int64_t in) {
  return std::make_unique<Lokr>(std::move(path), index, config, rank, alpha, out, in);
}

}  // namespace ace
