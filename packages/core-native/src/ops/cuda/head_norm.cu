#include "ops/cuda/eights.cuh"
#include "ops/cuda/reduce.cuh"
#include "ops/kernels.h"

// Each lane holds eight elements of a head: a head of 128 is 16 lanes, and a warp does two heads at once. Element i turns
// with element i + half, which the lane half a head further on holds. Heads that do not divide so take the plain kernels:
// a warp a head, pair by pair.
namespace ace {

namespace {

struct Heads {
  unsigned count;   // in all
  unsigned of_row;  // in a row
  unsigned length;  // rows of a sample, which is where positions start again
  int head_dim;
  unsigned lanes;   // of a head: head_dim / 8, or a whole warp where plain
  bool plain;
};

// Lanes of one head, a power of two of them.
__device__ float lanes_sum(float value, unsigned lanes) {
  for (unsigned offset = lanes / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, static_cast<int>(offset));
  return value;
}

// Which head and which of its elements are this thread's; heads past the last take part in the shuffles all the same.
struct Place {
  unsigned head, row, position, lane;
  bool real, high;
  int64_t column;
  __device__ explicit Place(const Heads& h) {
    const unsigned thread = blockIdx.x * blockDim.x + threadIdx.x;
    const unsigned found = thread / h.lanes;
    real = found < h.count;
    head = real ? found : h.count - 1;
    row = head / h.of_row;
    position = row % h.length;
    lane = thread % h.lanes;
    high = lane >= h.lanes / 2;
    column = static_cast<int64_t>(head % h.of_row) * h.head_dim;
  }
};

__device__ void load_turn(float (&c)[cuda::kEight], float (&s)[cuda::kEight], const float* cos, const float* sin, const Place& at, const Heads& h) {
  const int64_t half = h.head_dim / 2, from = at.position * half + at.lane % (h.lanes / 2) * cuda::kEight;
  cuda::load_eight(c, cos + from, cuda::kEight, true);
  cuda::load_eight(s, sin + from, cuda::kEight, true);
}

// The eight elements that this lane's turn with.
__device__ void partners(float (&out)[cuda::kEight], const float (&mine)[cuda::kEight], const Heads& h) {
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) out[j] = __shfl_xor_sync(0xffffffffu, mine[j], static_cast<int>(h.lanes / 2));
}

template <class T>
__global__ void head_norm_forward_kernel(cuda::Rows<T> y, float* rstd, cuda::Rows<const T> x, const float* weight, const float* cos,
                                         const float* sin, Heads heads, float eps) {
  const Place at(heads);
  const int64_t column = at.column + at.lane * cuda::kEight;
  float v[cuda::kEight], w[cuda::kEight], square = 0;
  cuda::load_eight(v, x.data + at.row * x.stride + column, cuda::kEight, true);
  cuda::load_eight(w, weight + at.lane * cuda::kEight, cuda::kEight, true);
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) square += v[j] * v[j];
  const float r = 1.0f / sqrtf(lanes_sum(square, heads.lanes) / static_cast<float>(heads.head_dim) + eps);
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) v[j] = v[j] * r * w[j];
  if (cos != nullptr) {
    float c[cuda::kEight], s[cuda::kEight], other[cuda::kEight];
    load_turn(c, s, cos, sin, at, heads);
    partners(other, v, heads);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) v[j] = at.high ? v[j] * c[j] + other[j] * s[j] : v[j] * c[j] - other[j] * s[j];
  }
  if (!at.real) return;
  if (at.lane == 0) rstd[at.head] = r;
  cuda::store_eight(y.data + at.row * y.stride + column, v, cuda::kEight, true);
}

// The rotation back of dy, times the weight, is the gradient u of the normalised head; then as rms_norm's.
template <class T>
__global__ void head_norm_backward_kernel(cuda::Rows<T> dx, cuda::Rows<const T> dy, cuda::Rows<const T> x, const float* rstd, const float* weight,
                                          const float* cos, const float* sin, Heads heads, bool accumulate) {
  const Place at(heads);
  const int64_t column = at.column + at.lane * cuda::kEight;
  float v[cuda::kEight], u[cuda::kEight], w[cuda::kEight], dot = 0;
  cuda::load_eight(v, x.data + at.row * x.stride + column, cuda::kEight, true);
  cuda::load_eight(u, dy.data + at.row * dy.stride + column, cuda::kEight, true);
  cuda::load_eight(w, weight + at.lane * cuda::kEight, cuda::kEight, true);
  if (cos != nullptr) {
    float c[cuda::kEight], s[cuda::kEight], other[cuda::kEight];
    load_turn(c, s, cos, sin, at, heads);
    partners(other, u, heads);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) u[j] = at.high ? u[j] * c[j] - other[j] * s[j] : u[j] * c[j] + other[j] * s[j];
  }
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) {
    u[j] *= w[j];
    dot += u[j] * v[j];
  }
  const float r = rstd[at.head], pull = lanes_sum(dot, heads.lanes) * r * r / static_cast<float>(heads.head_dim);
  if (!at.real) return;
  T* out = dx.data + at.row * dx.stride + column;
  float sum[cuda::kEight] = {};
  if (accumulate) cuda::load_eight(sum, out, cuda::kEight, true);
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) sum[j] += r * (u[j] - v[j] * pull);
  cuda::store_eight(out, sum, cuda::kEight, true);
}

template <class T>
__global__ void plain_head_norm_forward_kernel(cuda::Rows<T> y, float* rstd, cuda::Rows<const T> x, const float* weight, const float* cos,
                                               const float* sin, Heads heads, float eps) {
  const Place at(heads);
  if (!at.real) return;  // the whole warp
  const int half = heads.head_dim / 2;
  const T* in = x.data + at.row * x.stride + at.column;
  T* out = y.data + at.row * y.stride + at.column;
  float square = 0;
  for (int i = static_cast<int>(at.lane); i < heads.head_dim; i += cuda::kWarpSize) square += cuda::load(in + i) * cuda::load(in + i);
  const float r = 1.0f / sqrtf(cuda::warp_sum(square) / static_cast<float>(heads.head_dim) + eps);
  if (at.lane == 0) rstd[at.head] = r;
  const int64_t turn = static_cast<int64_t>(at.position) * half;
  for (int i = static_cast<int>(at.lane); i < half; i += cuda::kWarpSize) {
    const float a = cuda::load(in + i) * r * weight[i], b = cuda::load(in + half + i) * r * weight[half + i];
    const float c = cos == nullptr ? 1.0f : cos[turn + i], s = cos == nullptr ? 0.0f : sin[turn + i];
    cuda::store(out + i, a * c - b * s);
    cuda::store(out + half + i, b * c + a * s);
  }
}

template <class T>
__global__ void plain_head_norm_backward_kernel(cuda::Rows<T> dx, cuda::Rows<const T> dy, cuda::Rows<const T> x, const float* rstd,
                                                const float* weight, const float* cos, const float* sin, Heads heads, bool accumulate) {
  const Place at(heads);
  if (!at.real) return;
  const int half = heads.head_dim / 2;
  const T *in = x.data + at.row * x.stride + at.column, *g = dy.data + at.row * dy.stride + at.column;
  T* out = dx.data + at.row * dx.stride + at.column;
  const int64_t turn = static_cast<int64_t>(at.position) * half;
  auto back = [&](int i, float& low, float& high) {
    const float c = cos == nullptr ? 1.0f : cos[turn + i], s = cos == nullptr ? 0.0f : sin[turn + i];
    const float a = cuda::load(g + i), b = cuda::load(g + half + i);
    low = (a * c + b * s) * weight[i];
    high = (b * c - a * s) * weight[half + i];
  };
  float dot = 0, low, high;
  for (int i = static_cast<int>(at.lane); i < half; i += cuda::kWarpSize) {
    back(i, low, high);
    dot += low * cuda::load(in + i) + high * cuda::load(in + half + i);
  }
  const float r = rstd[at.head], pull = cuda::warp_sum(dot) * r * r / static_cast<float>(heads.head_dim);
  // dx may be dy: a pair is read before it is written, by the lane that writes it.
  for (int i = static_cast<int>(at.lane); i < half; i += cuda::kWarpSize) {
    back(i, low, high);
    const float first = r * (low - cuda::load(in + i) * pull), second = r * (high - cuda::load(in + half + i) * pull);
    cuda::store(out + i, accumulate ? cuda::load(out + i) + first : first);
    cuda::store(out + half + i, accumulate ? cuda::load(out + half + i) + second : second);
  }
}

Heads heads_of(const Tensor& x, const Tensor& weight, bool vector) {
  const int64_t head_dim = weight.elements(), lanes = head_dim / cuda::kEight;
  const bool whole = vector && head_dim % (2 * cuda::kEight) == 0 && lanes <= cuda::kWarpSize && (lanes & (lanes - 1)) == 0;
  Heads out;
  out.count = static_cast<unsigned>(x.elements() / head_dim);
  out.of_row = static_cast<unsigned>(x.shape.last() / head_dim);
  out.length = static_cast<unsigned>(x.shape[1]);
  out.head_dim = static_cast<int>(head_dim);
  out.lanes = whole ? static_cast<unsigned>(lanes) : cuda::kWarpSize;
  out.plain = !whole;
  return out;
}

}  // namespace

void cuda::head_norm_forward(Stream& stream, Tensor y, Tensor rstd, Tensor x, Tensor weight, Tensor cos, Tensor sin, double eps) {
  if (x.elements() == 0) return;
  const Heads heads = heads_of(x, weight, aligned_rows(y, x, weight, cos, sin));
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    launch("head_norm_forward", x.shape, stream, heads.plain ? plain_head_norm_forward_kernel<T> : head_norm_forward_kernel<T>,
           blocks(int64_t{heads.count} * heads.lanes), kThreads, 0, rows_of<T>(y), rstd.as<float>(), rows_of<const T>(x), weight.as<float>(),
           cos.as<float>(), sin.as<float>(), heads, static_cast<float>(eps));
  });
}

void cuda::head_norm_backward(Stream& stream, Tensor dx, Tensor dy, Tensor x, Tensor rstd, Tensor weight, Tensor cos, Tensor sin,
                              bool accumulate) {
  if (x.elements() == 0) return;
  const Heads heads = heads_of(x, weight, aligned_rows(dx, dy, x, weight, cos, sin));
  with_activation(dx.dtype, [&](auto type) {
    using T = decltype(type);
    launch("head_norm_backward", x.shape, stream, heads.plain ? plain_head_norm_backward_kernel<T> : head_norm_backward_kernel<T>,
           blocks(int64_t{heads.count} * heads.lanes), kThreads, 0, rows_of<T>(dx), rows_of<const T>(dy), rows_of<const T>(x),
           rstd.as<float>(), weight.as<float>(), cos.as<float>(), sin.as<float>(), heads, accumulate);
  });
}

}  // namespace ace
