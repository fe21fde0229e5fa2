#include <cmath>

#include "ops/cuda/eights.cuh"
#include "ops/kernels.h"

// The ends of the decoder: what goes in beside the latents, and how frames become rows.
namespace ace {

namespace {

// The CPU twin's exponential, operation for operation: a product and a sum are two roundings here as well.
__device__ float exp_by_polynomial(float x) {
  const float q = rintf(__fmul_rn(x, 1.44269504f));
  const float s = __fsub_rn(__fsub_rn(x, __fmul_rn(q, 0.693145752f)), __fmul_rn(q, 1.42860677e-06f));
  float p = 0.000198527618f;
  const float terms[] = {0.00139304355f, 0.00833336078f, 0.0416664854f, 0.166666672f, 0.5f};
#pragma unroll
  for (int i = 0; i < 5; ++i) p = __fadd_rn(__fmul_rn(p, s), terms[i]);
  return ldexpf(__fadd_rn(1.0f, __fadd_rn(__fmul_rn(__fmul_rn(s, s), p), s)), static_cast<int>(q));
}

__device__ float rounded_bf16(float x) { return __uint_as_float(cuda::pack_bf16(x, 0.0f) << 16); }

template <class T>
__global__ void sinusoid_kernel(T* features, const float* t, const float* r, int64_t half, float log_base, bool round_bf16) {
  const int64_t b = blockIdx.y, i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= half) return;
  float u = t[b] - (r == nullptr ? 0.0f : r[b]);
  if (round_bf16) u = rounded_bf16(u);
  float scaled = u * 1000.0f;
  if (round_bf16) scaled = rounded_bf16(scaled);
  const float exponent = -log_base * static_cast<float>(i) / static_cast<float>(half);
  const float angle = __fmul_rn(scaled, exp_by_polynomial(exponent));
  cuda::store(features + b * 2 * half + i, cosf(angle));
  cuda::store(features + b * 2 * half + half + i, sinf(angle));
}

// Eight numbers of a sample's rows, which are its frames one after another: context, then x. `segments`: both widths are
// multiples of eight, so that eight numbers never cross from one to the other.
template <class T, class X>
__global__ void patchify_kernel(T* rows, const float* context, const X* x, const int32_t* frame_count, int64_t each, unsigned frames,
                                unsigned context_width, unsigned x_width, bool segments) {
  const int64_t b = blockIdx.y, from = cuda::first_of_eight();
  if (from >= each) return;
  const unsigned frame_width = context_width + x_width;
  const auto real = [&](unsigned frame) { return frame < frames && static_cast<int64_t>(frame) < frame_count[b]; };
  const int64_t base = b * frames;
  float value[cuda::kEight] = {};
  if (segments) {
    const unsigned frame = static_cast<unsigned>(from) / frame_width, column = static_cast<unsigned>(from) % frame_width;
    if (real(frame) && column < context_width)
      cuda::load_eight(value, context + (base + frame) * context_width + column, cuda::kEight, true);
    if (real(frame) && column >= context_width)
      cuda::load_eight(value, x + (base + frame) * x_width + column - context_width, cuda::kEight, true);
  } else {
    for (int j = 0; j < cuda::kEight && from + j < each; ++j) {
      const unsigned i = static_cast<unsigned>(from) + static_cast<unsigned>(j), frame = i / frame_width, column = i % frame_width;
      if (!real(frame)) continue;
      value[j] = column < context_width ? context[(base + frame) * context_width + column]
                                        : cuda::load(x + (base + frame) * x_width + column - context_width);
    }
  }
  cuda::store_eight(rows + b * each + from, value, each - from, segments);
}

}  // namespace

void cuda::sinusoid(Stream& stream, Tensor features, Tensor t, Tensor r, bool round_bf16) {
  if (features.elements() == 0) return;
  const int64_t half = features.shape.last() / 2;
  with_activation(features.dtype, [&](auto type) {
    using T = decltype(type);
    launch("sinusoid", features.shape, stream, sinusoid_kernel<T>, dim3(blocks(half), static_cast<unsigned>(t.elements())), kThreads, 0,
           features.as<T>(), t.as<float>(), r.as<float>(), half, static_cast<float>(std::log(10000.0)), round_bf16);
  });
}

void cuda::patchify(Stream& stream, Tensor rows, Tensor context, Tensor x, Tensor frame_count) {
  if (rows.elements() == 0) return;
  const int64_t batch = rows.shape[0], each = rows.elements() / batch, context_width = context.shape.last(), x_width = x.shape.last();
  with_activation(rows.dtype, [&](auto type) {
    with_activation(x.dtype, [&](auto from) {
      using T = decltype(type);
      using X = decltype(from);
      launch("patchify", rows.shape, stream, patchify_kernel<T, X>, sample_grid(batch, each), kThreads, 0, rows.as<T>(), context.as<float>(),
             x.as<X>(), frame_count.as<int32_t>(), each, static_cast<unsigned>(x.shape[1]), static_cast<unsigned>(context_width),
             static_cast<unsigned>(x_width), aligned_flat(rows, context, x) && context_width % kEight == 0 && x_width % kEight == 0);
    });
  });
}

}  // namespace ace
