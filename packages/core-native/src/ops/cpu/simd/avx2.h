// AVX2 with FMA and F16C: vectors of 8 floats or 4 doubles.
// Include from one kernels_<isa>.cpp only: the unnamed namespace keeps each instruction set's code to itself.
#pragma once
#include <immintrin.h>

#include "ops/cpu/simd/unroll.h"
#include "tensor/dtype.h"

namespace ace::cpu {
namespace {

struct F32 {
  using T = float;
  using Reg = __m256;
  using Mask = __m256i;
  static constexpr int W = 8;

  static ACE_ALWAYS_INLINE Reg zero() { return _mm256_setzero_ps(); }
  static ACE_ALWAYS_INLINE Reg set1(float x) { return _mm256_set1_ps(x); }
  static ACE_ALWAYS_INLINE Mask first(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static ACE_ALWAYS_INLINE Reg load(const float* p) { return _mm256_loadu_ps(p); }
  static ACE_ALWAYS_INLINE Reg load(const float* p, Mask m) { return _mm256_maskload_ps(p, m); }
  static ACE_ALWAYS_INLINE Reg widen(__m128i x) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
  }
  // AVX2 has no masked load of 16-bit elements.
  static ACE_ALWAYS_INLINE __m128i first16(const void* p, int n) {
    alignas(16) uint16_t lanes[8] = {};
    for (int i = 0; i < n; ++i) lanes[i] = static_cast<const uint16_t*>(p)[i];
    return _mm_load_si128(reinterpret_cast<const __m128i*>(lanes));
  }
  // The first n elements, zeros after them.
  static ACE_ALWAYS_INLINE Reg load_first(const float* p, int n) { return load(p, first(n)); }
  static ACE_ALWAYS_INLINE Reg load_first(const bf16* p, int n) { return widen(first16(p, n)); }
  static ACE_ALWAYS_INLINE Reg load_first(const f16* p, int n) { return _mm256_cvtph_ps(first16(p, n)); }
  static ACE_ALWAYS_INLINE Reg load(const bf16* p) { return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static ACE_ALWAYS_INLINE Reg load(const f16* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static ACE_ALWAYS_INLINE void store(float* p, Reg r) { _mm256_storeu_ps(p, r); }
  static ACE_ALWAYS_INLINE void store(float* p, Reg r, Mask m) { _mm256_maskstore_ps(p, m, r); }
  static ACE_ALWAYS_INLINE Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
  static ACE_ALWAYS_INLINE Reg mul(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
  static ACE_ALWAYS_INLINE Reg sub(Reg a, Reg b) { return _mm256_sub_ps(a, b); }
  static ACE_ALWAYS_INLINE Reg div(Reg a, Reg b) { return _mm256_div_ps(a, b); }
  static ACE_ALWAYS_INLINE Reg max(Reg a, Reg b) { return _mm256_max_ps(a, b); }  // b where either is a NaN
  static ACE_ALWAYS_INLINE Reg min(Reg a, Reg b) { return _mm256_min_ps(a, b); }
  static ACE_ALWAYS_INLINE Reg blend(Mask m, Reg on, Reg off) { return _mm256_blendv_ps(off, on, _mm256_castsi256_ps(m)); }
  // 2^n for whole n in [-126, 127].
  static ACE_ALWAYS_INLINE Reg pow2(Reg n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
  }
  static ACE_ALWAYS_INLINE Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  static ACE_ALWAYS_INLINE float sum(Reg r) {
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(r), _mm256_extractf128_ps(r, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
  }
  static ACE_ALWAYS_INLINE float largest(Reg r) {
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(r), _mm256_extractf128_ps(r, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
  }
  // Two bf16 a lane: a transposition of pairs moves twice as much as one of floats.
  static ACE_ALWAYS_INLINE Reg load_pairs(const bf16* p) { return _mm256_loadu_ps(reinterpret_cast<const float*>(p)); }
  static ACE_ALWAYS_INLINE Reg even(Reg pairs) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(pairs), 16)); }
  static ACE_ALWAYS_INLINE Reg odd(Reg pairs) {
    return _mm256_castsi256_ps(_mm256_and_si256(_mm256_castps_si256(pairs), _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static ACE_ALWAYS_INLINE void transpose(Reg (&r)[W]) {
    Reg t[W];
    ACE_UNROLL for (int i = 0; i < 8; i += 2) {
      t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
      t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    ACE_UNROLL for (int g = 0; g < 8; g += 4) {  // r[g + c] now holds columns c and 4 + c of rows g to g + 3
      r[g] = _mm256_shuffle_ps(t[g], t[g + 2], 0x44);
      r[g + 1] = _mm256_shuffle_ps(t[g], t[g + 2], 0xee);
      r[g + 2] = _mm256_shuffle_ps(t[g + 1], t[g + 3], 0x44);
      r[g + 3] = _mm256_shuffle_ps(t[g + 1], t[g + 3], 0xee);
    }
    ACE_UNROLL for (int c = 0; c < 4; ++c) {
      const Reg low = r[c], high = r[4 + c];
      r[c] = _mm256_permute2f128_ps(low, high, 0x20);
      r[4 + c] = _mm256_permute2f128_ps(low, high, 0x31);
    }
  }
};

struct F64 {
  using T = double;
  using Reg = __m256d;
  using Mask = __m256i;
  static constexpr int W = 4;

  static ACE_ALWAYS_INLINE Reg zero() { return _mm256_setzero_pd(); }
  static ACE_ALWAYS_INLINE Reg set1(double x) { return _mm256_set1_pd(x); }
  static ACE_ALWAYS_INLINE Mask first(int n) { return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3)); }
  static ACE_ALWAYS_INLINE Reg load(const double* p) { return _mm256_loadu_pd(p); }
  static ACE_ALWAYS_INLINE Reg load(const double* p, Mask m) { return _mm256_maskload_pd(p, m); }
  static ACE_ALWAYS_INLINE Reg load_first(const double* p, int n) { return load(p, first(n)); }
  static ACE_ALWAYS_INLINE void store(double* p, Reg r) { _mm256_storeu_pd(p, r); }
  static ACE_ALWAYS_INLINE void store(double* p, Reg r, Mask m) { _mm256_maskstore_pd(p, m, r); }
  static ACE_ALWAYS_INLINE Reg add(Reg a, Reg b) { return _mm256_add_pd(a, b); }
  static ACE_ALWAYS_INLINE Reg mul(Reg a, Reg b) { return _mm256_mul_pd(a, b); }
  static ACE_ALWAYS_INLINE Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_pd(a, b, c); }
  static ACE_ALWAYS_INLINE double sum(Reg r) {
    const __m128d x = _mm_add_pd(_mm256_castpd256_pd128(r), _mm256_extractf128_pd(r, 1));
    return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)));
  }
  static ACE_ALWAYS_INLINE void transpose(Reg (&r)[W]) {
    const Reg a = _mm256_unpacklo_pd(r[0], r[1]), b = _mm256_unpackhi_pd(r[0], r[1]);
    const Reg c = _mm256_unpacklo_pd(r[2], r[3]), d = _mm256_unpackhi_pd(r[2], r[3]);
    r[0] = _mm256_permute2f128_pd(a, c, 0x20);
    r[1] = _mm256_permute2f128_pd(b, d, 0x20);
    r[2] = _mm256_permute2f128_pd(a, c, 0x31);
    r[3] = _mm256_permute2f128_pd(b, d, 0x31);
  }
};

}  // namespace
}  // namespace ace::cpu
