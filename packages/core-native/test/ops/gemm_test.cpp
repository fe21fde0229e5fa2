// The matrix products of every instruction set here, against a plain loop in double.
#include "ops/cpu/gemm/gemm.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "check.h"
#include "ops/cpu/simd/isa.h"
#include "tensor/error.h"

using namespace ace;
using namespace ace::cpu;

namespace {

constexpr float kUntouched = 12345.0f;

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

const char* layout_name(Matrix::Layout layout) {
  return layout == Matrix::row_major ? "rows" : layout == Matrix::column_major ? "columns" : "strided";
}

template <class T> void check_case(ThreadPool& pool, Form form, const Case& test) {
  CONTEXT(instruction_set() << (sizeof(T) == 4 ? " f32" : " f64") << " m " << test.m << " n " << test.n << " k " << test.k << " a "
                            << name(test.a) << " " << layout_name(test.a_layout) << " b " << name(test.b) << " "
                            << layout_name(test.b_layout) << " alpha " << test.alpha << " beta " << test.beta << " bias " << test.bias
                            << " batch " << test.batch << (test.share_a ? " shared a" : "") << (test.share_b ? " shared b" : "")
                            << " form " << static_cast<int>(form));
  double worst;
  compute<T>(pool, form, test, &worst);
  CHECK(worst <= 1);
}

template <class F> void on_every_isa(F&& body) {
  const Isa before = active_isa();
  for (const Isa isa : available_isas()) {
    force_isa(isa);
    body();
  }
  force_isa(before);
}

constexpr Matrix::Layout kLayouts[] = {Matrix::row_major, Matrix::column_major, Matrix::strided};
constexpr DType kDTypes[] = {DType::f32, DType::f64, DType::bf16, DType::f16};

}  // namespace

TEST("a product equals the plain loop for every small and odd shape") {
  ThreadPool pool(2);
  on_every_isa([&] {
    for (const int64_t m : {0, 1, 2, 3, 4, 5, 8, 9, 13, 14, 15, 17, 29, 31}) {
      for (const int64_t n : {0, 1, 2, 7, 8, 9, 16, 17, 31, 32, 33, 47, 61}) {
        for (const int64_t k : {0, 1, 3, 16, 31, 33, 67}) {
          for (const Matrix::Layout b_layout : {Matrix::row_major, Matrix::column_major}) {
            check_case<float>(pool, Form::pool, {.m = m, .n = n, .k = k, .b_layout = b_layout});
          }
          check_case<double>(pool, Form::pool, {.m = m, .n = n, .k = k});
        }
      }
    }
  });
}

TEST("a product takes every pair of dtypes and layouts") {
  ThreadPool pool(2);
  on_every_isa([&] {
    for (const DType a : kDTypes) {
      for (const DType b : kDTypes) {
        for (const Matrix::Layout a_layout : kLayouts) {
          for (const Matrix::Layout b_layout : kLayouts) {
            for (const int64_t m : {3, 7, 37}) {
              for (const int64_t n : {5, 41}) {
                const Case test{.m = m, .n = n, .k = 83, .a = a, .b = b, .a_layout = a_layout, .b_layout = b_layout};
                check_case<float>(pool, Form::pool, test);
                check_case<double>(pool, Form::pool, test);
              }
            }
          }
        }
      }
    }
  });
}

TEST("alpha, beta and bias do what they say on every way a product can go") {
  ThreadPool pool(2);
  on_every_isa([&] {
    for (const int64_t m : {2, 6, 40}) {
      for (const int64_t n : {4, 50}) {
        for (const int64_t k : {0, 19, 1000}) {  // 1000: several blocks, of which only the first may apply beta and bias
          for (const double alpha : {0.0, 1.0, -2.5}) {
            for (const double beta : {0.0, 1.0, 0.5}) {
              for (const bool bias : {false, true}) {
                for (const Matrix::Layout b_layout : {Matrix::row_major, Matrix::column_major}) {
                  const Case test{.m = m, .n = n, .k = k, .b_layout = b_layout, .alpha = alpha, .beta = beta, .bias = bias};
                  check_case<float>(pool, Form::pool, test);
                  check_case<float>(pool, Form::serial, test);
                  check_case<double>(pool, Form::pool, test);
                }
              }
            }
          }
        }
      }
    }
  });
}

TEST("products larger than one block in each direction are right") {
  ThreadPool pool(2);
  on_every_isa([&] {
    for (const Case& test : {Case{.m = 2053, .n = 35, .k = 401}, Case{.m = 19, .n = 4109, .k = 97},
                             Case{.m = 181, .n = 521, .k = 1033, .b = DType::bf16, .b_layout = Matrix::column_major}}) {
      check_case<float>(pool, Form::pool, test);
      check_case<float>(pool, Form::serial, test);
    }
    const Case chains{.m = 31, .n = 70, .k = 4500, .a_layout = Matrix::column_major, .alpha = 0.5, .beta = 1, .bias = true};
    check_case<float>(pool, Form::pool, chains);
    check_case<double>(pool, Form::serial, chains);
    check_case<double>(pool, Form::serial, {.m = 171, .n = 515, .k = 300});
  });
}

TEST("results are the same bits for any number of threads, in a body and outside") {
  const Case one[] = {{.m = 257, .n = 515, .k = 777, .b = DType::bf16, .b_layout = Matrix::column_major, .bias = true},
                      {.m = 100, .n = 300, .k = 900, .a_layout = Matrix::column_major, .beta = 1},
                      {.m = 3, .n = 1000, .k = 500, .b_layout = Matrix::column_major},
                      {.m = 3, .n = 1000, .k = 500}};
  const Case many[] = {{.m = 32, .n = 48, .k = 40, .batch = 301, .share_a = true},
                       {.m = 32, .n = 32, .k = 64, .b_layout = Matrix::column_major, .batch = 301},
                       {.m = 20, .n = 24, .k = 10, .a_layout = Matrix::column_major, .batch = 301}};
  on_every_isa([&] {
    ThreadPool alone(1);
    double worst;
    for (const int threads : {2, 3, 5}) {
      ThreadPool pool(threads);
      for (const Case& test : one) {
        CONTEXT(instruction_set() << " threads " << threads << " m " << test.m << " k " << test.k);
        const std::vector<float> expected = compute<float>(alone, Form::pool, test, threads == 2 ? &worst : nullptr);
        CHECK(worst <= 1);
        CHECK(compute<float>(pool, Form::pool, test) == expected);
        CHECK(compute<float>(pool, Form::pool, test) == expected);
        CHECK(compute<float>(pool, Form::serial, test) == expected);
        std::vector<float> nested;
        pool.run(2, [&](int64_t part) {
          if (part == 1) nested = compute<float>(pool, Form::pool, test);
        });
        CHECK(nested == expected);
      }
      for (const Case& test : many) {
        CONTEXT(instruction_set() << " threads " << threads << " batch of m " << test.m << " k " << test.k);
        for (const Form form : {Form::batched, Form::reduce}) {
          const std::vector<float> expected = compute<float>(alone, form, test, threads == 2 ? &worst : nullptr);
          CHECK(worst <= 1);
          CHECK(compute<float>(pool, form, test) == expected);
        }
      }
    }
  });
}

TEST("batched products equal the plain loop, shared operands or not") {
  ThreadPool pool(2);
  on_every_isa([&] {
    for (const bool share_a : {false, true}) {
      for (const bool share_b : {false, true}) {
        for (const Matrix::Layout a_layout : kLayouts) {
          for (const Matrix::Layout b_layout : kLayouts) {
            for (const DType b : {DType::f32, DType::bf16}) {
              for (const Case& shape : {Case{.m = 33, .n = 35, .k = 31}, Case{.m = 3, .n = 64, .k = 8}, Case{.m = 16, .n = 5, .k = 70}}) {
                Case test = shape;
                test.a_layout = a_layout, test.b_layout = b_layout, test.b = b;
                test.batch = 7, test.share_a = share_a, test.share_b = share_b;
                test.alpha = 0.5, test.beta = b == DType::f32 ? 1 : 0, test.bias = share_b;
                check_case<float>(pool, Form::batched, test);
                check_case<float>(pool, Form::reduce, test);
                check_case<double>(pool, Form::batched, test);
                check_case<double>(pool, Form::reduce, test);
              }
            }
          }
        }
      }
    }
  });
}

TEST("batched products of every size take their own way and agree") {
  ThreadPool pool(2);
  on_every_isa([&] {
    for (const Case& test : {Case{.m = 200, .n = 30, .k = 500, .batch = 3},                                       // item by item
                             Case{.m = 400, .n = 400, .k = 300, .batch = 2},                                      // each on all threads
                             Case{.m = 600, .n = 3, .k = 20, .batch = 3}, Case{.m = 5, .n = 7, .k = 0, .batch = 3},
                             Case{.m = 5, .n = 7, .k = 4, .batch = 1}, Case{.m = 9, .n = 9, .k = 700, .b_layout = Matrix::column_major, .batch = 5},
                             Case{.m = 9, .n = 9, .k = 700, .batch = 5}, Case{.m = 4, .n = 4, .k = 5, .batch = 0}}) {
      check_case<float>(pool, Form::batched, test);
      check_case<float>(pool, Form::reduce, test);
    }
    check_case<float>(pool, Form::reduce, {.m = 300, .n = 300, .k = 20, .batch = 4});
  });
}

TEST("items whose rows follow each other are one tall product") {
  ThreadPool pool(2);
  std::vector<float> a(6 * 4 * 5), b(5 * 3), c(6 * 4 * 3), expected(6 * 4 * 3);
  Random random{9};
  for (float& x : a) x = static_cast<float>(random.next());
  for (float& x : b) x = static_cast<float>(random.next());
  BatchedGemmArgs g{};
  g.m = 4, g.n = 3, g.k = 5, g.a = {a.data(), DType::f32, 5, 1}, g.b = {b.data(), DType::f32, 3, 1}, g.ldc = 3;
  g.batch = 6, g.a_stride = 20, g.b_stride = 0, g.c_stride = 12, g.c = c.data();
  gemm_batched(pool, Compute::f32, g);
  g.m = 24, g.c = expected.data();
  gemm(pool, Compute::f32, g);
  CHECK(c == expected);

  // The same items with a gap between their results are not.
  std::vector<float> apart(6 * 20, kUntouched);
  g.m = 4, g.c = apart.data(), g.c_stride = 20;
  gemm_batched(pool, Compute::f32, g);
  for (size_t i = 0; i < apart.size(); ++i) {
    if (i % 20 < 12) CHECK_NEAR(apart[i], expected[i / 20 * 12 + i % 20], 1e-6);  // five products of less than 1/4
    else CHECK_EQ(apart[i], kUntouched);
  }
}

TEST("a NaN or an infinity reaches exactly the elements it belongs to") {
  ThreadPool pool(2);
  on_every_isa([&] {
    for (const int64_t m : {3, 29}) {
      for (const bool transposed : {false, true}) {
        const int64_t n = 37, k = 45;
        std::vector<float> a(static_cast<size_t>(m * k), 1.0f), b(static_cast<size_t>(k * n), 1.0f), c(static_cast<size_t>(m * n));
        a[static_cast<size_t>(1 * k + 44)] = std::numeric_limits<float>::quiet_NaN();
        b[static_cast<size_t>(transposed ? 36 * k + 7 : 7 * n + 36)] = std::numeric_limits<float>::infinity();
        gemm(pool, Compute::f32, {.m = m, .n = n, .k = k, .a = {a.data(), DType::f32, k, 1},
                                  .b = {b.data(), DType::f32, transposed ? 1 : n, transposed ? k : 1}, .c = c.data(), .ldc = n});
        CONTEXT(instruction_set() << " m " << m << " transposed " << transposed);
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t j = 0; j < n; ++j) {
            const float x = c[static_cast<size_t>(i * n + j)];
            if (i == 1) CHECK(std::isnan(x));
            else if (j == 36) CHECK(std::isinf(x));
            else CHECK_EQ(x, static_cast<float>(k));
          }
        }
      }
    }
  });
}

TEST("an instruction set is chosen by its name, and a wrong name is refused") {
  CHECK(choose_isa(nullptr) == available_isas().back());
  CHECK(choose_isa("") == available_isas().back());
  CHECK(choose_isa("scalar") == Isa::scalar);
  CHECK_THROWS(choose_isa("sse9"), "ACEWRIGHT_ISA=sse9 is not an instruction set: use one of scalar");
  for (const Isa isa : {Isa::avx2, Isa::avx512, Isa::neon}) {
    if (std::find(available_isas().begin(), available_isas().end(), isa) != available_isas().end()) CHECK(choose_isa(name(isa)) == isa);
    else CHECK_THROWS(choose_isa(name(isa)), "not available on this machine");
  }
  const Isa before = active_isa();
  force_isa(Isa::scalar);
  CHECK_EQ(std::string(instruction_set()), std::string("scalar"));
  force_isa(before);
}

TEST("an operand of integers is refused by name") {
  ThreadPool pool(1);
  int32_t a = 1;
  float b = 1, c = 1;
  const GemmArgs g{.m = 1, .n = 1, .k = 1, .a = {&a, DType::i32, 1, 1}, .b = {&b, DType::f32, 1, 1}, .c = &c, .ldc = 1};
  CHECK_THROWS(gemm(pool, Compute::f32, g), "i32");
  CHECK_EQ(c, 1.0f);
}
