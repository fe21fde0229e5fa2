// AVX-512 (F, BW, DQ, VL): vectors of 16 floats or 8 doubles.
// Include from one kernels_<isa>.cpp only: the unnamed namespace keeps each instruction set's code to itself.
#pragma once
#include <immintrin.h>

#include "ops/cpu/simd/unroll.h"
#include "tensor/dtype.h"

namespace ace::cpu {
namespace {

struct F32 {
  using T = float;
  using Reg = __m512;
  using Mask = __mmask16;
  static constexpr int W = 16;

  static ACE_ALWAYS_INLINE Reg zero() { return _mm512_setzero_ps(); }
  static ACE_ALWAYS_INLINE Reg set1(float x) { return _mm512_set1_ps(x); }
  static ACE_ALWAYS_INLINE Mask first(int n) { return static_cast<Mask>((1u << n) - 1); }
  static ACE_ALWAYS_INLINE Reg load(const float* p) { return _mm512_loadu_ps(p); }
  static ACE_ALWAYS_INLINE Reg load(const float* p, Mask m) { return _mm512_maskz_loadu_ps(m, p); }
  static ACE_ALWAYS_INLINE Reg widen(__m256i x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
  }
  static ACE_ALWAYS_INLINE Reg load(const bf16* p) { return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static ACE_ALWAYS_INLINE Reg load(const f16* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  // The first n elements, zeros after them.
  static ACE_ALWAYS_INLINE Reg load_first(const float* p, int n) { return load(p, first(n)); }
  static ACE_ALWAYS_INLINE Reg load_first(const bf16* p, int n) { return widen(_mm256_maskz_loadu_epi16(first(n), p)); }
  static ACE_ALWAYS_INLINE Reg load_first(const f16* p, int n) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(n), p)); }
  static ACE_ALWAYS_INLINE void store(float* p, Reg r) { _mm512_storeu_ps(p, r); }
  static ACE_ALWAYS_INLINE void store(float* p, Reg r, Mask m) { _mm512_mask_storeu_ps(p, m, r); }
  static ACE_ALWAYS_INLINE Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
  static ACE_ALWAYS_INLINE Reg mul(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
  static ACE_ALWAYS_INLINE Reg sub(Reg a, Reg b) { return _mm512_sub_ps(a, b); }
  static ACE_ALWAYS_INLINE Reg div(Reg a, Reg b) { return _mm512_div_ps(a, b); }
  static ACE_ALWAYS_INLINE Reg max(Reg a, Reg b) { return _mm512_max_ps(a, b); }  // b where either is a NaN
  static ACE_ALWAYS_INLINE Reg min(Reg a, Reg b) { return _mm512_min_ps(a, b); }
  static ACE_ALWAYS_INLINE Reg blend(Mask m, Reg on, Reg off) { return _mm512_mask_blend_ps(m, off, on); }
  // 2^n for whole n in [-126, 127].
  static ACE_ALWAYS_INLINE Reg pow2(Reg n) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
  }
  static ACE_ALWAYS_INLINE Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  static ACE_ALWAYS_INLINE float sum(Reg r) {
    const __m256 y = _mm256_add_ps(_mm512_castps512_ps256(r), _mm512_extractf32x8_ps(r, 1));
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
  }
  static ACE_ALWAYS_INLINE float largest(Reg r) {
    const __m256 y = _mm256_max_ps(_mm512_castps512_ps256(r), _mm512_extractf32x8_ps(r, 1));
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
  }
  // Two bf16 a lane: a transposition of pairs moves twice as much as one of floats.
  static ACE_ALWAYS_INLINE Reg load_pairs(const bf16* p) { return _mm512_loadu_ps(p); }
  static ACE_ALWAYS_INLINE Reg even(Reg pairs) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(pairs), 16)); }
  static ACE_ALWAYS_INLINE Reg odd(Reg pairs) {
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(pairs), _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static ACE_ALWAYS_INLINE void transpose(Reg (&r)[W]) {
    Reg t[W];
    ACE_UNROLL for (int i = 0; i < 16; i += 2) {
      t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    ACE_UNROLL for (int g = 0; g < 16; g += 4) {  // quarter q of r[g + c] now holds column 4 q + c of rows g to g + 3
      r[g] = _mm512_shuffle_ps(t[g], t[g + 2], 0x44);
      r[g + 1] = _mm512_shuffle_ps(t[g], t[g + 2], 0xee);
      r[g + 2] = _mm512_shuffle_ps(t[g + 1], t[g + 3], 0x44);
      r[g + 3] = _mm512_shuffle_ps(t[g + 1], t[g + 3], 0xee);
    }
    ACE_UNROLL for (int c = 0; c < 4; ++c) {
      const Reg even_top = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88), even_bottom = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88);
      const Reg odd_top = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xdd), odd_bottom = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xdd);
      r[c] = _mm512_shuffle_f32x4(even_top, even_bottom, 0x88);
      r[4 + c] = _mm512_shuffle_f32x4(odd_top, odd_bottom, 0x88);
      r[8 + c] = _mm512_shuffle_f32x4(even_top, even_bottom, 0xdd);
      r[12 + c] = _mm512_shuffle_f32x4(odd_top, odd_bottom, 0xdd);
    }
  }
};

struct F64 {
  using T = double;
  using Reg = __m512d;
  using Mask = __mmask8;
  static constexpr int W = 8;

  static ACE_ALWAYS_INLINE Reg zero() { return _mm512_setzero_pd(); }
  static ACE_ALWAYS_INLINE Reg set1(double x) { return _mm512_set1_pd(x); }
  static ACE_ALWAYS_INLINE Mask first(int n) { return static_cast<Mask>((1u << n) - 1); }
  static ACE_ALWAYS_INLINE Reg load(const double* p) { return _mm512_loadu_pd(p); }
  static ACE_ALWAYS_INLINE Reg load(const double* p, Mask m) { return _mm512_maskz_loadu_pd(m, p); }
  static ACE_ALWAYS_INLINE Reg load_first(const double* p, int n) { return load(p, first(n)); }
  static ACE_ALWAYS_INLINE void store(double* p, Reg r) { _mm512_storeu_pd(p, r); }
  static ACE_ALWAYS_INLINE void store(double* p, Reg r, Mask m) { _mm512_mask_storeu_pd(p, m, r); }
  static ACE_ALWAYS_INLINE Reg add(Reg a, Reg b) { return _mm512_add_pd(a, b); }
  static ACE_ALWAYS_INLINE Reg mul(Reg a, Reg b) { return _mm512_mul_pd(a, b); }
  static ACE_ALWAYS_INLINE Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_pd(a, b, c); }
  static ACE_ALWAYS_INLINE double sum(Reg r) {
    const __m256d y = _mm256_add_pd(_mm512_castpd512_pd256(r), _mm512_extractf64x4_pd(r, 1));
    const __m128d x = _mm_add_pd(_mm256_castpd256_pd128(y), _mm256_extractf128_pd(y, 1));
    return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)));
  }
  static ACE_ALWAYS_INLINE void transpose(Reg (&r)[W]) {
    Reg t[W];
    ACE_UNROLL for (int i = 0; i < 8; i += 2) {  // quarter q of t[i + c] holds column 2 q + c of rows i and i + 1
      t[i] = _mm512_unpacklo_pd(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_pd(r[i], r[i + 1]);
    }
    ACE_UNROLL for (int c = 0; c < 2; ++c) {
      const Reg even_top = _mm512_shuffle_f64x2(t[c], t[2 + c], 0x88), even_bottom = _mm512_shuffle_f64x2(t[4 + c], t[6 + c], 0x88);
      const Reg odd_top = _mm512_shuffle_f64x2(t[c], t[2 + c], 0xdd), odd_bottom = _mm512_shuffle_f64x2(t[4 + c], t[6 + c], 0xdd);
      r[c] = _mm512_shuffle_f64x2(even_top, even_bottom, 0x88);
      r[2 + c] = _mm512_shuffle_f64x2(odd_top, odd_bottom, 0x88);
      r[4 + c] = _mm512_shuffle_f64x2(even_top, even_bottom, 0xdd);
      r[6 + c] = _mm512_shuffle_f64x2(odd_top, odd_bottom, 0xdd);
    }
  }
};

}  // namespace
}  // namespace ace::cpu
