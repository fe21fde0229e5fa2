#include "ops/cuda/norm_rows.cuh"
#include "ops/kernels.h"

// A gated sum and the norm that reads it: the sum crosses memory once, and so does its gradient.
namespace ace {

void cuda::gate_add_norm_forward(Stream& stream, Tensor x1, Tensor y, Tensor rstd, Tensor x, Tensor b, Tensor mod, int gate_row,
                                 Tensor weight, Tensor norm_mod, int scale_row, int shift_row, double eps) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  with_row_kernels(x, y.dtype, [&](auto type, auto whole, const RowGrid& grid) {
    using T = decltype(type);
    constexpr bool kWhole = decltype(whole)::value;
    launch("gate_add_norm_forward", x.shape, stream, norm_forward_kernel<T, true, kWhole>, grid.blocks, grid.threads, grid.shared, x1.as<T>(),
           y.as<T>(), rstd.as<float>(), x.as<T>(), b.as<T>(), mod_row(mod, gate_row), weight.as<float>(), mod_row(norm_mod, scale_row),
           mod_row(norm_mod, shift_row), rows, width, rows / x.shape[0], static_cast<float>(eps), grid,
           aligned_rows(x1, y, x, b, mod, weight, norm_mod));
  });
}

void cuda::gate_add_norm_backward(Stream& stream, Tensor dx, Tensor db, Tensor dy, Tensor x1, Tensor rstd, Tensor weight, Tensor norm_mod,
                                  int scale_row, Tensor mod, int gate_row, bool accumulate, bool accumulate_b) {
  const int64_t rows = x1.shape.rows(), width = x1.shape.last();
  with_row_kernels(x1, dx.dtype, [&](auto type, auto whole, const RowGrid& grid) {
    using T = decltype(type);
    constexpr bool kWhole = decltype(whole)::value;
    launch("gate_add_norm_backward", x1.shape, stream, db.given() ? norm_backward_kernel<T, true, kWhole> : norm_backward_kernel<T, false, kWhole>, grid.blocks, grid.threads, grid.shared, dx.as<T>(),
           db.as<T>(), dy.as<T>(), x1.as<T>(), rstd.as<float>(), weight.as<float>(), mod_row(norm_mod, scale_row), mod_row(mod, gate_row),
           rows, width, rows / x1.shape[0], accumulate, accumulate_b, grid, aligned_rows(dx, db, dy, x1, weight, norm_mod, mod));
  });
}

}  // namespace ace
