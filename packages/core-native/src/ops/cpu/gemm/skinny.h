// Products with few rows or few columns: packing the large operand would cost more than the product.
#pragma once
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "ops/cpu/gemm/blocked.h"

namespace ace::cpu {

// Up to here dot products straight from memory beat the packed tile (measured; beyond, the large operand is read so often
// that converting it once wins).
constexpr int64_t kFewRows = 16;
constexpr int64_t kFewBytes = int64_t{1} << 20;  // of the converted small operand

template <class T> bool read_in_place(DType dtype) {
  return dtype == (std::is_same_v<T, float> ? DType::f32 : DType::f64) || (std::is_same_v<T, float> && dtype == DType::bf16);
}

enum class Skinny { no, dots_few_rows, dots_few_cols, stream };

// Depends on the shapes and strides alone.
template <class T> Skinny skinny_way(const GemmArgs& g) {
  const auto fits = [&](int64_t few) { return few * g.k * static_cast<int64_t>(sizeof(T)) <= kFewBytes; };
  if (g.m <= kFewRows && fits(g.m) && g.b.row_stride == 1 && read_in_place<T>(g.b.dtype)) return Skinny::dots_few_rows;
  if (g.n <= kFewRows && fits(g.n) && g.a.col_stride == 1 && read_in_place<T>(g.a.dtype)) return Skinny::dots_few_cols;
  if (g.m <= kStreamRows && fits(g.m) && g.b.col_stride == 1 && read_in_place<T>(g.b.dtype)) return Skinny::stream;
  return Skinny::no;
}

template <class T> T element(const Operand& x, int64_t offset) {
  switch (x.dtype) {
    case DType::f64: return static_cast<T>(static_cast<const double*>(x.data)[offset]);
    case DType::bf16: return static_cast<T>(to_float(static_cast<const bf16*>(x.data)[offset]));
    case DType::f16: return static_cast<T>(to_float(static_cast<const f16*>(x.data)[offset]));
    default: return static_cast<T>(static_cast<const float*>(x.data)[offset]);
  }
}

// The small operand as T, contiguous along k; in place where it is so already. Row i of it starts i * stride later.
template <class T> struct Few {
  const T* data;
  int64_t stride;

  Few(Scratch::Frame& frame, const Operand& x, int64_t few, int64_t few_stride, int64_t k, int64_t k_stride) {
    if (k_stride == 1 && size_of(x.dtype) == sizeof(T)) {
      data = static_cast<const T*>(x.data);
      stride = few_stride;
      return;
    }
    T* copy = frame.take<T>(few * k);
    for (int64_t i = 0; i < few; ++i) {
      for (int64_t p = 0; p < k; ++p) copy[i * k + p] = element<T>(x, i * few_stride + p * k_stride);
    }
    data = copy;
    stride = k;
  }
};

template <class T> void write(const GemmArgs& g, int64_t row, int64_t col, T product) {
  T& c = static_cast<T*>(g.c)[row * g.ldc + col];
  T result = static_cast<T>(g.alpha) * product;
  if (g.bias) result += static_cast<const T*>(g.bias)[col];
  if (g.beta != 0) result += static_cast<T>(g.beta) * c;
  c = result;
}

template <class T, class Executor> void gemm_dots(Executor executor, const Kernels<T>& kernel, const GemmArgs& g, bool few_are_rows) {
  constexpr int64_t kPart = 48;  // of the many
  const int64_t few_count = few_are_rows ? g.m : g.n, many_count = few_are_rows ? g.n : g.m;
  const Operand& many = few_are_rows ? g.b : g.a;
  const int64_t many_stride = few_are_rows ? many.col_stride : many.row_stride;
  Scratch::Frame frame(executor.panels());
  const Few<T> few = few_are_rows ? Few<T>(frame, g.a, g.m, g.a.row_stride, g.k, g.a.col_stride)
                                  : Few<T>(frame, g.b, g.n, g.b.col_stride, g.k, g.b.row_stride);
  executor.run(ceil_div(many_count, kPart), [&](int64_t part, Scratch&) {
    T sums[64];
    const int64_t end = std::min(many_count, (part + 1) * kPart);
    for (int64_t j = part * kPart; j < end; j += kernel.dot_cols) {
      const int cols = static_cast<int>(std::min<int64_t>(kernel.dot_cols, end - j));
      Operand from = many;
      advance(from, j * many_stride);
      for (int64_t i = 0; i < few_count; i += kernel.dot_rows) {
        const int rows = static_cast<int>(std::min<int64_t>(kernel.dot_rows, few_count - i));
        kernel.dots(rows, cols, g.k, 1, few.data + i * few.stride, few.stride, 0, from.data, many.dtype, many_stride, 0, sums);
        for (int r = 0; r < rows; ++r) {
          for (int s = 0; s < cols; ++s) {
            const T sum = sums[r * kernel.dot_cols + s];
            if (few_are_rows) write(g, i + r, j + s, sum);
            else write(g, j + s, i + r, sum);
          }
        }
      }
    }
  });
}

template <class T, class Executor> void gemm_stream(Executor executor, const Kernels<T>& kernel, const GemmArgs& g) {
  constexpr int64_t kStrip = 512;  // columns: the sums stay in the first cache
  Scratch::Frame frame(executor.panels());
  const Few<T> few(frame, g.a, g.m, g.a.row_stride, g.k, g.a.col_stride);
  executor.run(ceil_div(g.n, kStrip), [&](int64_t part, Scratch&) {
    alignas(64) T sums[kStreamRows * kStrip];
    const int64_t col = part * kStrip, cols = std::min(kStrip, g.n - col);
    std::fill_n(sums, kStreamRows * kStrip, T(0));
    kernel.stream(static_cast<int>(g.m), cols, g.k, few.data, few.stride, at(g.b, 0, col), g.b.dtype, g.b.row_stride, sums, kStrip);
    for (int64_t i = 0; i < g.m; ++i) {
      for (int64_t j = 0; j < cols; ++j) write(g, i, col + j, sums[i * kStrip + j]);
    }
  });
}

}  // namespace ace::cpu
