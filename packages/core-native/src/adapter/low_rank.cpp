#include "adapter/low_rank.h"

#include <algorithm>

namespace ace {

Tensor dropped(Tape& tape, Tensor x, const InputDropout& dropout) {
  Tensor out = tape.empty(x.shape, x.dtype);
  tape.program().call<kernels::dropout>(out, x, dropout.counters, dropout.p, dropout.module, false);
  return out;
}

Var low_product(Tape& tape, const Var& x, const Var& a, const InputDropout& dropout) {
  Tensor h = product(tape, dropout.given() ? dropped(tape, x.value, dropout) : x.value, a.value, {.transpose_b = true});
  return tape.record(h, {x, a}, [&tape, x, a, dropout](Tensor dh) {
    if (a.needs_grad()) {
      const Tensor input = dropout.given() ? dropped(tape, tape.saved(x), dropout) : tape.saved(x);
      GradSlot da = tape.grad(a);
      matmul(tape, da.tensor, dh, input, {.transpose_a = true, .accumulate = da.accumulate});
    }
    if (!x.needs_grad()) return;
    if (!dropout.given()) {
      GradSlot dx = tape.grad(x);
      matmul(tape, dx.tensor, dh, a.value, {.accumulate = dx.accumulate});
      return;
    }
    const Tensor dinput = product(tape, dh, a.value);
    GradSlot dx = tape.grad(x);
    tape.program().call<kernels::dropout>(dx.tensor, dinput, dropout.counters, dropout.p, dropout.module, dx.accumulate);
  });
}

Var add_low_product(Tape& tape, const Var& base, const Var& h, const Var& b, double scale, bool first) {
  matmul(tape, base.value, h.value, b.value, {.transpose_b = true, .accumulate = !first, .alpha = scale});
  return tape.record_in_place(base, {h, b}, [&tape, h, b, scale](Tensor dy) {
    if (b.needs_grad()) {
      GradSlot db = tape.grad(b);
      matmul(tape, db.tensor, dy, h.value, {.transpose_a = true, .accumulate = db.accumulate, .alpha = scale});
    }
    if (!h.needs_grad()) return;
    GradSlot dh = tape.grad(h);
    matmul(tape, dh.tensor, dy, b.value, {.accumulate = dh.accumulate, .alpha = scale});
  });
}

void magnitude_gradient(Tape& tape, const Var& magnitude, Tensor dy, Tensor u, Tensor norm) {
  constexpr int64_t kRows = 32, kMostParts = 64;
  Tensor partial;
  if (tape.program().device() == DeviceKind::cuda)
    partial = tape.empty({std::min(kMostParts, (u.shape.rows() + kRows - 1) / kRows), u.shape.last()}, norm.dtype);
  tape.program().call<kernels::magnitude_backward>(tape.grad(magnitude).tensor, dy, u, norm, partial);
}

Var scale_by_magnitude(Tape& tape, const Var& u, const Var& magnitude, Tensor norm) {
  Tensor y = tape.empty(u.value.shape, u.value.dtype);
  tape.program().call<kernels::scale_columns>(y, u.value, magnitude.value, norm);
  return tape.record(y, {u, magnitude}, [&tape, u, magnitude, norm](Tensor dy) {
    if (magnitude.needs_grad()) magnitude_gradient(tape, magnitude, dy, u.value, norm);
    if (!u.needs_grad()) return;
    GradSlot du = tape.grad(u);
    if (du.accumulate) throw Error(ErrorCode::internal, "scale_by_magnitude: u has another reader");
    tape.program().call<kernels::scale_columns>(du.tensor, dy, magnitude.value, norm);
  });
}

}  // namespace ace
