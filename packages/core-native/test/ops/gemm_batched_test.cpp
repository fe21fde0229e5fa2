// Batches of small products, and their sum, against a plain loop in double.
#include <vector>

#include "check.h"
#include "gemm_case.h"
#include "ops/cpu/gemm/gemm.h"

using namespace ace;
using namespace ace::cpu;
using namespace ace::test;
using namespace ace::test::products;

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
