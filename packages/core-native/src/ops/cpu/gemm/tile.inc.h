// The register tile, written once over a vector type V (see simd/): Rows x (Vectors * V::W) of C in registers.
// Include after one simd header only.
#pragma once
#include <array>
#include <utility>

#include "ops/cpu/gemm/kernels.h"

namespace ace::cpu {
namespace {

// Masked: the last vector covers only the lanes of `last`, in B and in C.
template <class V, int PanelRows, int Rows, int Vectors, bool Masked>
void tile_of(int64_t k, const typename V::T* a, const typename V::T* b, int64_t b_stride, typename V::T* c, int64_t ldc,
             const Epilogue<typename V::T>& epilogue, typename V::Mask last) {
  using Reg = typename V::Reg;
  constexpr auto masked = [](int v) { return Masked && v == Vectors - 1; };
  Reg acc[Rows][Vectors];
  ACE_UNROLL for (int i = 0; i < Rows; ++i) {
    ACE_UNROLL for (int v = 0; v < Vectors; ++v) {
      ACE_PREFETCH(c + i * ldc + v * V::W);
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
  const Reg alpha = V::set1(epilogue.alpha), beta = V::set1(epilogue.beta);
  ACE_UNROLL for (int v = 0; v < Vectors; ++v) {
    Reg bias = V::zero();
    if (epilogue.bias) bias = masked(v) ? V::load(epilogue.bias + v * V::W, last) : V::load(epilogue.bias + v * V::W);
    ACE_UNROLL for (int i = 0; i < Rows; ++i) {
      typename V::T* at = c + i * ldc + v * V::W;
      Reg result = V::fma(alpha, acc[i][v], bias);
      if (epilogue.beta != 0) result = V::fma(beta, masked(v) ? V::load(at, last) : V::load(at), result);
      if constexpr (Masked) {
        if (v == Vectors - 1) {
          V::store(at, result, last);
          continue;
        }
      }
      V::store(at, result);
    }
  }
}

template <class V, int MaxRows, int MaxVectors> struct Tiles {
  using T = typename V::T;
  using Call = void (*)(int64_t, const T*, const T*, int64_t, T*, int64_t, const Epilogue<T>&, typename V::Mask);

  // [rows - 1]
  template <int Vectors, bool Masked, int... R> static constexpr std::array<Call, MaxRows> by_rows(std::integer_sequence<int, R...>) {
    return {tile_of<V, MaxRows, R + 1, Vectors, Masked>...};
  }
  // [vectors - 1][rows - 1], with a mask
  template <int... N> static constexpr std::array<std::array<Call, MaxRows>, MaxVectors> edges(std::integer_sequence<int, N...>) {
    return {by_rows<N + 1, true>(std::make_integer_sequence<int, MaxRows>{})...};
  }
  static constexpr auto kWhole = by_rows<MaxVectors, false>(std::make_integer_sequence<int, MaxRows>{});
  static constexpr auto kEdge = edges(std::make_integer_sequence<int, MaxVectors>{});

  static void tile(int rows, int cols, int64_t k, const T* a, const T* b, int64_t b_stride, T* c, int64_t ldc,
                   const Epilogue<T>& epilogue) {
    if (cols == MaxVectors * V::W) return kWhole.data()[rows - 1](k, a, b, b_stride, c, ldc, epilogue, V::first(V::W));
    const int vectors = (cols + V::W - 1) / V::W;
    kEdge.data()[vectors - 1].data()[rows - 1](k, a, b, b_stride, c, ldc, epilogue, V::first(cols - (vectors - 1) * V::W));
  }
};

}  // namespace
}  // namespace ace::cpu
