#include "ops/cuda/row_threads.cuh"
#include "ops/kernels.h"

namespace ace {

namespace {

template <class T>
__global__ void gate_add_forward_kernel(T* y, const T* x, const T* b, cuda::ModRow gate_row, int64_t rows, int64_t width, int64_t per_sample,
                                        unsigned row_threads, bool vector) {
  const cuda::RowThread mine(row_threads);
  if (mine.row >= rows) return;
  const int64_t at = mine.row * width;
  const float* gate = gate_row.of(mine.row / per_sample, width);
  mine.each(width, [&](int64_t i) {
    float base[cuda::kEight], branch[cuda::kEight], factor[cuda::kEight] = {};
    cuda::load_eight(base, x + at + i, width - i, vector);
    cuda::load_eight(branch, b + at + i, width - i, vector);
    if (gate != nullptr) cuda::load_eight(factor, gate + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) base[j] += gate == nullptr ? branch[j] : branch[j] * factor[j];
    cuda::store_eight(y + at + i, base, width - i, vector);
  });
}

template <class T>
__global__ void gate_backward_kernel(T* db, const T* dy, cuda::ModRow gate_row, int64_t rows, int64_t width, int64_t per_sample, bool accumulate,
                                     unsigned row_threads, bool vector) {
  const cuda::RowThread mine(row_threads);
  if (mine.row >= rows) return;
  const int64_t at = mine.row * width;
  const float* gate = gate_row.of(mine.row / per_sample, width);
  mine.each(width, [&](int64_t i) {
    float sum[cuda::kEight] = {}, upstream[cuda::kEight], factor[cuda::kEight];
    cuda::load_eight(upstream, dy + at + i, width - i, vector);
    cuda::load_eight(factor, gate + i, width - i, vector);
    if (accumulate) cuda::load_eight(sum, db + at + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) sum[j] += upstream[j] * factor[j];
    cuda::store_eight(db + at + i, sum, width - i, vector);
  });
}

}  // namespace

void cuda::gate_add_forward(Stream& stream, Tensor y, Tensor x, Tensor b, Tensor mod, int gate_row) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  if (x.elements() == 0) return;
  const RowGrid grid = row_grid(rows, width);
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    launch("gate_add_forward", x.shape, stream, gate_add_forward_kernel<T>, grid.blocks, grid.threads, 0, y.as<T>(), x.as<T>(), b.as<T>(),
           mod_row(mod, gate_row), rows, width, rows / x.shape[0], grid.row_threads, aligned_rows(y, x, b, mod));
  });
}

void cuda::gate_backward(Stream& stream, Tensor db, Tensor dy, Tensor mod, int gate_row, bool accumulate) {
  const int64_t rows = dy.shape.rows(), width = dy.shape.last();
  if (dy.elements() == 0) return;
  const RowGrid grid = row_grid(rows, width);
  with_activation(db.dtype, [&](auto type) {
    using T = decltype(type);
    launch("gate_backward", dy.shape, stream, gate_backward_kernel<T>, grid.blocks, grid.threads, 0, db.as<T>(), dy.as<T>(),
           mod_row(mod, gate_row), rows, width, rows / dy.shape[0], accumulate, grid.row_threads, aligned_rows(db, dy, mod));
  });
}

}  // namespace ace
