#include <cmath>

#include "ops/cpu/loops.h"
#include "ops/kernels.h"

// The operations and their order are those of gate_add and rms_norm: the same bits as the two apart.
namespace ace {

namespace {

// Row `row` of the sample's table; null where there is none.
template <class T>
const T* mod_row(const Tensor& mod, int64_t sample, int row) {
  return mod.given() ? mod.as<T>() + (sample * mod.shape[1] + row) * mod.shape.last() : nullptr;
}

}  // namespace

void cpu::gate_add_norm_forward(Stream& stream, Tensor x1, Tensor y, Tensor rstd, Tensor x, Tensor b, Tensor mod, int gate_row,
                                Tensor weight, Tensor norm_mod, int scale_row, int shift_row, double eps) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t rows = x.shape.rows(), width = x.shape.last(), per_sample = rows / x.shape[0];
    const T* w = weight.as<T>();
    for_ranges(stream, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t sample = row / per_sample;
        const T *base = x.as<T>() + row * width, *branch = b.as<T>() + row * width, *gate = mod_row<T>(mod, sample, gate_row);
        T *sum = x1.as<T>() + row * width, *out = y.as<T>() + row * width;
        if (gate != nullptr) {
          for (int64_t i = 0; i < width; ++i) sum[i] = base[i] + branch[i] * gate[i];
        } else {
          for (int64_t i = 0; i < width; ++i) sum[i] = base[i] + branch[i];
        }
        const T square = lane_sum<T>(width, [&](int64_t i) { return sum[i] * sum[i]; });
        const T r = T(1) / std::sqrt(square / T(width) + T(eps));
        rstd.as<T>()[row] = r;
        const T *scale = mod_row<T>(norm_mod, sample, scale_row), *shift = mod_row<T>(norm_mod, sample, shift_row);
        if (scale != nullptr) {
          for (int64_t i = 0; i < width; ++i) out[i] = sum[i] * r * w[i] * (T(1) + scale[i]) + shift[i];
        } else {
          for (int64_t i = 0; i < width; ++i) out[i] = sum[i] * r * w[i];
        }
      }
    });
  });
}

void cpu::gate_add_norm_backward(Stream& stream, Tensor dx, Tensor db, Tensor dy, Tensor x1, Tensor rstd, Tensor weight, Tensor norm_mod,
                                 int scale_row, Tensor mod, int gate_row, bool accumulate, bool accumulate_b) {
  with_float(dx.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t rows = x1.shape.rows(), width = x1.shape.last(), per_sample = rows / x1.shape[0];
    const T* w = weight.as<T>();
    for_ranges(stream, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t sample = row / per_sample;
        const T *in = x1.as<T>() + row * width, *g = dy.as<T>() + row * width, *scale = mod_row<T>(norm_mod, sample, scale_row);
        T* total = dx.as<T>() + row * width;
        const T r = rstd.as<T>()[row];
        auto upstream = [&](int64_t i) { return scale == nullptr ? g[i] * w[i] : g[i] * w[i] * (T(1) + scale[i]); };
        const T dot = lane_sum<T>(width, [&](int64_t i) { return upstream(i) * in[i]; });
        const T pull = dot * r * r / T(width);
        if (accumulate) {
          for (int64_t i = 0; i < width; ++i) total[i] += r * (upstream(i) - in[i] * pull);
        } else {
          for (int64_t i = 0; i < width; ++i) total[i] = r * (upstream(i) - in[i] * pull);
        }
        if (!db.given()) continue;
        const T* gate = mod_row<T>(mod, sample, gate_row);
        T* branch = db.as<T>() + row * width;
        for (int64_t i = 0; i < width; ++i) branch[i] = (accumulate_b ? branch[i] : T(0)) + total[i] * gate[i];
      }
    });
  });
}

}  // namespace ace
