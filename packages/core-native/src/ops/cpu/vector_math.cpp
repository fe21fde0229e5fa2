#include "ops/cpu/vector_math.h"

#include "ops/cpu/simd/isa.h"
#include "ops/cpu/vector_math_table.h"

namespace ace::cpu {

namespace {

const VectorMath& table() {
  switch (active_isa()) {
#if defined(ACE_HAVE_AVX512)
    case Isa::avx512_bf16:
    case Isa::avx512: return avx512_vector_math();
#endif
#if defined(ACE_HAVE_AVX2)
    case Isa::avx2: return avx2_vector_math();
#endif
#if defined(ACE_HAVE_NEON)
    case Isa::neon: return neon_vector_math();
#endif
    default: return scalar_vector_math();
  }
}

}  // namespace

float row_max(const float* x, int64_t n) { return table().row_max(x, n); }

float exp_sub_sum(float* x, int64_t n, float max) { return table().exp_sub_sum(x, n, max); }

void swiglu_vector(float* out, const float* gate, const float* up, int64_t n) { table().swiglu_vector(out, gate, up, n); }

void swiglu_vector_backward(float* dgate, float* dup, const float* dout, const float* gate, const float* up, int64_t n,
                     bool accumulate_gate, bool accumulate_up) {
  table().swiglu_vector_backward(dgate, dup, dout, gate, up, n, accumulate_gate, accumulate_up);
}

}  // namespace ace::cpu
