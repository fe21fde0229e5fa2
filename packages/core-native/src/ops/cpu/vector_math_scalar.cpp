#include "ops/cpu/simd/scalar.h"

#include "ops/cpu/vector_math.inc.h"

namespace ace::cpu {

const VectorMath& scalar_vector_math() {
  static constexpr VectorMath table = make_vector_math<ScalarVector<float>>();
  return table;
}

}  // namespace ace::cpu
