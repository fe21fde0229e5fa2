// Sized for the 16 registers of 16 bytes that x86-64 and aarch64 both have.
#include "ops/cpu/simd/scalar.h"

#include "ops/cpu/gemm/table.inc.h"

namespace ace::cpu {

const Kernels<float>& scalar_kernels_f32() {
  static constexpr Kernels<float> table = make_kernels<ScalarVector<float>, 4, 2, 2, 2>(256);
  return table;
}

const Kernels<double>& scalar_kernels_f64() {
  static constexpr Kernels<double> table = make_kernels<ScalarVector<double>, 4, 1, 2, 2>(256);
  return table;
}

}  // namespace ace::cpu
