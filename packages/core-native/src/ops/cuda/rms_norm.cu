#include "ops/cuda/norm_rows.cuh"
#include "ops/kernels.h"

namespace ace {

void cuda::rms_norm_forward(Stream& stream, Tensor y, Tensor rstd, Tensor x, Tensor weight, Tensor mod, int scale_row, int shift_row,
                            double eps) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  with_row_kernels(x, y.dtype, [&](auto type, auto whole, const RowGrid& grid) {
    using T = decltype(type);
    constexpr bool kWhole = decltype(whole)::value;
    launch("rms_norm_forward", x.shape, stream, norm_forward_kernel<T, false, kWhole>, grid.blocks, grid.threads, grid.shared, nullptr, y.as<T>(),
           rstd.as<float>(), x.as<T>(), nullptr, ModRow{}, weight.as<float>(), mod_row(mod, scale_row), mod_row(mod, shift_row), rows, width,
           rows / x.shape[0], static_cast<float>(eps), grid, aligned_rows(y, x, weight, mod));
  });
}

void cuda::rms_norm_backward(Stream& stream, Tensor dx, Tensor dy, Tensor x, Tensor rstd, Tensor weight, Tensor mod, int scale_row,
                             bool accumulate) {
  const int64_t rows = x.shape.rows(), width = x.shape.last();
  with_row_kernels(x, dx.dtype, [&](auto type, auto whole, const RowGrid& grid) {
    using T = decltype(type);
    constexpr bool kWhole = decltype(whole)::value;
    launch("rms_norm_backward", x.shape, stream, norm_backward_kernel<T, false, kWhole>, grid.blocks, grid.threads, grid.shared, dx.as<T>(), nullptr,
           dy.as<T>(), x.as<T>(), rstd.as<float>(), weight.as<float>(), mod_row(mod, scale_row), ModRow{}, rows, width, rows / x.shape[0],
           accumulate, false, grid, aligned_rows(dx, dy, x, weight, mod));
  });
}

}  // namespace ace
