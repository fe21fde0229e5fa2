#include <cmath>

#include "ops/cpu/loops.h"
#include "ops/kernels.h"

namespace ace {

void cpu::head_norm_forward(Stream& stream, Tensor y, Tensor rstd, Tensor x, Tensor weight, Tensor cos, Tensor sin,
                            double eps) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t hd = weight.elements(), half = hd / 2, width = x.shape.last(), heads = width / hd;
    const int64_t rows = x.shape.rows(), length = x.shape[1];
    const T* w = weight.as<T>();
    for_ranges(stream, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* c = cos.given() ? cos.as<T>() + (row % length) * half : nullptr;
        const T* s = cos.given() ? sin.as<T>() + (row % length) * half : nullptr;
        for (int64_t head = 0; head < heads; ++head) {
          const T* in = x.as<T>() + row * x.row_stride() + head * hd;
          T* out = y.as<T>() + row * y.row_stride() + head * hd;
          const T square = lane_sum<T>(hd, [&](int64_t i) { return in[i] * in[i]; });
          const T r = T(1) / std::sqrt(square / T(hd) + T(eps));
          rstd.as<T>()[row * heads + head] = r;
          if (c == nullptr) {
            for (int64_t i = 0; i < hd; ++i) out[i] = in[i] * r * w[i];
            continue;
          }
          for (int64_t i = 0; i < half; ++i) {
            const T a = in[i] * r * w[i], b = in[i + half] * r * w[i + half];
            out[i] = a * c[i] - b * s[i];
            out[i + half] = b * c[i] + a * s[i];
          }
        }
      }
    });
  });
}

void cpu::head_norm_backward(Stream& stream, Tensor dx, Tensor dy, Tensor x, Tensor rstd, Tensor weight, Tensor cos,
                             Tensor sin, bool accumulate) {
  with_float(dx.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t hd = weight.elements(), half = hd / 2, width = x.shape.last(), heads = width / hd;
    const int64_t rows = x.shape.rows(), length = x.shape[1];
    const T* w = weight.as<T>();
    for_ranges(stream, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* c = cos.given() ? cos.as<T>() + (row % length) * half : nullptr;
        const T* s = cos.given() ? sin.as<T>() + (row % length) * half : nullptr;
        for (int64_t head = 0; head < heads; ++head) {
          const T *in = x.as<T>() + row * x.row_stride() + head * hd, *g = dy.as<T>() + row * dy.row_stride() + head * hd;
          T* out = dx.as<T>() + row * dx.row_stride() + head * hd;
          const T r = rstd.as<T>()[row * heads + head];
          // The rotation by -a of dy, times the weight: the gradient of the normalised head.
          auto low = [&](int64_t i) { return (c == nullptr ? g[i] : g[i] * c[i] + g[i + half] * s[i]) * w[i]; };
          auto high = [&](int64_t i) {
            return (c == nullptr ? g[i + half] : g[i + half] * c[i] - g[i] * s[i]) * w[i + half];
          };
          const T dot = lane_sum<T>(half, [&](int64_t i) { return low(i) * in[i] + high(i) * in[i + half]; });
          const T pull = dot * r * r / T(hd);
          for (int64_t i = 0; i < half; ++i) {
            const T first = r * (low(i) - in[i] * pull), second = r * (high(i) - in[i + half] * pull);
            out[i] = accumulate ? out[i] + first : first;
            out[i + half] = accumulate ? out[i + half] + second : second;
          }
        }
      }
    });
  });
}

}  // namespace ace
