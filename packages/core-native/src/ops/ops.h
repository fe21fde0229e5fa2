#pragma once
#include <optional>

#include "autograd/tape.h"
#include "ops/kernels.h"

// The differentiable operators. Each adds to the gradient of every input that needs one; frozen weights are plain
// tensors and cost nothing in the backward pass.
// B batch, L tokens, S keys, D width, H query heads, G kv heads, hd head size.
namespace ace {

// c = alpha op(a) op(b) [+ bias] [+ c], counted as 2 m n k operations. Not recorded: the building block of the rules.
void matmul(Tape& tape, Tensor c, Tensor a, Tensor b, MatmulSpec spec = {}, Tensor bias = {});
// Fresh c = op(a) op(b) with rows shaped like a's (or [m, n] where a is transposed), of a's dtype unless one is given.
Tensor product(Tape& tape, Tensor a, Tensor b, MatmulSpec spec = {}, Tensor bias = {}, std::optional<DType> dtype = {});

// y = x W^T [+ bias]. x [.., in]; weight [out, in] frozen, bf16 or float; bias [out] wide; y [.., out] of x's dtype unless
// one is given. Errors: ERR_SHAPE if the last axis of x is not `in`.
Var linear(Tape& tape, const Var& x, Tensor weight, Tensor bias = {}, std::optional<DType> dtype = {});

// linear() in two parts, for an y that is a sum: begin_linear() gives y's memory, in which whoever calls writes the other
// summand, and end_linear() then adds x W^T to it. A summand bound by memory is so written once, not read and written, and
// the product, bound by arithmetic, reads it on the side. Backward as linear().
Var begin_linear(Tape& tape, const Var& x, Tensor weight);
void end_linear(Tape& tape, const Var& y, const Var& x, Tensor weight);

// y = x / sqrt(mean(x^2) + eps) * weight [* (1 + mod[scale_row]) + mod[shift_row]], per row.
// x [B, L, D]; weight [D] frozen; mod [B, R, D] frozen or not given. Statistics in the compute type.
// Errors: ERR_SHAPE. Source: Zhang & Sennrich 2019; adaptive modulation: Peebles & Xie 2023.
Var rms_norm(Tape& tape, const Var& x, Tensor weight, double eps, Tensor mod = {}, int scale_row = 0, int shift_row = 0);

// RMSNorm of every head, then RoPE where tables are given. x [B, L, heads hd]; weight [hd]; cos, sin [>= L, hd / 2].
// Errors: ERR_SHAPE. Source: Su et al. 2021, the half-split layout.
Var head_norm(Tape& tape, const Var& x, Tensor weight, double eps, Tensor cos = {}, Tensor sin = {});

// Sequences behind one another in the rows of a single sample, so that none is padded to another's length. int32 [N + 1]:
// sequence n has query rows [q_start[n], q_start[n + 1]) and keys [k_start[n], k_start[n + 1]). Both start with 0 and
// never fall; rows behind the last sequence see nothing and give zeros.
struct PackedSequences {
  Tensor q_start, k_start;
  int64_t expected = 1;  // how many of them have rows: operations are counted as if these were of one length
};

// Softmax attention with grouped kv heads. q [B, L, H hd]; k, v [B, S, G hd]; y like q.
// key_count [B] int32: keys from there on are invisible; key_mask [B, S] uint8 (forward only). `packed`: B is 1, windows
// and causality count from each sequence's start, and neither of the other two is given.
// Errors: ERR_SHAPE. Source: Vaswani et al. 2017; grouped heads: Ainslie et al. 2023; the tiled kernels: Dao 2023.
Var attention(Tape& tape, const Var& q, const Var& k, const Var& v, AttentionSpec spec, Tensor key_count = {},
              Tensor key_mask = {}, PackedSequences packed = {});

// y = silu(gate) * up. Source: Shazeer 2020.
Var swiglu(Tape& tape, const Var& gate, const Var& up);

// y = x + branch [* mod[gate_row]].
Var gate_add(Tape& tape, const Var& x, const Var& branch, Tensor mod = {}, int gate_row = 0);

// gate_add, and rms_norm of its result, each row in one pass over memory; and so their gradients.
// x, branch [B, L, D]; mod, norm_mod [B, R, D] frozen or not given; weight [D] frozen. Errors: ERR_SHAPE.
struct GateAddNorm {
  Var x, y;  // the sum, and its norm
};
GateAddNorm gate_add_norm(Tape& tape, const Var& x, const Var& branch, Tensor mod, int gate_row, Tensor weight, double eps,
                          Tensor norm_mod = {}, int scale_row = 0, int shift_row = 0);

// RoPE tables for `length` positions in the compute type, [length, head_dim / 2] each, written once at set-up.
// Angles are formed in float32, as the model does.
struct RopeTables {
  Tensor cos, sin;
};
void fill_rope(Tensor cos, Tensor sin, double theta);

}  // namespace ace
