#include <vector>

#include "ops/cpu/loops.h"
#include "ops/kernels.h"

// LoKr's two small products as plain loops: what the CUDA kernels are held to. Training on the CPU takes the packed matrix
// products instead, which keep the intermediate (adapter/lokr.cpp).
namespace ace {

namespace {

template <class T>
const T* row_of(const Tensor& t, int64_t row, int64_t width) {
  return t.as<T>() + row * (t.contiguous() ? width : t.row_stride());
}

// z [b, c] = X w2^T.
template <class T>
void right_product(double* z, const T* x, const T* w2, int64_t b, int64_t c, int64_t d) {
  for (int64_t j = 0; j < b; ++j)
    for (int64_t k = 0; k < c; ++k) {
      double sum = 0;
      for (int64_t l = 0; l < d; ++l) sum += double(x[j * d + l]) * double(w2[k * d + l]);
      z[j * c + k] = sum;
    }
}

// dz [b, c] = w1^T G.
template <class T>
void left_product(double* dz, const T* g, const T* w1, int64_t a, int64_t b, int64_t c) {
  for (int64_t j = 0; j < b; ++j)
    for (int64_t k = 0; k < c; ++k) {
      double sum = 0;
      for (int64_t i = 0; i < a; ++i) sum += double(w1[i * b + j]) * double(g[i * c + k]);
      dz[j * c + k] = sum;
    }
}

}  // namespace

void cpu::lokr_forward(Stream& stream, Tensor y, Tensor x, Tensor w1, Tensor w2, double scale, bool accumulate) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t a = w1.shape[0], b = w1.shape[1], c = w2.shape[0], d = w2.shape[1];
    for_ranges(stream, x.elements() / (b * d), a * c * b, [&](int64_t begin, int64_t end) {
      std::vector<double> z(static_cast<size_t>(b * c));
      for (int64_t row = begin; row < end; ++row) {
        right_product(z.data(), row_of<T>(x, row, b * d), w2.as<T>(), b, c, d);
        T* out = const_cast<T*>(row_of<T>(y, row, a * c));
        for (int64_t i = 0; i < a; ++i)
          for (int64_t k = 0; k < c; ++k) {
            double sum = 0;
            for (int64_t j = 0; j < b; ++j) sum += double(w1.as<T>()[i * b + j]) * z[static_cast<size_t>(j * c + k)];
            out[i * c + k] = T((accumulate ? double(out[i * c + k]) : 0.0) + scale * sum);
          }
      }
    });
  });
}

void cpu::lokr_backward_x(Stream& stream, Tensor dx, Tensor dy, Tensor w1, Tensor w2, double scale, bool accumulate) {
  with_float(dx.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t a = w1.shape[0], b = w1.shape[1], c = w2.shape[0], d = w2.shape[1];
    for_ranges(stream, dx.elements() / (b * d), a * c * b, [&](int64_t begin, int64_t end) {
      std::vector<double> dz(static_cast<size_t>(b * c));
      for (int64_t row = begin; row < end; ++row) {
        left_product(dz.data(), row_of<T>(dy, row, a * c), w1.as<T>(), a, b, c);
        T* out = const_cast<T*>(row_of<T>(dx, row, b * d));
        for (int64_t j = 0; j < b; ++j)
          for (int64_t l = 0; l < d; ++l) {
            double sum = 0;
            for (int64_t k = 0; k < c; ++k) sum += dz[static_cast<size_t>(j * c + k)] * double(w2.as<T>()[k * d + l]);
            out[j * d + l] = T((accumulate ? double(out[j * d + l]) : 0.0) + scale * sum);
          }
      }
    });
  });
}

void cpu::lokr_backward_w(Stream&, Tensor dw1, Tensor dw2, Tensor dy, Tensor x, Tensor w1, Tensor w2, double scale, Tensor) {
  with_float(x.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t a = w1.shape[0], b = w1.shape[1], c = w2.shape[0], d = w2.shape[1];
    std::vector<double> z(static_cast<size_t>(b * c)), first(static_cast<size_t>(a * b)), second(static_cast<size_t>(c * d));
    for (int64_t row = 0; row < x.elements() / (b * d); ++row) {
      const T *in = row_of<T>(x, row, b * d), *g = row_of<T>(dy, row, a * c);
      right_product(z.data(), in, w2.as<T>(), b, c, d);
      for (int64_t i = 0; i < a; ++i)
        for (int64_t j = 0; j < b; ++j)
          for (int64_t k = 0; k < c; ++k) first[static_cast<size_t>(i * b + j)] += double(g[i * c + k]) * z[static_cast<size_t>(j * c + k)];
      left_product(z.data(), g, w1.as<T>(), a, b, c);
      for (int64_t j = 0; j < b; ++j)
        for (int64_t k = 0; k < c; ++k)
          for (int64_t l = 0; l < d; ++l) second[static_cast<size_t>(k * d + l)] += z[static_cast<size_t>(j * c + k)] * double(in[j * d + l]);
    }
    for (int64_t i = 0; i < a * b; ++i) dw1.as<T>()[i] += T(scale * first[static_cast<size_t>(i)]);
    for (int64_t i = 0; i < c * d; ++i) dw2.as<T>()[i] += T(scale * second[static_cast<size_t>(i)]);
  });
}

}  // namespace ace
