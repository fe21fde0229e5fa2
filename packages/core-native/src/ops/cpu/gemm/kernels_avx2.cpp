// 16 registers: 12 sums, 2 (floats) or 3 (doubles) of B and a broadcast of A.
#include "ops/cpu/simd/avx2.h"

#include "ops/cpu/gemm/table.inc.h"

namespace ace::cpu {

const Kernels<float>& avx2_kernels_f32() {
  static constexpr Kernels<float> table = make_kernels<F32, 6, 2, 3, 4>(384);
  return table;
}

const Kernels<double>& avx2_kernels_f64() {
  static constexpr Kernels<double> table = make_kernels<F64, 4, 3, 3, 4>(256);
  return table;
}

}  // namespace ace::cpu
