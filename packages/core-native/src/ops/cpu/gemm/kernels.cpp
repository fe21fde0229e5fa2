#include "ops/cpu/gemm/kernels.h"

#include "ops/cpu/simd/isa.h"

namespace ace::cpu {

template <> const Kernels<float>& kernels<float>() {
  switch (active_isa()) {
#if defined(ACE_HAVE_AVX512)
    case Isa::avx512_bf16:
    case Isa::avx512: return avx512_kernels_f32();
#endif
#if defined(ACE_HAVE_AVX2)
    case Isa::avx2: return avx2_kernels_f32();
#endif
#if defined(ACE_HAVE_NEON)
    case Isa::neon: return neon_kernels_f32();
#endif
    default: return scalar_kernels_f32();
  }
}

template <> const Kernels<double>& kernels<double>() {
  switch (active_isa()) {
#if defined(ACE_HAVE_AVX512)
    case Isa::avx512_bf16:
    case Isa::avx512: return avx512_kernels_f64();
#endif
#if defined(ACE_HAVE_AVX2)
    case Isa::avx2: return avx2_kernels_f64();
#endif
#if defined(ACE_HAVE_NEON)
    case Isa::neon: return neon_kernels_f64();
#endif
    default: return scalar_kernels_f64();
  }
}

const Kernels<float>* bf16_kernels() {
#if defined(ACE_HAVE_AVX512_BF16)
  if (active_isa() == Isa::avx512_bf16) return &avx512_bf16_kernels();
#endif
  return nullptr;
}

}  // namespace ace::cpu
