// The register tile, written once over a vector type V (see simd/): Rows x (Vectors * V::W) of C in registers.
// Include after one simd header only.
#pragma once
#include <utility>

#include "ops/cpu/gemm/kernels.h"

namespace ace::cpu {
namespace {

// Masked: the last vector covers only the lanes of `last`, in B and in C.
template <class V, int PanelRows, int Rows, int Vectors, bool Masked>
void tile_of(int64_t k, const typename V::T* a, const typename V::T* b, int64_t b_stride, const Output<typename V::T>& out,
             typename V::Mask last) {
  using Reg = typename V::Reg;
  using T = typename V::T;
  constexpr auto masked = [](int v) { return Masked && v == Vectors - 1; };
  Reg acc[Rows][Vectors];
  ACE_UNROLL for (int i = 0; i < Rows; ++i) {
    ACE_UNROLL for (int v = 0; v < Vectors; ++v) {
      ACE_PREFETCH(out.c + i * out.ldc + v * V::W);
      acc[i][v] = V::zero();
    }
  }
  for (int64_t p = 0; p < k; ++p, a += PanelRows, b += b_stride) {
    Reg row[Vectors];
    ACE_UNROLL for (int v = 0; v < Vectors; ++v) row[v] = masked(v) ? V::load(b + v * V::W, last) : V::load(b + v * V::W);
    ACE_UNROLL for (int i = 0; i < Rows; ++i) {
      const Reg x = V::set1(a[i]);
      ACE_UNROLL for (int v = 0; v < Vectors; ++v) acc[i][v] = V::fma(x, row[v], acc[i][v]);
    }
  }
  const Reg alpha = V::set1(out.alpha), beta = V::set1(out.beta);
  ACE_UNROLL for (int v = 0; v < Vectors; ++v) {
    Reg bias = V::zero();
    if (out.bias) bias = masked(v) ? V::load(out.bias + v * V::W, last) : V::load(out.bias + v * V::W);
    ACE_UNROLL for (int i = 0; i < Rows; ++i) {
      T* at = out.c + i * out.ldc + v * V::W;
      Reg result = V::fma(alpha, acc[i][v], bias);
      if (out.beta != 0) result = V::fma(beta, masked(v) ? V::load(at, last) : V::load(at), result);
      if (masked(v)) V::store(at, result, last);
      else V::store(at, result);
    }
  }
}

// Tables are plain arrays: std::array's members would be emitted for every translation unit to share, compiled for this
// one's instruction set.
template <class V, int MaxRows, int MaxVectors> struct Tiles {
  using T = typename V::T;
  using Call = void (*)(int64_t, const T*, const T*, int64_t, const Output<T>&, typename V::Mask);
  struct ByRows { Call at[MaxRows]; };
  struct ByVectors { ByRows at[MaxVectors]; };

  // [rows - 1]
  template <int Vectors, bool Masked, int... R> static constexpr ByRows by_rows(std::integer_sequence<int, R...>) {
    return {{tile_of<V, MaxRows, R + 1, Vectors, Masked>...}};
  }
  // [vectors - 1], with a mask
  template <int... N> static constexpr ByVectors edges(std::integer_sequence<int, N...>) {
    return {{by_rows<N + 1, true>(std::make_integer_sequence<int, MaxRows>{})...}};
  }
  static constexpr ByRows kWhole = by_rows<MaxVectors, false>(std::make_integer_sequence<int, MaxRows>{});
  static constexpr ByVectors kEdge = edges(std::make_integer_sequence<int, MaxVectors>{});

  static void tile(int rows, int cols, int64_t k, const T* a, const T* b, int64_t b_stride, const Output<T>& out) {
    if (cols == MaxVectors * V::W) return kWhole.at[rows - 1](k, a, b, b_stride, out, V::first(V::W));
    const int vectors = (cols + V::W - 1) / V::W;
    kEdge.at[vectors - 1].at[rows - 1](k, a, b, b_stride, out, V::first(cols - (vectors - 1) * V::W));
  }
};

}  // namespace
}  // namespace ace::cpu
