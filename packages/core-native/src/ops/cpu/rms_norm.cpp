#include <cmath>

#include "ops/cpu/loops.h"
#include "ops/kernels.h"

namespace ace {

void cpu::rms_norm_forward(Stream& stream, Tensor y, Tensor rstd, Tensor x, Tensor weight, Tensor mod, int scale_row,
                           int shift_row, double eps) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t rows = x.shape.rows(), width = x.shape.last(), per_sample = rows / x.shape[0];
    const int64_t mod_rows = mod.given() ? mod.shape[1] : 0;
    const T* w = weight.as<T>();
    for_ranges(stream, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* in = x.as<T>() + row * width;
        T* out = y.as<T>() + row * width;
        const T square = lane_sum<T>(width, [&](int64_t i) { return in[i] * in[i]; });
        const T r = T(1) / std::sqrt(square / T(width) + T(eps));
        rstd.as<T>()[row] = r;
        if (mod.given()) {
          const T* sample = mod.as<T>() + (row / per_sample) * mod_rows * width;
          const T *scale = sample + scale_row * width, *shift = sample + shift_row * width;
          for (int64_t i = 0; i < width; ++i) out[i] = in[i] * r * w[i] * (T(1) + scale[i]) + shift[i];
        } else {
          for (int64_t i = 0; i < width; ++i) out[i] = in[i] * r * w[i];
        }
      }
    });
  });
}

void cpu::rms_norm_backward(Stream& stream, Tensor dx, Tensor dy, Tensor x, Tensor rstd, Tensor weight, Tensor mod,
                            int scale_row, bool accumulate) {
  with_float(dx.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t rows = x.shape.rows(), width = x.shape.last(), per_sample = rows / x.shape[0];
    const int64_t mod_rows = mod.given() ? mod.shape[1] : 0;
    const T* w = weight.as<T>();
    for_ranges(stream, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T *in = x.as<T>() + row * width, *g = dy.as<T>() + row * width;
        T* out = dx.as<T>() + row * width;
        const T r = rstd.as<T>()[row];
        const T* scale = mod.given() ? mod.as<T>() + ((row / per_sample) * mod_rows + scale_row) * width : nullptr;
        auto upstream = [&](int64_t i) { return scale == nullptr ? g[i] * w[i] : g[i] * w[i] * (T(1) + scale[i]); };
        const T dot = lane_sum<T>(width, [&](int64_t i) { return upstream(i) * in[i]; });
        const T pull = dot * r * r / T(width);
        if (accumulate) {
          for (int64_t i = 0; i < width; ++i) out[i] += r * (upstream(i) - in[i] * pull);
        } else {
          for (int64_t i = 0; i < width; ++i) out[i] = r * (upstream(i) - in[i] * pull);
        }
      }
    });
  });
}

}  // namespace ace
