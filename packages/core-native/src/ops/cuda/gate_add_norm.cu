#include "ops/cuda/row_threads.cuh"
#include "ops/kernels.h"

// A gated sum and the norm that reads it: the sum crosses memory once, and so does its gradient.
namespace ace {

namespace {

// What a reader of the stored sum sees.
__device__ float as_stored(float x, float) { return x; }
__device__ float as_stored(float x, bf16) { return __uint_as_float(cuda::pack_bf16(x, 0.0f) << 16); }

template <class T>
__global__ void gate_add_norm_forward_kernel(T* x1, T* y, float* rstd, const T* x, const T* b, cuda::ModRow gate_row, const float* weight,
                                             cuda::ModRow scale_row, cuda::ModRow shift_row, int64_t rows, int64_t width, int64_t per_sample,
                                             float eps, unsigned row_threads, bool vector) {
  const cuda::RowThread mine(row_threads);
  if (mine.row >= rows) return;
  const int64_t at = mine.row * width, sample = mine.row / per_sample;
  const float* gate = gate_row.of(sample, width);
  float square = 0, held[cuda::kEight] = {};
  mine.each(width, [&](int64_t i) {
    float sum[cuda::kEight], branch[cuda::kEight], factor[cuda::kEight] = {};
    cuda::load_eight(sum, x + at + i, width - i, vector);
    cuda::load_eight(branch, b + at + i, width - i, vector);
    if (gate != nullptr) cuda::load_eight(factor, gate + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) {
      sum[j] = as_stored(sum[j] + (gate == nullptr ? branch[j] : branch[j] * factor[j]), T{});
      square += sum[j] * sum[j];
    }
    cuda::store_eight(x1 + at + i, sum, width - i, vector);
    if (i == mine.first) cuda::RowThread::keep(held, sum);
  });
  const float r = 1.0f / sqrtf(mine.sum(square) / static_cast<float>(width) + eps);
  if (mine.first == 0) rstd[mine.row] = r;
  const float *scale = scale_row.of(sample, width), *shift = shift_row.of(sample, width);
  mine.each(width, [&](int64_t i) {
    float v[cuda::kEight], factor[cuda::kEight], plus[cuda::kEight] = {};
    mine.again(v, held, i, x1 + at, width, vector);  // written by this very thread
    cuda::load_factor(factor, weight, scale, i, width, vector);
    if (shift != nullptr) cuda::load_eight(plus, shift + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) v[j] = v[j] * r * factor[j] + plus[j];
    cuda::store_eight(y + at + i, v, width - i, vector);
  });
}

template <class T>
__global__ void gate_add_norm_backward_kernel(T* dx, T* db, const T* dy, const T* x1, const float* rstd, const float* weight,
                                              cuda::ModRow scale_row, cuda::ModRow gate_row, int64_t rows, int64_t width, int64_t per_sample,
                                              bool accumulate, bool accumulate_b, unsigned row_threads, bool vector) {
  const cuda::RowThread mine(row_threads);
  if (mine.row >= rows) return;
  const int64_t at = mine.row * width, sample = mine.row / per_sample;
  const float *scale = scale_row.of(sample, width), *gate = gate_row.of(sample, width);
  auto weighted = [&](float(&u)[cuda::kEight], int64_t i) {
    float factor[cuda::kEight];
    cuda::load_eight(u, dy + at + i, width - i, vector);
    cuda::load_factor(factor, weight, scale, i, width, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) u[j] *= factor[j];
  };
  float dot = 0, held_x[cuda::kEight] = {}, held_u[cuda::kEight] = {};
  mine.each(width, [&](int64_t i) {
    float v[cuda::kEight], u[cuda::kEight];
    cuda::load_eight(v, x1 + at + i, width - i, vector);
    weighted(u, i);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) dot += u[j] * v[j];
    if (i == mine.first) cuda::RowThread::keep(held_x, v), cuda::RowThread::keep(held_u, u);
  });
  const float r = rstd[mine.row], pull = mine.sum(dot) * r * r / static_cast<float>(width);
  mine.each(width, [&](int64_t i) {
    float v[cuda::kEight], u[cuda::kEight], total[cuda::kEight] = {};
    mine.again(v, held_x, i, x1 + at, width, vector);
    if (i == mine.first) cuda::RowThread::keep(u, held_u);
    else weighted(u, i);
    if (accumulate) cuda::load_eight(total, dx + at + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) total[j] += r * (u[j] - v[j] * pull);
    cuda::store_eight(dx + at + i, total, width - i, vector);
    if (db == nullptr) return;
    float branch[cuda::kEight] = {}, factor[cuda::kEight];
    if (accumulate_b) cuda::load_eight(branch, db + at + i, width - i, vector);
    cuda::load_eight(factor, gate + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) branch[j] += total[j] * factor[j];
    cuda::store_eight(db + at + i, branch, width - i, vector);
  });
}

}  // namespace

void cuda::gate_add_norm_forward(Stream& stream, Tensor x1, Tensor y, Tensor rstd, Tensor x, Tensor b, Tensor mod, int gate_row,
                                 Tensor weight, Tensor norm_mod, int scale_row, int shift_row, double eps) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  if (x.elements() == 0) return;
  const RowGrid grid = row_grid(rows, width);
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    launch("gate_add_norm_forward", x.shape, stream, gate_add_norm_forward_kernel<T>, grid.blocks, grid.threads, grid.shared, x1.as<T>(),
           y.as<T>(), rstd.as<float>(), x.as<T>(), b.as<T>(), mod_row(mod, gate_row), weight.as<float>(), mod_row(norm_mod, scale_row),
           mod_row(norm_mod, shift_row), rows, width, rows / x.shape[0], static_cast<float>(eps), grid.row_threads,
           aligned_rows(x1, y, x, b, mod, weight, norm_mod));
  });
}

void cuda::gate_add_norm_backward(Stream& stream, Tensor dx, Tensor db, Tensor dy, Tensor x1, Tensor rstd, Tensor weight, Tensor norm_mod,
                                  int scale_row, Tensor mod, int gate_row, bool accumulate, bool accumulate_b) {
  const int64_t rows = x1.shape.rows(), width = x1.shape.last();
  if (x1.elements() == 0) return;
  const RowGrid grid = row_grid(rows, width);
  with_activation(dx.dtype, [&](auto type) {
    using T = decltype(type);
    launch("gate_add_norm_backward", x1.shape, stream, gate_add_norm_backward_kernel<T>, grid.blocks, grid.threads, grid.shared, dx.as<T>(),
           db.as<T>(), dy.as<T>(), x1.as<T>(), rstd.as<float>(), weight.as<float>(), mod_row(norm_mod, scale_row), mod_row(mod, gate_row),
           rows, width, rows / x1.shape[0], accumulate, accumulate_b, grid.row_threads, aligned_rows(dx, db, dy, x1, weight, norm_mod, mod));
  });
}

}  // namespace ace
