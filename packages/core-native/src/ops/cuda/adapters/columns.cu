#include <algorithm>

#include "ops/cuda/eights.cuh"
#include "ops/kernels.h"

// DoRA's scaling of columns: each thread owns eight columns, so their factors are read once for many rows.
namespace ace {

namespace {

// c = magnitude / norm of the thread's columns.
__device__ void column_factors(float (&c)[cuda::kEight], const float* magnitude, const float* norm, int64_t count) {
#pragma unroll
  for (int i = 0; i < cuda::kEight; ++i) c[i] = i < count ? magnitude[i] / norm[i] : 0.0f;
}

template <class T>
__global__ void scale_columns_kernel(cuda::Rows<T> y, cuda::Rows<const T> x, const float* magnitude, const float* norm, int64_t rows,
                                     int64_t width, bool vector) {
  const int64_t column = cuda::first_column(), count = width - column;
  if (count <= 0) return;
  float c[cuda::kEight];
  column_factors(c, magnitude + column, norm + column, count);
  cuda::for_block_rows(rows, [&](int64_t row) {
    float value[cuda::kEight];
    cuda::load_eight(value, x.data + row * x.stride + column, count, vector);
#pragma unroll
    for (int i = 0; i < cuda::kEight; ++i) value[i] *= c[i];
    cuda::store_eight(y.data + row * y.stride + column, value, count, vector);
  });
}

template <class T>
__global__ void dora_change_kernel(cuda::Rows<T> y, cuda::Rows<const T> base, cuda::Rows<const T> dropped, cuda::Rows<const T> low,
                                   const float* magnitude, const float* norm, int64_t rows, int64_t width, float strength, bool vector) {
  const int64_t column = cuda::first_column(), count = width - column;
  if (count <= 0) return;
  float c[cuda::kEight];
  column_factors(c, magnitude + column, norm + column, count);
  cuda::for_block_rows(rows, [&](int64_t row) {
    float b[cuda::kEight], d[cuda::kEight], l[cuda::kEight];
    cuda::load_eight(b, base.data + row * base.stride + column, count, vector);
    cuda::load_eight(d, dropped.data + row * dropped.stride + column, count, vector);
    cuda::load_eight(l, low.data + row * low.stride + column, count, vector);
#pragma unroll
    for (int i = 0; i < cuda::kEight; ++i) b[i] += strength * ((c[i] - 1.0f) * d[i] + c[i] * l[i]);
    cuda::store_eight(y.data + row * y.stride + column, b, count, vector);
  });
}

template <class T>
__global__ void blend_kernel(cuda::Rows<T> y, cuda::Rows<const T> base, cuda::Rows<const T> x, int64_t rows, int64_t width,
                             float strength, bool vector) {
  const int64_t column = cuda::first_column(), count = width - column;
  if (count <= 0) return;
  cuda::for_block_rows(rows, [&](int64_t row) {
    float b[cuda::kEight], value[cuda::kEight];
    cuda::load_eight(b, base.data + row * base.stride + column, count, vector);
    cuda::load_eight(value, x.data + row * x.stride + column, count, vector);
#pragma unroll
    for (int i = 0; i < cuda::kEight; ++i) value[i] = b[i] + strength * (value[i] - b[i]);
    cuda::store_eight(y.data + row * y.stride + column, value, count, vector);
  });
}

// partial[part, column] = sum of dy u over the rows of one part (blockIdx.y).
template <class T>
__global__ void magnitude_partial_kernel(float* partial, cuda::Rows<const T> dy, cuda::Rows<const T> u, int64_t rows, int64_t width,
                                         int64_t rows_of_part, bool vector) {
  const int64_t column = cuda::first_column(), count = width - column;
  if (count <= 0) return;
  float sum[cuda::kEight] = {};
  const int64_t from = blockIdx.y * rows_of_part, to = from + rows_of_part < rows ? from + rows_of_part : rows;
  for (int64_t row = from; row < to; ++row) {
    float a[cuda::kEight], b[cuda::kEight];
    cuda::load_eight(a, dy.data + row * dy.stride + column, count, vector);
    cuda::load_eight(b, u.data + row * u.stride + column, count, vector);
#pragma unroll
    for (int i = 0; i < cuda::kEight; ++i) sum[i] += a[i] * b[i];
  }
  cuda::store_eight(partial + blockIdx.y * width + column, sum, count, false);
}

__global__ void magnitude_sum_kernel(float* dmagnitude, const float* partial, const float* norm, int64_t parts, int64_t width) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= width) return;
  float sum = 0;
  for (int64_t part = 0; part < parts; ++part) sum += partial[part * width + i];
  dmagnitude[i] += sum / norm[i];
}

}  // namespace

void cuda::scale_columns(Stream& stream, Tensor y, Tensor x, Tensor magnitude, Tensor norm) {
  if (x.elements() == 0) return;
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    launch("scale_columns", x.shape, stream, scale_columns_kernel<T>, column_grid(rows, width), kColumnThreads, 0, rows_of<T>(y),
           rows_of<const T>(x), magnitude.as<float>(), norm.as<float>(), rows, width, aligned_rows(y, x));
  });
}

void cuda::dora_change(Stream& stream, Tensor y, Tensor base, Tensor dropped, Tensor low, Tensor magnitude, Tensor norm, double strength) {
  if (y.elements() == 0) return;
  const int64_t rows = y.shape.rows(), width = y.shape.last();
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    launch("dora_change", y.shape, stream, dora_change_kernel<T>, column_grid(rows, width), kColumnThreads, 0, rows_of<T>(y),
           rows_of<const T>(base), rows_of<const T>(dropped), rows_of<const T>(low), magnitude.as<float>(), norm.as<float>(), rows,
           width, static_cast<float>(strength), aligned_rows(y, base, dropped, low));
  });
}

void cuda::blend(Stream& stream, Tensor y, Tensor base, Tensor x, double strength) {
  if (y.elements() == 0) return;
  const int64_t rows = y.shape.rows(), width = y.shape.last();
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    launch("blend", y.shape, stream, blend_kernel<T>, column_grid(rows, width), kColumnThreads, 0, rows_of<T>(y), rows_of<const T>(base),
           rows_of<const T>(x), rows, width, static_cast<float>(strength), aligned_rows(y, base, x));
  });
}

void cuda::magnitude_backward(Stream& stream, Tensor dmagnitude, Tensor dy, Tensor u, Tensor norm, Tensor scratch) {
  if (u.elements() == 0) return;
  const int64_t rows = u.shape.rows(), width = u.shape.last(), parts = scratch.shape[0];
  with_activation(u.dtype, [&](auto type) {
    using T = decltype(type);
    launch("magnitude_backward", u.shape, stream, magnitude_partial_kernel<T>,
           dim3(blocks(width, kColumnThreads * kEight), static_cast<unsigned>(parts)), kColumnThreads, 0, scratch.as<float>(),
           rows_of<const T>(dy), rows_of<const T>(u), rows, width, (rows + parts - 1) / parts, aligned_rows(dy, u));
    launch("magnitude_backward", u.shape, stream, magnitude_sum_kernel, blocks(width), kThreads, 0, dmagnitude.as<float>(),
           scratch.as<float>(), norm.as<float>(), parts, width);
  });
}

}  // namespace ace
