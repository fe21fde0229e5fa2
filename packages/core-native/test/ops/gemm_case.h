// One product to test: operands in memory, the product in each of its forms, and the plain loop in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "check.h"
#include "every_isa.h"
#include "ops/cpu/gemm/gemm.h"

namespace ace::test::products {

using namespace ace::cpu;

inline constexpr float kUntouched = 12345.0f;

struct Random {
  uint32_t state;
  double next() { return static_cast<double>((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-24 - 0.5; }
};

// A matrix in memory as some dtype, and the values it holds after rounding to it.
class Matrix {
 public:
  enum Layout { row_major, column_major, strided };

  Matrix(int64_t rows, int64_t cols, DType dtype, Layout layout, uint32_t seed, int64_t copies = 1)
      : rows_(rows), cols_(cols), dtype_(dtype) {
    if (layout == row_major) row_stride_ = cols + 3, col_stride_ = 1;
    else if (layout == column_major) row_stride_ = 1, col_stride_ = rows + 5;
    else row_stride_ = 2 * cols + 7, col_stride_ = 2;
    size_ = (rows > 0 && cols > 0) ? (rows - 1) * row_stride_ + (cols - 1) * col_stride_ + 1 : 0;
    bytes_.resize(static_cast<size_t>(size_ * copies) * size_of(dtype));
    Random random{seed};
    for (int64_t i = 0; i < size_ * copies; ++i) set(i, random.next());
  }

  void set(int64_t offset, double value) {
    char* at = bytes_.data() + static_cast<size_t>(offset) * size_of(dtype_);
    const float single = static_cast<float>(value);
    const bf16 brain = to_bf16(single);
    const f16 half = to_f16(single);
    switch (dtype_) {
      case DType::f64: std::memcpy(at, &value, 8); break;
      case DType::bf16: std::memcpy(at, &brain, 2); break;
      case DType::f16: std::memcpy(at, &half, 2); break;
      default: std::memcpy(at, &single, 4);
    }
  }

  double get(int64_t copy, int64_t i, int64_t j) const {
    const char* at = bytes_.data() + static_cast<size_t>(copy * size_ + i * row_stride_ + j * col_stride_) * size_of(dtype_);
    double value;
    float single;
    bf16 brain;
    f16 half;
    switch (dtype_) {
      case DType::f64: return std::memcpy(&value, at, 8), value;
      case DType::bf16: return std::memcpy(&brain, at, 2), static_cast<double>(to_float(brain));
      case DType::f16: return std::memcpy(&half, at, 2), static_cast<double>(to_float(half));
      default: return std::memcpy(&single, at, 4), static_cast<double>(single);
    }
  }

  Operand operand() const { return {bytes_.data(), dtype_, row_stride_, col_stride_}; }
  int64_t size() const { return size_; }

 private:
  int64_t rows_, cols_;
  DType dtype_;
  int64_t row_stride_ = 0, col_stride_ = 0, size_ = 0;
  std::vector<char> bytes_;
};

struct Case {
  int64_t m, n, k;
  DType a = DType::f32, b = DType::f32;
  Matrix::Layout a_layout = Matrix::row_major, b_layout = Matrix::row_major;
  double alpha = 1, beta = 0;
  bool bias = false;
  int64_t batch = 1;
  bool share_a = false, share_b = false;
};

enum class Form { pool, serial, batched, reduce };

// worst, if wanted: the largest error as a share of its bound.
template <class T> std::vector<T> compute(ThreadPool& pool, Form form, const Case& test, double* worst = nullptr) {
  const Matrix a(test.m, test.k, test.a, test.a_layout, 1, test.share_a ? 1 : test.batch);
  const Matrix b(test.k, test.n, test.b, test.b_layout, 2, test.share_b ? 1 : test.batch);
  const int64_t ldc = test.n + 2, outputs = form == Form::reduce ? 1 : test.batch;
  const int64_t c_size = test.m * ldc;
  std::vector<T> c(static_cast<size_t>(c_size * outputs), T(kUntouched)), bias(static_cast<size_t>(test.n));
  Random random{3};
  for (T& x : bias) x = static_cast<T>(random.next());
  const bool reads_c = test.beta != 0;
  for (int64_t i = 0; i < test.m * outputs; ++i) {
    for (int64_t j = 0; j < test.n; ++j) {
      c[static_cast<size_t>(i * ldc + j)] = reads_c ? static_cast<T>(random.next()) : std::numeric_limits<T>::quiet_NaN();
    }
  }
  const std::vector<T> before = c;

  BatchedGemmArgs g{};
  g.m = test.m, g.n = test.n, g.k = test.k;
  g.a = a.operand(), g.b = b.operand();
  g.c = c.data(), g.ldc = ldc, g.alpha = test.alpha, g.beta = test.beta;
  g.bias = test.bias ? bias.data() : nullptr;
  g.batch = test.batch;
  g.a_stride = test.share_a ? 0 : a.size(), g.b_stride = test.share_b ? 0 : b.size(), g.c_stride = c_size;
  const Compute type = sizeof(T) == 4 ? Compute::f32 : Compute::f64;
  switch (form) {
    case Form::pool: gemm(pool, type, g); break;
    case Form::serial: gemm_serial(pool.scratch(), type, g); break;
    case Form::batched: gemm_batched(pool, type, g); break;
    case Form::reduce: gemm_batched_reduce(pool, type, g); break;
  }

  if (!worst) return c;
  // Rounding of k products of magnitude < 1/4 and their sums: eps k / 4, with room; a wrong element is off by far more.
  *worst = 0;
  const double eps = std::numeric_limits<T>::epsilon();
  for (int64_t t = 0; t < outputs; ++t) {
    for (int64_t i = 0; i < test.m; ++i) {
      for (int64_t j = 0; j < ldc; ++j) {
        const size_t at = static_cast<size_t>(t * c_size + i * ldc + j);
        if (j >= test.n) {
          if (c[at] != T(kUntouched)) *worst = std::numeric_limits<double>::infinity();
          continue;
        }
        double sum = 0;
        for (int64_t s = 0; s < (form == Form::reduce ? test.batch : 1); ++s) {
          const int64_t from = form == Form::reduce ? s : t;
          for (int64_t p = 0; p < test.k; ++p) sum += a.get(test.share_a ? 0 : from, i, p) * b.get(test.share_b ? 0 : from, p, j);
        }
        double expected = test.alpha * sum + (test.bias ? static_cast<double>(bias[static_cast<size_t>(j)]) : 0);
        if (reads_c) expected += test.beta * static_cast<double>(before[at]);
        const double terms = static_cast<double>(test.k * (form == Form::reduce ? test.batch : 1));
        const double error = std::abs(static_cast<double>(c[at]) - expected) / (eps * (2 + terms / 4) * std::max(1.0, std::abs(test.alpha)));
        *worst = error <= *worst ? *worst : error;  // a NaN counts as worse
        if (std::isnan(error)) *worst = std::numeric_limits<double>::infinity();
      }
    }
  }
  return c;
}

inline const char* layout_name(Matrix::Layout layout) {
  return layout == Matrix::row_major ? "rows" : layout == Matrix::column_major ? "columns" : "strided";
}

template <class T> void check_case(ThreadPool& pool, Form form, const Case& test) {
  CONTEXT((sizeof(T) == 4 ? "f32" : "f64") << " m " << test.m << " n " << test.n << " k " << test.k << " a "
                            << name(test.a) << " " << layout_name(test.a_layout) << " b " << name(test.b) << " "
                            << layout_name(test.b_layout) << " alpha " << test.alpha << " beta " << test.beta << " bias " << test.bias
                            << " batch " << test.batch << (test.share_a ? " shared a" : "") << (test.share_b ? " shared b" : "")
                            << " form " << static_cast<int>(form));
  double worst;
  compute<T>(pool, form, test, &worst);
  CHECK(worst <= 1);
}

inline constexpr Matrix::Layout kLayouts[] = {Matrix::row_major, Matrix::column_major, Matrix::strided};
inline constexpr DType kDTypes[] = {DType::f32, DType::f64, DType::bf16, DType::f16};

}  // namespace ace::test::products
