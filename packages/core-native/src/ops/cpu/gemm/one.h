// One product: which way it goes.
#pragma once
#include "ops/cpu/gemm/blocked.h"
#include "ops/cpu/gemm/skinny.h"

namespace ace::cpu {

// Errors: ERR_INTERNAL for an operand that is not of a floating type.
void check_operands(const GemmArgs& g);

// k == 0: C = beta * C + bias.
template <class T> void scale_only(const GemmArgs& g) {
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; ++j) write(g, i, j, T(0));
  }
}

template <class T, class Executor> void gemm_one(Executor executor, const GemmArgs& g) {
  if (g.m <= 0 || g.n <= 0) return;
  if (g.k <= 0) return scale_only<T>(g);
  const Kernels<T>& kernel = kernels<T>();
  switch (skinny_way<T>(g)) {
    case Skinny::dots_few_rows: return gemm_dots<T>(executor, kernel, g, true);
    case Skinny::dots_few_cols: return gemm_dots<T>(executor, kernel, g, false);
    case Skinny::stream: return gemm_stream<T>(executor, kernel, g);
    case Skinny::no:
      if constexpr (std::is_same_v<T, float>) {
        const bool has_bf16 = g.a.dtype == DType::bf16 || g.b.dtype == DType::bf16;
        if (const Kernels<float>* pairs = has_bf16 ? bf16_kernels() : nullptr) return gemm_blocked<T>(executor, *pairs, g);
      }
      return gemm_blocked<T>(executor, kernel, g);
  }
}

}  // namespace ace::cpu
