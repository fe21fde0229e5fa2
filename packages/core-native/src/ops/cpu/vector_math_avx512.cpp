#include "ops/cpu/simd/avx512.h"

#include "ops/cpu/vector_math.inc.h"

namespace ace::cpu {

const VectorMath& avx512_vector_math() {
  static constexpr VectorMath table = make_vector_math<F32>();
  return table;
}

}  // namespace ace::cpu
