// Whether a device's kernels for compute capability 9.0 compute what the portable ones do. Only in a build that has them
// (ACE_CUDA_HOPPER).
#pragma once
#include "tensor/device.h"
#include "tensor/tensor.h"

namespace ace::cuda::attention {

// Runs a small problem through both, once for each device of a process: nobody shall train on gradients of which nothing is
// known. `device`: as opened, number `index`. Errors: ERR_DEVICE where they disagree, or are not the same bits each time.
void try_warpgroups(Device& device, int index);

// The judgement of one result, beside the portable kernels' and beside the same kernels' before: host tensors of one shape.
// Errors: ERR_DEVICE.
void expect_agreement(const char* name, const Tensor& result, const Tensor& portable, int index);
void expect_repetition(const char* name, const Tensor& result, const Tensor& first, int index);

}  // namespace ace::cuda::attention
