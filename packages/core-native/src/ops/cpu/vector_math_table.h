// What vector_math.h asks of an instruction set.
#pragma once
#include <cstdint>

namespace ace::cpu {

struct VectorMath {
  float (*row_max)(const float* x, int64_t n);
  float (*exp_sub_sum)(float* x, int64_t n, float max);
  void (*swiglu_vector)(float* out, const float* gate, const float* up, int64_t n);
  void (*swiglu_vector_backward)(float* dgate, float* dup, const float* dout, const float* gate, const float* up, int64_t n,
                          bool accumulate_gate, bool accumulate_up);
};

const VectorMath& scalar_vector_math();
const VectorMath& avx2_vector_math();
const VectorMath& avx512_vector_math();
const VectorMath& neon_vector_math();

}  // namespace ace::cpu
