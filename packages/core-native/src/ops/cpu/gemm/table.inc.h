// Puts one instruction set's inner loops into a table. Include after one simd header only.
#pragma once
#include "ops/cpu/gemm/pack.inc.h"
#include "ops/cpu/gemm/skinny.inc.h"
#include "ops/cpu/gemm/tile.inc.h"

namespace ace::cpu {
namespace {

template <class V, int Rows, int Vectors, int DotRows, int DotCols> constexpr Kernels<typename V::T> make_kernels(int64_t depth) {
  return {
      .rows = Rows,
      .cols = Vectors * V::W,
      .depth = depth,
      .pack_a = pack<V, Rows>,
      .pack_b = pack<V, Vectors * V::W>,
      .tile = Tiles<V, Rows, Vectors>::tile,
      .dot_rows = DotRows,
      .dot_cols = DotCols,
      .dots = Dots<V, DotRows, DotCols>::dots,
      .stream = stream<V>,
  };
}

}  // namespace
}  // namespace ace::cpu
