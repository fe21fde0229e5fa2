// The matrix products of every instruction set here, against a plain loop in double.
#include "ops/cpu/gemm/gemm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "gemm_case.h"

using namespace ace;
using namespace ace::cpu;
using namespace ace::test;
using namespace ace::test::products;

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
        CONTEXT("threads " << threads << " m " << test.m << " k " << test.k);
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
        CONTEXT("threads " << threads << " batch of m " << test.m << " k " << test.k);
        for (const Form form : {Form::batched, Form::reduce}) {
          const std::vector<float> expected = compute<float>(alone, form, test, threads == 2 ? &worst : nullptr);
          CHECK(worst <= 1);
          CHECK(compute<float>(pool, form, test) == expected);
        }
      }
    }
  });
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
        CONTEXT("m " << m << " transposed " << transposed);
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
