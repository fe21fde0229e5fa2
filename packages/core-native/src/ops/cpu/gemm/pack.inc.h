// Packing, written once over a vector type V (see simd/): rows of A or columns of B become panels.
// Include after one simd header only.
#pragma once
#include <type_traits>

#include "ops/cpu/gemm/kernels.h"

namespace ace::cpu {
namespace {

ACE_ALWAYS_INLINE float plain(bf16 x) { return to_float(x); }
ACE_ALWAYS_INLINE float plain(f16 x) { return to_float(x); }
ACE_ALWAYS_INLINE float plain(float x) { return x; }
ACE_ALWAYS_INLINE double plain(double x) { return x; }

template <class V, class Source>
concept LoadsFast = requires(const Source* p) { V::load(p); };
template <class V, class Source>
concept LoadsPairs = std::is_same_v<Source, bf16> && requires(const Source* p) { V::load_pairs(p); };

template <int Width, class T, class Source>
void pack_any(T* panel, const Source* source, int64_t lane_stride, int64_t k_stride, int lanes, int64_t k) {
  for (int64_t p = 0; p < k; ++p) {
    for (int lane = 0; lane < lanes; ++lane) {
      panel[p * Width + lane] = static_cast<T>(plain(source[lane * lane_stride + p * k_stride]));
    }
  }
}

// Lanes are contiguous: each step of k is a row to copy.
template <class V, int Width, class Source>
void pack_rows(typename V::T* panel, const Source* source, int64_t k_stride, int lanes, int64_t k) {
  constexpr int whole = Width / V::W, rest = Width % V::W, blocks = whole + (rest != 0);
  if (lanes == Width) {
    for (int64_t p = 0; p < k; ++p, source += k_stride, panel += Width) {
      ACE_UNROLL for (int b = 0; b < whole; ++b) V::store(panel + b * V::W, V::load(source + b * V::W));
      if constexpr (rest != 0) V::store(panel + whole * V::W, V::load_first(source + whole * V::W, rest));
    }
    return;
  }
  for (int64_t p = 0; p < k; ++p, source += k_stride, panel += Width) {
    for (int b = 0; b < blocks; ++b) {
      const int left = lanes - b * V::W, n = left < 0 ? 0 : left < V::W ? left : V::W;
      V::store(panel + b * V::W, V::load_first(source + b * V::W, n));
    }
  }
}

// Lanes [first, first + W) of steps [0, n) of k, transposed into the panel.
template <class V, int Width, class Source, bool AllSteps>
ACE_ALWAYS_INLINE void transpose_block(typename V::T* panel, const Source* source, int64_t lane_stride, int lanes, int n) {
  constexpr int block_lanes = Width < V::W ? Width : V::W;
  typename V::Reg r[V::W];
  ACE_UNROLL for (int i = 0; i < V::W; ++i) {
    if (i >= block_lanes || i >= lanes) {
      r[i] = V::zero();
    } else {
      r[i] = AllSteps ? V::load(source + i * lane_stride) : V::load_first(source + i * lane_stride, n);
    }
  }
  V::transpose(r);
  ACE_UNROLL for (int i = 0; i < V::W; ++i) {
    if (AllSteps || i < n) V::store(panel + i * Width, r[i]);
  }
}

// The same for 2 W steps of a bf16 source, two steps to a 32-bit lane: half the shuffles.
template <class V, int Width>
ACE_ALWAYS_INLINE void transpose_pairs(typename V::T* panel, const bf16* source, int64_t lane_stride, int lanes) {
  constexpr int block_lanes = Width < V::W ? Width : V::W;
  typename V::Reg r[V::W];
  ACE_UNROLL for (int i = 0; i < V::W; ++i) {
    r[i] = i >= block_lanes || i >= lanes ? V::zero() : V::load_pairs(source + i * lane_stride);
  }
  V::transpose(r);
  ACE_UNROLL for (int i = 0; i < V::W; ++i) {
    V::store(panel + (2 * i) * Width, V::even(r[i]));
    V::store(panel + (2 * i + 1) * Width, V::odd(r[i]));
  }
}

// Each lane is contiguous along k. Stores of a panel narrower than a vector run over into the next step, which is
// written later; the slack after the panel takes the last one's.
template <class V, int Width, class Source>
void pack_lanes(typename V::T* panel, const Source* source, int64_t lane_stride, int lanes, int64_t k) {
  static_assert(Width <= V::W || Width % V::W == 0);
  constexpr int blocks = (Width + V::W - 1) / V::W;
  int64_t p = 0;
  if constexpr (LoadsPairs<V, Source>) {
    for (; p + 2 * V::W <= k; p += 2 * V::W) {
      for (int b = 0; b < blocks; ++b) {
        transpose_pairs<V, Width>(panel + p * Width + b * V::W, source + b * V::W * lane_stride + p, lane_stride, lanes - b * V::W);
      }
    }
  }
  for (; p + V::W <= k; p += V::W) {
    for (int b = 0; b < blocks; ++b) {
      transpose_block<V, Width, Source, true>(panel + p * Width + b * V::W, source + b * V::W * lane_stride + p, lane_stride,
                                              lanes - b * V::W, V::W);
    }
  }
  if (p == k) return;
  for (int b = 0; b < blocks; ++b) {
    transpose_block<V, Width, Source, false>(panel + p * Width + b * V::W, source + b * V::W * lane_stride + p, lane_stride,
                                             lanes - b * V::W, static_cast<int>(k - p));
  }
}

template <class V, int Width, class Source>
void pack_from(typename V::T* panel, const Source* source, int64_t lane_stride, int64_t k_stride, int lanes, int64_t k) {
  if constexpr (LoadsFast<V, Source>) {
    if (lane_stride == 1) return pack_rows<V, Width>(panel, source, k_stride, lanes, k);
    if (k_stride == 1) return pack_lanes<V, Width>(panel, source, lane_stride, lanes, k);
  }
  pack_any<Width>(panel, source, lane_stride, k_stride, lanes, k);
}

template <class V, int Width>
void pack(typename V::T* panel, const void* source, DType dtype, int64_t lane_stride, int64_t k_stride, int lanes, int64_t k) {
  switch (dtype) {
    case DType::f64: return pack_from<V, Width>(panel, static_cast<const double*>(source), lane_stride, k_stride, lanes, k);
    case DType::bf16: return pack_from<V, Width>(panel, static_cast<const bf16*>(source), lane_stride, k_stride, lanes, k);
    case DType::f16: return pack_from<V, Width>(panel, static_cast<const f16*>(source), lane_stride, k_stride, lanes, k);
    default: return pack_from<V, Width>(panel, static_cast<const float*>(source), lane_stride, k_stride, lanes, k);
  }
}

}  // namespace
}  // namespace ace::cpu
