#include "ops/cuda/row_threads.cuh"
#include "ops/kernels.h"

namespace ace {

namespace {

template <class T>
__global__ void rms_norm_forward_kernel(T* y, float* rstd, const T* x, const float* weight, cuda::ModRow scale_row, cuda::ModRow shift_row,
                                        int64_t rows, int64_t width, int64_t per_sample, float eps, unsigned row_threads, bool vector) {
  const cuda::RowThread mine(row_threads);
  if (mine.row >= rows) return;
  const T* in = x + mine.row * width;
  T* out = y + mine.row * width;
  float square = 0, held[cuda::kEight] = {};
  mine.each(width, [&](int64_t i) {
    float v[cuda::kEight];
    cuda::load_eight(v, in + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) square += v[j] * v[j];
    if (i == mine.first) cuda::RowThread::keep(held, v);
  });
  const float r = 1.0f / sqrtf(mine.sum(square) / static_cast<float>(width) + eps);
  if (mine.first == 0) rstd[mine.row] = r;
  const int64_t sample = mine.row / per_sample;
  const float *scale = scale_row.of(sample, width), *shift = shift_row.of(sample, width);
  mine.each(width, [&](int64_t i) {
    float v[cuda::kEight], factor[cuda::kEight], plus[cuda::kEight] = {};
    mine.again(v, held, i, in, width, vector);
    cuda::load_factor(factor, weight, scale, i, width, vector);
    if (shift != nullptr) cuda::load_eight(plus, shift + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) v[j] = v[j] * r * factor[j] + plus[j];
    cuda::store_eight(out + i, v, width - i, vector);
  });
}

// With u = dy weight (1 + scale): dx = rstd (u - x rstd^2 mean(u x)). dx may be dy: each element is read before it is
// written, by the thread that writes it.
template <class T>
__global__ void rms_norm_backward_kernel(T* dx, const T* dy, const T* x, const float* rstd, const float* weight, cuda::ModRow scale_row,
                                         int64_t rows, int64_t width, int64_t per_sample, bool accumulate, unsigned row_threads, bool vector) {
  const cuda::RowThread mine(row_threads);
  if (mine.row >= rows) return;
  const T *in = x + mine.row * width, *upstream = dy + mine.row * width;
  T* out = dx + mine.row * width;
  const float* scale = scale_row.of(mine.row / per_sample, width);
  auto weighted = [&](float(&u)[cuda::kEight], int64_t i) {
    float factor[cuda::kEight];
    cuda::load_eight(u, upstream + i, width - i, vector);
    cuda::load_factor(factor, weight, scale, i, width, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) u[j] *= factor[j];
  };
  float dot = 0, held_x[cuda::kEight] = {}, held_u[cuda::kEight] = {};
  mine.each(width, [&](int64_t i) {
    float v[cuda::kEight], u[cuda::kEight];
    cuda::load_eight(v, in + i, width - i, vector);
    weighted(u, i);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) dot += u[j] * v[j];
    if (i == mine.first) cuda::RowThread::keep(held_x, v), cuda::RowThread::keep(held_u, u);
  });
  const float r = rstd[mine.row], pull = mine.sum(dot) * r * r / static_cast<float>(width);
  mine.each(width, [&](int64_t i) {
    float v[cuda::kEight], u[cuda::kEight], sum[cuda::kEight] = {};
    mine.again(v, held_x, i, in, width, vector);
    if (i == mine.first) cuda::RowThread::keep(u, held_u);
    else weighted(u, i);
    if (accumulate) cuda::load_eight(sum, out + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) sum[j] += r * (u[j] - v[j] * pull);
    cuda::store_eight(out + i, sum, width - i, vector);
  });
}

}  // namespace

void cuda::rms_norm_forward(Stream& stream, Tensor y, Tensor rstd, Tensor x, Tensor weight, Tensor mod, int scale_row, int shift_row,
                            double eps) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  if (x.elements() == 0) return;
  const RowGrid grid = row_grid(rows, width);
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    launch("rms_norm_forward", x.shape, stream, rms_norm_forward_kernel<T>, grid.blocks, grid.threads, grid.shared, y.as<T>(),
           rstd.as<float>(), x.as<T>(), weight.as<float>(), mod_row(mod, scale_row), mod_row(mod, shift_row), rows, width,
           rows / x.shape[0], static_cast<float>(eps), grid.row_threads, aligned_rows(y, x, weight, mod));
  });
}

void cuda::rms_norm_backward(Stream& stream, Tensor dx, Tensor dy, Tensor x, Tensor rstd, Tensor weight, Tensor mod, int scale_row,
                             bool accumulate) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  if (x.elements() == 0) return;
  const RowGrid grid = row_grid(rows, width);
  with_activation(dx.dtype, [&](auto type) {
    using T = decltype(type);
    launch("rms_norm_backward", x.shape, stream, rms_norm_backward_kernel<T>, grid.blocks, grid.threads, grid.shared, dx.as<T>(),
           dy.as<T>(), x.as<T>(), rstd.as<float>(), weight.as<float>(), mod_row(mod, scale_row), rows, width, rows / x.shape[0],
           accumulate, grid.row_threads, aligned_rows(dx, dy, x, weight, mod));
  });
}

}  // namespace ace
