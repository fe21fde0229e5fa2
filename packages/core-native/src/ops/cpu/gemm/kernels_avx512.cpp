// 32 registers: 28 sums, 2 of B and a broadcast of A leave none to spill. Two fused multiply-adds a cycle with a latency
// of 4 need 8 independent sums at least. Doubles take 8 x 24, since a panel's width must divide into vectors or fit one.
#include "ops/cpu/simd/avx512.h"

#include "ops/cpu/gemm/table.inc.h"

namespace ace::cpu {

const Kernels<float>& avx512_kernels_f32() {
  static constexpr Kernels<float> table = make_kernels<F32, 14, 2, 4, 6>(512);
  return table;
}

const Kernels<double>& avx512_kernels_f64() {
  static constexpr Kernels<double> table = make_kernels<F64, 8, 3, 4, 6>(256);
  return table;
}

}  // namespace ace::cpu
