// 32 registers: 24 sums, 3 of B, and broadcasts of A.
#include "ops/cpu/simd/neon.h"

#include "ops/cpu/gemm/table.inc.h"

namespace ace::cpu {

const Kernels<float>& neon_kernels_f32() {
  static constexpr Kernels<float> table = make_kernels<F32, 8, 3, 4, 4>(384);
  return table;
}

const Kernels<double>& neon_kernels_f64() {
  static constexpr Kernels<double> table = make_kernels<F64, 8, 3, 4, 4>(256);
  return table;
}

}  // namespace ace::cpu
