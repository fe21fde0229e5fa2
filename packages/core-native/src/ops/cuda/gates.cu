#include "ops/cuda/row_threads.cuh"
#include "ops/kernels.h"

namespace ace {

namespace {

// Calls each(at, i, gate) for this thread's groups of eight: group i of a row, at + i of the buffer, with the gate's eight
// (ones without a table).
template <bool kWhole, class F>
__device__ void each_gated(const cuda::RowGrid& grid, cuda::ModRow gate_row, int64_t rows, int64_t width, int64_t per_sample, bool vector, F&& each) {
  const cuda::RowThread<kWhole> mine(grid, rows);
  if (mine.begin >= rows) return;
  const float* gate = nullptr;
  float held[cuda::kEight];
  mine.each_row(
      per_sample,
      [&](int64_t sample) {
        gate = gate_row.of(sample, width);
        cuda::load_or(1, held, gate, mine.first, width, vector);
      },
      [&](int64_t row, bool) {
        each(row * width, mine.first, held);
        mine.each_other(width, [&](int64_t i) {
          float factor[cuda::kEight];
          cuda::load_or(1, factor, gate, i, width, vector);
          each(row * width, i, factor);
        });
      });
}

template <class T, bool kWhole>
__global__ void __launch_bounds__(cuda::kRowThreads) gate_add_forward_kernel(T* y, const T* x, const T* b, cuda::ModRow gate_row, int64_t rows, int64_t width, int64_t per_sample,
                                        cuda::RowGrid grid, bool vector) {
  each_gated<kWhole>(grid, gate_row, rows, width, per_sample, vector, [&](int64_t at, int64_t i, const float(&gate)[cuda::kEight]) {
    float base[cuda::kEight], branch[cuda::kEight];
    cuda::load_eight(base, x + at + i, width - i, vector);
    cuda::load_eight(branch, b + at + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) base[j] += branch[j] * gate[j];
    cuda::store_eight(y + at + i, base, width - i, vector);
  });
}

template <class T, bool kWhole>
__global__ void __launch_bounds__(cuda::kRowThreads) gate_backward_kernel(T* db, const T* dy, cuda::ModRow gate_row, int64_t rows, int64_t width, int64_t per_sample, bool accumulate,
                                     cuda::RowGrid grid, bool vector) {
  each_gated<kWhole>(grid, gate_row, rows, width, per_sample, vector, [&](int64_t at, int64_t i, const float(&gate)[cuda::kEight]) {
    float sum[cuda::kEight] = {}, upstream[cuda::kEight];
    cuda::load_eight(upstream, dy + at + i, width - i, vector);
    if (accumulate) cuda::load_eight(sum, db + at + i, width - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) sum[j] += upstream[j] * gate[j];
    cuda::store_eight(db + at + i, sum, width - i, vector);
  });
}

}  // namespace

void cuda::gate_add_forward(Stream& stream, Tensor y, Tensor x, Tensor b, Tensor mod, int gate_row) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  with_row_kernels(x, y.dtype, [&](auto type, auto whole, const RowGrid& grid) {
    using T = decltype(type);
    constexpr bool kWhole = decltype(whole)::value;
    launch("gate_add_forward", x.shape, stream, gate_add_forward_kernel<T, kWhole>, grid.blocks, grid.threads, 0, y.as<T>(), x.as<T>(), b.as<T>(),
           mod_row(mod, gate_row), rows, width, rows / x.shape[0], grid, aligned_rows(y, x, b, mod));
  });
}

void cuda::gate_backward(Stream& stream, Tensor db, Tensor dy, Tensor mod, int gate_row, bool accumulate) {
  const int64_t rows = dy.shape.rows(), width = dy.shape.last();
  with_row_kernels(dy, db.dtype, [&](auto type, auto whole, const RowGrid& grid) {
    using T = decltype(type);
    constexpr bool kWhole = decltype(whole)::value;
    launch("gate_backward", dy.shape, stream, gate_backward_kernel<T, kWhole>, grid.blocks, grid.threads, 0, db.as<T>(), dy.as<T>(),
           mod_row(mod, gate_row), rows, width, rows / dy.shape[0], accumulate, grid, aligned_rows(db, dy, mod));
  });
}

}  // namespace ace
