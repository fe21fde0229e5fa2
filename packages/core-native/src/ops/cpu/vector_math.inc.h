// The loops behind vector_math.h, written once over a vector type V (see simd/). Include after one simd header only.
#pragma once
#include "ops/cpu/vector_math_table.h"

namespace ace::cpu {
namespace {

// Adding and taking away 1.5 * 2^23 rounds to the nearest whole number, for magnitudes below 2^22.
template <class V> ACE_ALWAYS_INLINE typename V::Reg round_to_whole(typename V::Reg x) {
  const typename V::Reg magic = V::set1(12582912.0f);
  return V::sub(V::add(x, magic), magic);
}

// exp(x) = 2^n exp(r), r = x - n ln 2 in [-ln 2 / 2, ln 2 / 2]. ln 2 is split so that n times its upper part is exact,
// with or without a fused multiply-add. exp(r) = 1 + r + r^2 q(r), q of degree 5 fitted on that interval (the
// coefficients are those of Cephes' expf, Moshier). 2^n is applied in two halves, for subnormal and infinite results.
template <class V> ACE_ALWAYS_INLINE typename V::Reg exp_of(typename V::Reg x) {
  using Reg = typename V::Reg;
  x = V::max(V::set1(-104.0f), x);  // the constant first: a NaN in the second operand is kept
  x = V::min(V::set1(89.0f), x);
  const Reg n = round_to_whole<V>(V::mul(x, V::set1(1.44269504088896341f)));
  Reg r = V::fma(n, V::set1(-0.693359375f), x);
  r = V::fma(n, V::set1(2.12194440e-4f), r);
  Reg q = V::set1(1.9875691500e-4f);
  q = V::fma(q, r, V::set1(1.3981999507e-3f));
  q = V::fma(q, r, V::set1(8.3334519073e-3f));
  q = V::fma(q, r, V::set1(4.1665795894e-2f));
  q = V::fma(q, r, V::set1(1.6666665459e-1f));
  q = V::fma(q, r, V::set1(5.0000001201e-1f));
  const Reg y = V::add(V::fma(V::mul(r, r), q, r), V::set1(1.0f));
  const Reg half = round_to_whole<V>(V::mul(n, V::set1(0.5f)));
  return V::mul(V::mul(y, V::pow2(half)), V::pow2(V::sub(n, half)));
}

template <class V> float row_max_of(const float* x, int64_t n) {
  const typename V::Reg lowest = V::set1(float_of(0xff800000u));
  typename V::Reg top = lowest;
  int64_t i = 0;
  for (; i + V::W <= n; i += V::W) top = V::max(V::load(x + i), top);
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    top = V::max(V::blend(V::first(rest), V::load_first(x + i, rest), lowest), top);
  }
  return V::largest(top);
}

template <class V> float exp_sub_sum_of(float* x, int64_t n, float max) {
  const typename V::Reg shift = V::set1(max);
  typename V::Reg sum = V::zero();
  int64_t i = 0;
  for (; i + V::W <= n; i += V::W) {
    const typename V::Reg y = exp_of<V>(V::sub(V::load(x + i), shift));
    V::store(x + i, y);
    sum = V::add(sum, y);
  }
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    const typename V::Reg y = exp_of<V>(V::sub(V::load_first(x + i, rest), shift));
    V::store(x + i, y, V::first(rest));
    sum = V::add(sum, V::blend(V::first(rest), y, V::zero()));
  }
  return V::sum(sum);
}

template <class V> ACE_ALWAYS_INLINE typename V::Reg one_plus_exp_minus(typename V::Reg x) {
  return V::add(V::set1(1.0f), exp_of<V>(V::sub(V::zero(), x)));
}

template <class V> void swiglu_forward_of(float* out, const float* gate, const float* up, int64_t n) {
  int64_t i = 0;
  const auto value = [](typename V::Reg g, typename V::Reg u) { return V::mul(V::div(g, one_plus_exp_minus<V>(g)), u); };
  for (; i + V::W <= n; i += V::W) V::store(out + i, value(V::load(gate + i), V::load(up + i)));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    V::store(out + i, value(V::load_first(gate + i, rest), V::load_first(up + i, rest)), V::first(rest));
  }
}

template <class V, bool AddGate, bool AddUp>
void swiglu_backward_of(float* dgate, float* dup, const float* dout, const float* gate, const float* up, int64_t n) {
  using Reg = typename V::Reg;
  struct Gradients { Reg gate, up; };
  const auto gradients = [](Reg d, Reg g, Reg u) -> Gradients {
    const Reg one = V::set1(1.0f), s = V::div(one, one_plus_exp_minus<V>(g));
    const Reg slope = V::mul(s, V::fma(g, V::sub(one, s), one));
    return {V::mul(V::mul(d, u), slope), V::mul(d, V::mul(g, s))};
  };
  int64_t i = 0;
  for (; i + V::W <= n; i += V::W) {
    Gradients d = gradients(V::load(dout + i), V::load(gate + i), V::load(up + i));
    if constexpr (AddGate) d.gate = V::add(V::load(dgate + i), d.gate);
    if constexpr (AddUp) d.up = V::add(V::load(dup + i), d.up);
    V::store(dgate + i, d.gate);
    V::store(dup + i, d.up);
  }
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    const typename V::Mask mask = V::first(rest);
    Gradients d = gradients(V::load_first(dout + i, rest), V::load_first(gate + i, rest), V::load_first(up + i, rest));
    if constexpr (AddGate) d.gate = V::add(V::load_first(dgate + i, rest), d.gate);
    if constexpr (AddUp) d.up = V::add(V::load_first(dup + i, rest), d.up);
    V::store(dgate + i, d.gate, mask);
    V::store(dup + i, d.up, mask);
  }
}

template <class V>
void swiglu_backward_either(float* dgate, float* dup, const float* dout, const float* gate, const float* up, int64_t n,
                            bool accumulate_gate, bool accumulate_up) {
  if (accumulate_gate && accumulate_up) return swiglu_backward_of<V, true, true>(dgate, dup, dout, gate, up, n);
  if (accumulate_gate) return swiglu_backward_of<V, true, false>(dgate, dup, dout, gate, up, n);
  if (accumulate_up) return swiglu_backward_of<V, false, true>(dgate, dup, dout, gate, up, n);
  swiglu_backward_of<V, false, false>(dgate, dup, dout, gate, up, n);
}

template <class V> constexpr VectorMath make_vector_math() {
  return {row_max_of<V>, exp_sub_sum_of<V>, swiglu_forward_of<V>, swiglu_backward_either<V>};
}

}  // namespace
}  // namespace ace::cpu
