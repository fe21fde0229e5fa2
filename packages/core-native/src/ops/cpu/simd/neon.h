// NEON of aarch64: vectors of 4 floats or 2 doubles. It has no masks: what does not fill a vector goes element by element.
// Include from one kernels_<isa>.cpp only: the unnamed namespace keeps each instruction set's code to itself.
#pragma once
#include <arm_neon.h>

#include "ops/cpu/simd/unroll.h"
#include "tensor/dtype.h"

namespace ace::cpu {
namespace {

struct F32 {
  using T = float;
  using Reg = float32x4_t;
  using Mask = int;  // lanes [0, mask) are on
  static constexpr int W = 4;

  static ACE_ALWAYS_INLINE Reg zero() { return vdupq_n_f32(0); }
  static ACE_ALWAYS_INLINE Reg set1(float x) { return vdupq_n_f32(x); }
  static ACE_ALWAYS_INLINE Mask first(int n) { return n; }
  static ACE_ALWAYS_INLINE Reg load(const float* p) { return vld1q_f32(p); }
  static ACE_ALWAYS_INLINE Reg load(const float* p, Mask m) { return load_first(p, m); }
  static ACE_ALWAYS_INLINE Reg widen(uint16x4_t x) { return vreinterpretq_f32_u32(vshll_n_u16(x, 16)); }
  static ACE_ALWAYS_INLINE Reg halves(uint16x4_t x) { return vcvt_f32_f16(vreinterpret_f16_u16(x)); }
  static ACE_ALWAYS_INLINE Reg load(const bf16* p) { return widen(vld1_u16(reinterpret_cast<const uint16_t*>(p))); }
  static ACE_ALWAYS_INLINE Reg load(const f16* p) { return halves(vld1_u16(reinterpret_cast<const uint16_t*>(p))); }
  // The first n elements, zeros after them.
  static ACE_ALWAYS_INLINE Reg load_first(const float* p, int n) {
    float lanes[4] = {};
    for (int i = 0; i < n; ++i) lanes[i] = p[i];
    return vld1q_f32(lanes);
  }
  static ACE_ALWAYS_INLINE uint16x4_t first16(const void* p, int n) {
    uint16_t lanes[4] = {};
    for (int i = 0; i < n; ++i) lanes[i] = static_cast<const uint16_t*>(p)[i];
    return vld1_u16(lanes);
  }
  static ACE_ALWAYS_INLINE Reg load_first(const bf16* p, int n) { return widen(first16(p, n)); }
  static ACE_ALWAYS_INLINE Reg load_first(const f16* p, int n) { return halves(first16(p, n)); }
  static ACE_ALWAYS_INLINE void store(float* p, Reg r) { vst1q_f32(p, r); }
  static ACE_ALWAYS_INLINE void store(float* p, Reg r, Mask m) {
    float lanes[4];
    vst1q_f32(lanes, r);
    for (int i = 0; i < m; ++i) p[i] = lanes[i];
  }
  static ACE_ALWAYS_INLINE Reg add(Reg a, Reg b) { return vaddq_f32(a, b); }
  static ACE_ALWAYS_INLINE Reg sub(Reg a, Reg b) { return vsubq_f32(a, b); }
  static ACE_ALWAYS_INLINE Reg mul(Reg a, Reg b) { return vmulq_f32(a, b); }
  static ACE_ALWAYS_INLINE Reg div(Reg a, Reg b) { return vdivq_f32(a, b); }
  static ACE_ALWAYS_INLINE Reg fma(Reg a, Reg b, Reg c) { return vfmaq_f32(c, a, b); }
  // b where either is a NaN: NEON's own maximum would pass the NaN on, or drop it, whichever operand it is in.
  static ACE_ALWAYS_INLINE Reg max(Reg a, Reg b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  static ACE_ALWAYS_INLINE Reg min(Reg a, Reg b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
  static ACE_ALWAYS_INLINE Reg blend(Mask m, Reg on, Reg off) {
    const int32_t index[4] = {0, 1, 2, 3};
    return vbslq_f32(vcltq_s32(vld1q_s32(index), vdupq_n_s32(m)), on, off);
  }
  // 2^n for whole n in [-126, 127].
  static ACE_ALWAYS_INLINE Reg pow2(Reg n) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23));
  }
  static ACE_ALWAYS_INLINE float sum(Reg r) {
    const float32x2_t x = vadd_f32(vget_low_f32(r), vget_high_f32(r));
    return vget_lane_f32(vpadd_f32(x, x), 0);
  }
  static ACE_ALWAYS_INLINE float largest(Reg r) { return vmaxvq_f32(r); }
  // Two bf16 a lane: a transposition of pairs moves twice as much as one of floats.
  static ACE_ALWAYS_INLINE Reg load_pairs(const bf16* p) { return vreinterpretq_f32_u16(vld1q_u16(reinterpret_cast<const uint16_t*>(p))); }
  static ACE_ALWAYS_INLINE Reg even(Reg pairs) { return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(pairs), 16)); }
  static ACE_ALWAYS_INLINE Reg odd(Reg pairs) {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(pairs), vdupq_n_u32(0xffff0000u)));
  }
  static ACE_ALWAYS_INLINE void transpose(Reg (&r)[W]) {
    const auto wide = [](Reg x) { return vreinterpretq_f64_f32(x); };
    const auto narrow = [](float64x2_t x) { return vreinterpretq_f32_f64(x); };
    const Reg a = vtrn1q_f32(r[0], r[1]), b = vtrn2q_f32(r[0], r[1]), c = vtrn1q_f32(r[2], r[3]), d = vtrn2q_f32(r[2], r[3]);
    r[0] = narrow(vtrn1q_f64(wide(a), wide(c)));
    r[1] = narrow(vtrn1q_f64(wide(b), wide(d)));
    r[2] = narrow(vtrn2q_f64(wide(a), wide(c)));
    r[3] = narrow(vtrn2q_f64(wide(b), wide(d)));
  }
};

struct F64 {
  using T = double;
  using Reg = float64x2_t;
  using Mask = int;
  static constexpr int W = 2;

  static ACE_ALWAYS_INLINE Reg zero() { return vdupq_n_f64(0); }
  static ACE_ALWAYS_INLINE Reg set1(double x) { return vdupq_n_f64(x); }
  static ACE_ALWAYS_INLINE Mask first(int n) { return n; }
  static ACE_ALWAYS_INLINE Reg load(const double* p) { return vld1q_f64(p); }
  static ACE_ALWAYS_INLINE Reg load(const double* p, Mask m) { return load_first(p, m); }
  static ACE_ALWAYS_INLINE Reg load_first(const double* p, int n) {
    double lanes[2] = {};
    for (int i = 0; i < n; ++i) lanes[i] = p[i];
    return vld1q_f64(lanes);
  }
  static ACE_ALWAYS_INLINE void store(double* p, Reg r) { vst1q_f64(p, r); }
  static ACE_ALWAYS_INLINE void store(double* p, Reg r, Mask m) {
    double lanes[2];
    vst1q_f64(lanes, r);
    for (int i = 0; i < m; ++i) p[i] = lanes[i];
  }
  static ACE_ALWAYS_INLINE Reg add(Reg a, Reg b) { return vaddq_f64(a, b); }
  static ACE_ALWAYS_INLINE Reg mul(Reg a, Reg b) { return vmulq_f64(a, b); }
  static ACE_ALWAYS_INLINE Reg fma(Reg a, Reg b, Reg c) { return vfmaq_f64(c, a, b); }
  static ACE_ALWAYS_INLINE double sum(Reg r) { return vgetq_lane_f64(r, 0) + vgetq_lane_f64(r, 1); }
  static ACE_ALWAYS_INLINE void transpose(Reg (&r)[W]) {
    const Reg first_column = vtrn1q_f64(r[0], r[1]);
    r[1] = vtrn2q_f64(r[0], r[1]);
    r[0] = first_column;
  }
};

}  // namespace
}  // namespace ace::cpu
