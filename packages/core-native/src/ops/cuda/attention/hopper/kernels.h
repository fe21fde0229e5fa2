// Attention for compute capability 9.0, on products of a warpgroup. The launches take what those of `tiles` in
// attention/kernels.h take, for heads of 128 alone.
#pragma once
#include "ops/cuda/attention/kernels.h"
#include "ops/cuda/hopper/launch.h"

namespace ace::cuda::attention {

#if ACE_CUDA_HOPPER
constexpr bool kHopper = true;
#else
constexpr bool kHopper = false;  // not compiled for 9.0: what is declared below does not exist
#endif
inline bool fits_hopper(const Stream& stream, const Problem& p) { return stream.warpgroups && p.head_size == 128; }

void forward_hopper(Stream& stream, const Problem& p, const Tensor& o, const Tensor& lse, const Tensor& q, const Tensor& k,
                    const Tensor& v);
void backward_q_hopper(Stream& stream, const Problem& p, const Tensor& dq, const Saved& saved, bool accumulate);
void backward_kv_hopper(Stream& stream, const Problem& p, const Tensor& dk, const Tensor& dv, const Saved& saved,
                        bool accumulate_k, bool accumulate_v);

}  // namespace ace::cuda::attention
