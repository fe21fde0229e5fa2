#pragma once
#include "ops/ops.h"

// The two halves of a low-rank change s (x A^T) B^T as operators: apart, so that the first halves of several modules with one
// x can be a single product.
namespace ace {

// Dropout of x before A: x mask / (1 - p), the mask drawn anew in the backward pass instead of being kept.
struct InputDropout {
  Tensor counters;  // not given: none
  double p = 0;
  int module = 0;
  bool given() const { return counters.given() && p > 0; }
};

// x after dropout, not recorded.
Tensor dropped(Tape& tape, Tensor x, const InputDropout& dropout);

// h = drop(x) A^T. x [.., in]; a [rank, in]; h [.., rank]. Source: Hu et al. 2021.
Var low_product(Tape& tape, const Var& x, const Var& a, const InputDropout& dropout = {});

// y = base + scale h B^T in base's memory, or, where that holds nothing yet (`first`), scale h B^T alone. base [.., out];
// h [.., rank]; b [out, rank].
Var add_low_product(Tape& tape, const Var& base, const Var& h, const Var& b, double scale, bool first = false);

// y = u * magnitude / norm per column, the norm a constant. u [.., out]; magnitude, norm [out]. Source: Liu et al. 2024.
Var scale_by_magnitude(Tape& tape, const Var& u, const Var& magnitude, Tensor norm);

// dm += column sums of dy u / norm. On CUDA the rows are summed in parts, in a fixed order.
void magnitude_gradient(Tape& tape, const Var& magnitude, Tensor dy, Tensor u, Tensor norm);

}  // namespace ace
