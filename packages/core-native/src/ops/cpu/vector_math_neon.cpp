#include "ops/cpu/simd/neon.h"

#include "ops/cpu/vector_math.inc.h"

namespace ace::cpu {

const VectorMath& neon_vector_math() {
  static constexpr VectorMath table = make_vector_math<F32>();
  return table;
}

}  // namespace ace::cpu
