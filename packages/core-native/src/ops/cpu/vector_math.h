// Exponentials over float vectors, for softmax and SwiGLU. Instruction set chosen at run time.
#pragma once
#include <cstdint>

namespace ace::cpu {

// The exponential in all of them: within 2 units in the last place of the true value (2.5 with subnormal results),
// 0 for -infinity and below -104, +infinity from 88.73, NaN for NaN. One element's result never depends on where in a
// vector it lies.

// The largest of x[0, n); -infinity for n == 0. A NaN is passed over: the sum below then carries it.
float row_max(const float* x, int64_t n);

// x = exp(x - max) in place; returns the sum of the new x, added in an order that depends on n alone.
// max must be finite unless every x is to become NaN.
float exp_sub_sum(float* x, int64_t n, float max);

// out = silu(gate) * up, silu(g) = g / (1 + exp(-g)). Source: Shazeer 2020. out may be gate or up.
void swiglu_vector(float* out, const float* gate, const float* up, int64_t n);

// With s = 1 / (1 + exp(-gate)): dup = dout * gate * s, dgate = dout * up * s * (1 + gate * (1 - s)); each is added to
// what stands there if its flag says so. dgate and dup may be any of the inputs, but not each other.
void swiglu_vector_backward(float* dgate, float* dup, const float* dout, const float* gate, const float* up, int64_t n,
                     bool accumulate_gate, bool accumulate_up);

}  // namespace ace::cpu
