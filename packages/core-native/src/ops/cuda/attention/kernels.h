// The launches that attention is made of. `tiles`: bf16 and the head sizes of with_tile_head(), on tensor cores.
// `plain`: any type of activation and any head size. All honour row_stride() and packed sequences.
#pragma once
#include <type_traits>

#include "ops/cuda/attention/problem.cuh"
#include "ops/kernels.h"

namespace ace::cuda::attention {

void forward_tiles(Stream& stream, const Problem& p, const Tensor& o, const Tensor& lse, const Tensor& q, const Tensor& k,
                   const Tensor& v);
void forward_plain(Stream& stream, const Problem& p, const Tensor& o, const Tensor& lse, const Tensor& q, const Tensor& k,
                   const Tensor& v, const Tensor& key_mask);

// row_dot[b, h, l] = sum over the head's columns of d_o o.
void row_dots(Stream& stream, const Problem& p, const Tensor& row_dot, const Tensor& d_o, const Tensor& o);

// What both halves of the backward pass read.
struct Saved {
  const Tensor &d_o, &lse, &row_dot, &q, &k, &v;
};
void backward_q_tiles(Stream& stream, const Problem& p, const Tensor& dq, const Saved& saved, bool accumulate);
void backward_q_plain(Stream& stream, const Problem& p, const Tensor& dq, const Saved& saved, bool accumulate);
// dk, dv: at least one is given.
void backward_kv_tiles(Stream& stream, const Problem& p, const Tensor& dk, const Tensor& dv, const Saved& saved,
                       bool accumulate_k, bool accumulate_v);
void backward_kv_plain(Stream& stream, const Problem& p, const Tensor& dk, const Tensor& dv, const Saved& saved,
                       bool accumulate_k, bool accumulate_v);

inline bool is_tile_head(int head_size) { return head_size == 16 || head_size == 32 || head_size == 64 || head_size == 128; }

// Calls f(std::integral_constant<int, head size>{}).
template <class F>
void with_tile_head(int head_size, F&& f) {
  switch (head_size) {
    case 16: return f(std::integral_constant<int, 16>{});
    case 32: return f(std::integral_constant<int, 32>{});
    case 64: return f(std::integral_constant<int, 64>{});
    case 128: return f(std::integral_constant<int, 128>{});
    default: throw Error(ErrorCode::internal, "attention: no tiles for heads of " + std::to_string(head_size));
  }
}

}  // namespace ace::cuda::attention
