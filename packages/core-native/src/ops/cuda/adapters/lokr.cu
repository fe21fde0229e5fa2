#include "ops/cuda/adapters/lokr.h"

#include "ops/cuda/launch.h"
#include "ops/cuda/numbers.cuh"
#include "ops/lokr_split.h"

namespace ace {

namespace {

// Elements from one row to the next of a tensor seen as rows of `width`.
int64_t stride_of(const Tensor& t, int64_t width) { return t.contiguous() ? width : t.row_stride(); }

void run(const Stream& stream, const Tensor& out, const Tensor& in, const Tensor& w1, const Tensor& w2, double scale, bool accumulate, bool backward) {
  const int64_t a = w1.shape[0], b = w1.shape[1], c = w2.shape[0], d = w2.shape[1];
  const int64_t in_width = backward ? a * c : b * d, out_width = backward ? b * d : a * c;
  if (in.elements() == 0) return;
  cuda::LokrProduct p{};
  p.in = in.data;
  p.out = out.data;
  p.w1 = w1.data;
  p.w2 = w2.data;
  p.rows = in.elements() / in_width;
  p.in_stride = stride_of(in, in_width);
  p.out_stride = stride_of(out, out_width);
  p.inner = static_cast<int>(backward ? a : b);
  p.depth = static_cast<int>(backward ? c : d);
  p.left = static_cast<int>(backward ? b : a);
  p.right = static_cast<int>(backward ? d : c);
  p.backward = backward;
  p.accumulate = accumulate;
  p.scale = static_cast<float>(scale);
  if (cuda::lokr_on_tensor_cores(p, in, out, w2)) cuda::lokr_product_mma(stream, out.shape, p);
  else cuda::lokr_product_plain(stream, out.shape, in.dtype, p);
}

// dw += scale times the sum of the partial sums, in order.
template <class G>
__global__ void lokr_sum_kernel(G* dw, const float* partial, int64_t pieces, int64_t n, float scale) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float sum = 0;
  for (int64_t piece = 0; piece < pieces; ++piece) sum += partial[piece * n + i];
  cuda::store(dw + i, cuda::load(dw + i) + scale * sum);
}

void add_up(const Stream& stream, const Tensor& dw, const float* partial, int64_t pieces, double scale) {
  const int64_t n = dw.elements();
  cuda::with_activation(dw.dtype, [&](auto type) {
    using G = decltype(type);
    cuda::launch("lokr_backward_w", dw.shape, stream, lokr_sum_kernel<G>, cuda::blocks(n), cuda::kThreads, 0, dw.as<G>(), partial, pieces, n,
                 static_cast<float>(scale));
  });
}

}  // namespace

void cuda::lokr_backward_w(Stream& stream, Tensor dw1, Tensor dw2, Tensor dy, Tensor x, Tensor w1, Tensor w2, double scale, Tensor scratch) {
  if (x.elements() == 0) return;
  const int64_t a = w1.shape[0], b = w1.shape[1], c = w2.shape[0], d = w2.shape[1], rows = x.elements() / (b * d);
  const LokrSplit split(rows, a, b, c, d);
  LokrGradient p{};
  p.dy = dy.data;
  p.x = x.data;
  p.w1 = w1.data;
  p.w2 = w2.data;
  p.first = scratch.as<float>();
  p.second = p.first + split.first_elements;
  p.rows = rows;
  p.dy_stride = stride_of(dy, a * c);
  p.x_stride = stride_of(x, b * d);
  p.first_pieces = split.first;
  p.second_pieces = split.second;
  p.a = static_cast<int>(a);
  p.b = static_cast<int>(b);
  p.c = static_cast<int>(c);
  p.d = static_cast<int>(d);
  if (lokr_gradient_on_tensor_cores(p, dy, x, w2)) lokr_gradient_mma(stream, x.shape, p);
  else lokr_gradient_plain(stream, x.shape, x.dtype, p);
  add_up(stream, dw1, p.first, split.first * split.tiles, scale);
  add_up(stream, dw2, p.second, split.second, scale);
}

void cuda::lokr_forward(Stream& stream, Tensor y, Tensor x, Tensor w1, Tensor w2, double scale, bool accumulate) {
  run(stream, y, x, w1, w2, scale, accumulate, false);
}

void cuda::lokr_backward_x(Stream& stream, Tensor dx, Tensor dy, Tensor w1, Tensor w2, double scale, bool accumulate) {
  run(stream, dx, dy, w1, w2, scale, accumulate, true);
}

}  // namespace ace
