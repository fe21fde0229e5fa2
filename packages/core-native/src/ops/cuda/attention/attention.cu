#include "ops/cuda/attention/kernels.h"
#include "ops/cuda/attention/hopper/kernels.h"

// Which kernels serve a problem: tensor cores where types, head size and alignment allow it, by warpgroups where the device has
// them, else the plain ones.
namespace ace {

namespace {

using namespace cuda::attention;

Problem describe(const Tensor& q, const Tensor& k, const Tensor& key_count, const Tensor& q_start, const Tensor& k_start,
                 const AttentionSpec& spec) {
  Problem p{};
  p.length = static_cast<int>(q.shape[1]);
  p.keys = static_cast<int>(k.shape[1]);
  p.heads = spec.heads;
  p.group = spec.heads / spec.kv_heads;
  p.head_size = static_cast<int>(q.shape[2] / spec.heads);
  p.window = spec.window < 0 ? kNoWindow : spec.window;
  p.causal = spec.causal;
  p.scale = 1.0f / sqrtf(static_cast<float>(p.head_size));
  p.key_count = key_count.given() ? key_count.as<int32_t>() : nullptr;
  if (q_start.given()) {
    p.sequences = static_cast<int>(q_start.elements()) - 1;
    p.q_start = q_start.as<int32_t>();
    p.k_start = k_start.as<int32_t>();
  }
  return p;
}

// Rows of bf16 that start at 16-byte addresses; a tensor that is not given fits.
template <class... Tensors>
bool fit_tiles(const Problem& p, const Tensors&... tensors) {
  return is_tile_head(p.head_size) &&
         ((!tensors.given() || (tensors.dtype == DType::bf16 && reinterpret_cast<uintptr_t>(tensors.data) % 16 == 0 &&
                                tensors.row_stride() % 8 == 0)) &&
          ...);
}

}  // namespace

void cuda::attention_forward(Stream& stream, Tensor o, Tensor lse, Tensor q, Tensor k, Tensor v, Tensor key_count,
                             Tensor key_mask, Tensor q_start, Tensor k_start, AttentionSpec spec) {
  if (q.elements() == 0) return;
  const Problem p = describe(q, k, key_count, q_start, k_start, spec);
  if (!key_mask.given() && fit_tiles(p, o, q, k, v)) {
    if constexpr (kHopper)
      if (fits_hopper(stream, p)) return forward_hopper(stream, p, o, lse, q, k, v);
    return forward_tiles(stream, p, o, lse, q, k, v);
  }
  forward_plain(stream, p, o, lse, q, k, v, key_mask);
}

void cuda::attention_backward(Stream& stream, Tensor dq, Tensor dk, Tensor dv, Tensor row_dot, Tensor d_o, Tensor o, Tensor lse,
                              Tensor q, Tensor k, Tensor v, Tensor key_count, Tensor q_start, Tensor k_start, AttentionSpec spec) {
  const Problem p = describe(q, k, key_count, q_start, k_start, spec);
  const Saved saved{d_o, lse, row_dot, q, k, v};
  auto* backward_q = backward_q_plain;
  auto* backward_kv = backward_kv_plain;
  if (fit_tiles(p, dq, dk, dv, d_o, q, k, v)) {
    backward_q = backward_q_tiles;
    backward_kv = backward_kv_tiles;
    if constexpr (kHopper)
      if (fits_hopper(stream, p)) {
        backward_q = backward_q_hopper;
        backward_kv = backward_kv_hopper;
      }
  }
  if (q.elements() > 0) {
    row_dots(stream, p, row_dot, d_o, o);
    if (dq.given()) backward_q(stream, p, dq, saved, spec.accumulate_q);
  }
  if (k.elements() > 0 && (dk.given() || dv.given())) backward_kv(stream, p, dk, dv, saved, spec.accumulate_k, spec.accumulate_v);
}

}  // namespace ace
