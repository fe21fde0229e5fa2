#include "ops/ops.h"

#include <algorithm>
#include <cmath>
#include <memory>

namespace ace {

namespace {

// Where one kernel call writes the gradients of several inputs. An input met before in the same call gets a place of its
// own that is added afterwards: the call could not both write and add to one tensor.
class GradPlaces {
 public:
  explicit GradPlaces(Tape& tape) : tape_(tape) {}

  GradSlot take(const Var& x) {
    if (std::find(met_.begin(), met_.end(), x.node) == met_.end()) {
      met_.push_back(x.node);
      return tape_.grad(x);
    }
    later_.emplace_back(x, tape_.empty(x.value.shape, x.value.dtype));
    return {later_.back().second, false};
  }
  void finish() {
    for (const auto& [x, gradient] : later_) tape_.pass_grad(x, gradient);
  }

 private:
  Tape& tape_;
  std::vector<int32_t> met_;
  std::vector<std::pair<Var, Tensor>> later_;
};

void check_packed(const PackedSequences& packed, const Shape& q, const Tensor& key_count, const Tensor& key_mask) {
  const Tensor &a = packed.q_start, &b = packed.k_start;
  if (!a.given() || !b.given() || a.dtype != DType::i32 || b.dtype != DType::i32 || a.elements() < 2 || a.elements() != b.elements())
    throw_shape("attention: packed sequences need q_start and k_start of the same length N + 1, both int32; got " + a.shape.text() + " " +
                name(a.dtype) + " and " + b.shape.text() + " " + name(b.dtype));
  if (q[0] != 1 || key_count.given() || key_mask.given())
    throw_shape("attention: packed sequences share one sample and bring their own lengths; got q " + q.text() +
                (key_count.given() ? " with a key count" : key_mask.given() ? " with a key mask" : ""));
}

}  // namespace

void matmul(Tape& tape, Tensor c, Tensor a, Tensor b, MatmulSpec spec, Tensor bias) {
  const int64_t m = spec.transpose_a ? a.shape.last() : a.shape.rows();
  const int64_t k = spec.transpose_a ? a.shape.rows() : a.shape.last();
  const int64_t bk = spec.transpose_b ? b.shape.last() : b.shape.rows();
  const int64_t n = spec.transpose_b ? b.shape.rows() : b.shape.last();
  if (k != bk || c.elements() != m * n)
    throw_shape("matmul: " + a.shape.text() + (spec.transpose_a ? "^T" : "") + " times " + b.shape.text() +
                (spec.transpose_b ? "^T" : "") + " does not give " + c.shape.text());
  if (bias.given() && bias.elements() != n)
    throw_shape("matmul: bias " + bias.shape.text() + " does not fit " + std::to_string(n) + " columns");
  tape.program().add_flops(2 * m * n * k);
  tape.program().call<kernels::matmul>(c, a, b, bias, spec);
}

Tensor product(Tape& tape, Tensor a, Tensor b, MatmulSpec spec, Tensor bias, std::optional<DType> dtype) {
  const int64_t n = spec.transpose_b ? b.shape.rows() : b.shape.last();
  Shape shape{a.shape.last(), n};
  if (!spec.transpose_a) {
    shape = a.shape;
    shape.at(-1) = n;
  }
  Tensor c = tape.empty(shape, dtype.value_or(a.dtype));
  matmul(tape, c, a, b, spec, bias);
  return c;
}

namespace {

void check_linear(const Var& x, const Tensor& weight) {
  if (weight.shape.rank() != 2 || weight.shape[1] != x.value.shape.last())
    throw_shape("linear: weight " + weight.shape.text() + " does not fit x " + x.value.shape.text());
}

Var record_linear(Tape& tape, Tensor y, const Var& x, Tensor weight) {
  return tape.record(y, {x}, [&tape, x, weight](Tensor dy) {
    GradSlot dx = tape.grad(x);
    matmul(tape, dx.tensor, dy, weight, {.accumulate = dx.accumulate});
  });
}

}  // namespace

Var linear(Tape& tape, const Var& x, Tensor weight, Tensor bias, std::optional<DType> dtype) {
  check_linear(x, weight);
  return record_linear(tape, product(tape, x.value, weight, {.transpose_b = true}, bias, dtype), x, weight);
}

Var begin_linear(Tape& tape, const Var& x, Tensor weight) {
  check_linear(x, weight);
  Shape shape = x.value.shape;
  shape.at(-1) = weight.shape[0];
  return record_linear(tape, tape.empty(shape, x.value.dtype), x, weight);
}

void end_linear(Tape& tape, const Var& y, const Var& x, Tensor weight) {
  matmul(tape, y.value, x.value, weight, {.transpose_b = true, .accumulate = true});
}

Var rms_norm(Tape& tape, const Var& x, Tensor weight, double eps, Tensor mod, int scale_row, int shift_row) {
  if (weight.elements() != x.value.shape.last() || (mod.given() && mod.shape.last() != x.value.shape.last()))
    throw_shape("rms_norm: weight " + weight.shape.text() + " or modulation " + mod.shape.text() + " does not fit x " +
                x.value.shape.text());
  Program& program = tape.program();
  Tensor y = tape.empty(x.value.shape, x.value.dtype);
  Tensor rstd = tape.empty({x.value.shape.rows()}, wide(x.value.dtype));
  program.call<kernels::rms_norm_forward>(y, rstd, x.value, weight, mod, scale_row, shift_row, eps);
  Var out = tape.record(y, {x}, [&tape, x, weight, mod, scale_row, rstd](Tensor dy) {
    GradSlot dx = tape.grad(x);
    tape.program().call<kernels::rms_norm_backward>(dx.tensor, dy, x.value, rstd, weight, mod, scale_row, dx.accumulate);
  });
  tape.cheap(out, [&tape, x, weight, mod, scale_row, shift_row, eps, rstd] {
    Tensor again = tape.empty(x.value.shape, x.value.dtype);
    tape.program().call<kernels::rms_norm_forward>(again, rstd, x.value, weight, mod, scale_row, shift_row, eps);
    return again;
  });
  return out;
}

Var head_norm(Tape& tape, const Var& x, Tensor weight, double eps, Tensor cos, Tensor sin) {
  const int64_t hd = weight.elements();
  if (x.value.shape.rank() != 3 || x.value.shape.last() % hd != 0 || hd % 2 != 0)
    throw_shape("head_norm: heads of " + std::to_string(hd) + " do not fit x " + x.value.shape.text());
  if (cos.given() && (cos.shape[0] < x.value.shape[1] || cos.shape.last() != hd / 2))
    throw_shape("head_norm: RoPE tables " + cos.shape.text() + " do not fit x " + x.value.shape.text());
  Tensor y = tape.empty(x.value.shape, x.value.dtype);
  Tensor rstd = tape.empty({x.value.elements() / hd}, wide(x.value.dtype));
  tape.program().call<kernels::head_norm_forward>(y, rstd, x.value, weight, cos, sin, eps);
  Var out = tape.record(y, {x}, [&tape, x, weight, cos, sin, rstd](Tensor dy) {
    GradSlot dx = tape.grad(x);
    tape.program().call<kernels::head_norm_backward>(dx.tensor, dy, x.value, rstd, weight, cos, sin, dx.accumulate);
  });
  tape.cheap(out, [&tape, x, weight, cos, sin, eps, rstd] {
    Tensor again = tape.empty(x.value.shape, x.value.dtype);
    tape.program().call<kernels::head_norm_forward>(again, rstd, x.value, weight, cos, sin, eps);
    return again;
  });
  return out;
}

Var attention(Tape& tape, const Var& q, const Var& k, const Var& v, AttentionSpec spec, Tensor key_count,
              Tensor key_mask, PackedSequences packed) {
  const Shape &qs = q.value.shape, &ks = k.value.shape;
  if (qs.rank() != 3 || ks.rank() != 3 || !(ks == v.value.shape) || qs[0] != ks[0] || qs[2] % spec.heads != 0 ||
      ks[2] % spec.kv_heads != 0 || qs[2] / spec.heads != ks[2] / spec.kv_heads || spec.heads % spec.kv_heads != 0)
    throw_shape("attention: q " + qs.text() + ", k " + ks.text() + ", v " + v.value.shape.text() + " with " +
                std::to_string(spec.heads) + " and " + std::to_string(spec.kv_heads) + " heads do not fit");
  if (packed.q_start.given() || packed.k_start.given()) check_packed(packed, qs, key_count, key_mask);
  const int64_t hd = qs[2] / spec.heads, batch = qs[0], length = qs[1], keys = ks[1];
  Tensor o = tape.empty(qs, q.value.dtype);
  Tensor lse = tape.empty({batch, spec.heads, length}, wide(q.value.dtype));
  int64_t pairs = length * keys;
  if (spec.window >= 0 && spec.window < length - 1)
    pairs = length * (2 * spec.window + 1) - static_cast<int64_t>(spec.window) * (spec.window + 1);
  // What lies in a window is seen wherever a sequence begins; all else of other sequences is not.
  if (packed.q_start.given()) pairs = std::min(pairs, length * keys / packed.expected);
  const int64_t flops = 4 * batch * spec.heads * hd * pairs;
  tape.program().add_flops(flops);
  tape.program().call<kernels::attention_forward>(o, lse, q.value, k.value, v.value, key_count, key_mask, packed.q_start, packed.k_start, spec);
  return tape.record(o, {q, k, v}, [&tape, q, k, v, o, lse, spec, key_count, key_mask, packed, flops](Tensor d_o) {
    if (key_mask.given()) throw Error(ErrorCode::internal, "attention: a key mask is for frozen networks only");
    AttentionSpec back = spec;
    GradPlaces places(tape);
    auto slot = [&places](const Var& x, bool& accumulate) {
      if (!x.needs_grad()) return Tensor{};
      GradSlot grad = places.take(x);
      accumulate = grad.accumulate;
      return grad.tensor;
    };
    Tensor saved_q = tape.saved(q), saved_k = tape.saved(k);
    Tensor dq = slot(q, back.accumulate_q), dk = slot(k, back.accumulate_k), dv = slot(v, back.accumulate_v);
    tape.program().add_flops(2 * flops);
    Tensor row_dot = tape.empty(lse.shape, lse.dtype);
    tape.program().call<kernels::attention_backward>(dq, dk, dv, row_dot, d_o, o, lse, saved_q, saved_k, v.value, key_count,
                                                     packed.q_start, packed.k_start, back);
    places.finish();
  });
}

Var swiglu(Tape& tape, const Var& gate, const Var& up) {
  if (!(gate.value.shape == up.value.shape))
    throw_shape("swiglu: gate " + gate.value.shape.text() + " and up " + up.value.shape.text() + " differ");
  Tensor h = tape.empty(gate.value.shape, gate.value.dtype);
  tape.program().call<kernels::swiglu_forward>(h, gate.value, up.value);
  Var out = tape.record(h, {gate, up}, [&tape, gate, up](Tensor dh) {
    Program& program = tape.program();
    // The kernel writes both; a side that needs no gradient gets a place that is dropped at once.
    GradPlaces places(tape);
    GradSlot dgate = gate.needs_grad() ? places.take(gate) : GradSlot{program.tensor(gate.value.shape, gate.value.dtype), false};
    GradSlot dup = up.needs_grad() ? places.take(up) : GradSlot{program.tensor(up.value.shape, up.value.dtype), false};
    program.call<kernels::swiglu_backward>(dgate.tensor, dup.tensor, dh, tape.saved(gate), tape.saved(up), dgate.accumulate,
                                           dup.accumulate);
    places.finish();
  });
  tape.cheap(out, [&tape, gate, up] {
    Tensor again = tape.empty(gate.value.shape, gate.value.dtype);
    tape.program().call<kernels::swiglu_forward>(again, tape.saved(gate), tape.saved(up));
    return again;
  });
  return out;
}

Var gate_add(Tape& tape, const Var& x, const Var& branch, Tensor mod, int gate_row) {
  if (!(x.value.shape == branch.value.shape))
    throw_shape("gate_add: x " + x.value.shape.text() + " and branch " + branch.value.shape.text() + " differ");
  Tensor y = tape.empty(x.value.shape, x.value.dtype);
  tape.program().call<kernels::gate_add_forward>(y, x.value, branch.value, mod, gate_row);
  return tape.record(y, {x, branch}, [&tape, x, branch, mod, gate_row](Tensor dy) {
    if (branch.needs_grad()) {
      if (mod.given()) {
        GradSlot db = tape.grad(branch);
        tape.program().call<kernels::gate_backward>(db.tensor, dy, mod, gate_row, db.accumulate);
      } else {
        tape.pass_grad(branch, dy);
      }
    }
    if (x.needs_grad()) tape.pass_grad(x, dy);
  });
}

GateAddNorm gate_add_norm(Tape& tape, const Var& x, const Var& branch, Tensor mod, int gate_row, Tensor weight, double eps,
                          Tensor norm_mod, int scale_row, int shift_row) {
  const Shape& shape = x.value.shape;
  if (!(shape == branch.value.shape) || weight.elements() != shape.last() || (mod.given() && mod.shape.last() != shape.last()) ||
      (norm_mod.given() && norm_mod.shape.last() != shape.last()))
    throw_shape("gate_add_norm: branch " + branch.value.shape.text() + ", weight " + weight.shape.text() + " or modulation " +
                mod.shape.text() + ", " + norm_mod.shape.text() + " does not fit x " + shape.text());
  const Tensor sum = tape.empty(shape, x.value.dtype), normed = tape.empty(shape, x.value.dtype);
  const Tensor rstd = tape.empty({shape.rows()}, wide(x.value.dtype));
  tape.program().call<kernels::gate_add_norm_forward>(sum, normed, rstd, x.value, branch.value, mod, gate_row, weight, norm_mod,
                                                      scale_row, shift_row, eps);
  // The norm's rule runs right before the sum's, when the sum's gradient holds all but the norm's part: it completes that
  // gradient and forms the branch's from it in one pass.
  const auto branch_done = std::make_shared<bool>(false);
  GateAddNorm out;
  out.x = tape.record(sum, {x, branch}, [&tape, x, branch, mod, gate_row, branch_done](Tensor dsum) {
    if (branch.needs_grad() && !mod.given()) tape.pass_grad(branch, dsum);
    if (branch.needs_grad() && mod.given() && !*branch_done) {  // nobody asked for the norm's gradient
      GradSlot db = tape.grad(branch);
      tape.program().call<kernels::gate_backward>(db.tensor, dsum, mod, gate_row, db.accumulate);
    }
    if (x.needs_grad()) tape.pass_grad(x, dsum);
  });
  out.y = tape.record(normed, {out.x}, [&tape, at = out.x, branch, mod, gate_row, weight, norm_mod, scale_row, rstd, branch_done](Tensor dy) {
    const GradSlot dsum = tape.grad(at);
    GradSlot db;
    if (branch.needs_grad() && mod.given()) {
      db = tape.grad(branch);
      *branch_done = true;
    }
    tape.program().call<kernels::gate_add_norm_backward>(dsum.tensor, db.tensor, dy, at.value, rstd, weight, norm_mod, scale_row, mod,
                                                         gate_row, dsum.accumulate, db.accumulate);
  });
  tape.cheap(out.y, [&tape, sum, weight, norm_mod, scale_row, shift_row, eps, rstd] {
    Tensor again = tape.empty(sum.shape, sum.dtype);
    tape.program().call<kernels::rms_norm_forward>(again, rstd, sum, weight, norm_mod, scale_row, shift_row, eps);
    return again;
  });
  return out;
}

namespace {
template <class T>
void fill_rope_typed(Tensor& cos, Tensor& sin, double theta) {
  const int64_t length = cos.shape[0], half = cos.shape[1];
  for (int64_t i = 0; i < half; ++i) {
    const float inverse = 1.0f / std::pow(static_cast<float>(theta), static_cast<float>(2 * i) / static_cast<float>(2 * half));
    for (int64_t p = 0; p < length; ++p) {
      const float angle = static_cast<float>(p) * inverse;
      cos.as<T>()[p * half + i] = T(std::cos(angle));
      sin.as<T>()[p * half + i] = T(std::sin(angle));
    }
  }
}
}  // namespace

void fill_rope(Tensor cos, Tensor sin, double theta) {
  if (cos.dtype == DType::f64) fill_rope_typed<double>(cos, sin, theta);
  else fill_rope_typed<float>(cos, sin, theta);
}

}  // namespace ace
