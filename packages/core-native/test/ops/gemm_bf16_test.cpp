// Products that round to bf16 because the user asked for them, against the plain loop in double over the rounded numbers:
// products of two bf16 are exact in float32, so the bound is that of float32 sums.
#include <array>
#include <vector>

#include "check.h"
#include "gemm_case.h"
#include "ops/cpu/gemm/kernels.h"

using namespace ace;
using namespace ace::cpu;
using namespace ace::test;
using namespace ace::test::products;

namespace {

// With the instruction set while it lives; skips the test where this CPU or build has none.
class WithBf16 {
 public:
  WithBf16() {
    if (lossy_isas().empty()) SKIP("this CPU, or the compiler, has no AVX512-BF16");
    force_isa(Isa::avx512_bf16);
  }
  ~WithBf16() { force_isa(before_); }

 private:
  Isa before_ = active_isa();
};

// x [m, k] W^T or dy [m, k] W with a bf16 weight.
std::vector<float> product(ThreadPool& pool, const std::vector<float>& x, const std::vector<bf16>& w, int64_t m, int64_t n, int64_t k, bool transposed) {
  std::vector<float> c(static_cast<size_t>(m * n));
  GemmArgs g{};
  g.m = m, g.n = n, g.k = k;
  g.a = {x.data(), DType::f32, k, 1};
  g.b = {w.data(), DType::bf16, transposed ? 1 : n, transposed ? k : 1};
  g.c = c.data(), g.ldc = n;
  gemm(pool, Compute::f32, g);
  return c;
}

std::vector<float> random_floats(int64_t count, uint32_t seed) {
  Random random{seed};
  std::vector<float> out(static_cast<size_t>(count));
  for (float& x : out) x = static_cast<float>(random.next());
  return out;
}

std::vector<bf16> rounded(const std::vector<float>& x) {
  std::vector<bf16> out;
  for (const float value : x) out.push_back(to_bf16(value));
  return out;
}

}  // namespace

TEST("the instruction set that rounds is never taken by itself") {
  for (const Isa isa : available_isas()) CHECK(isa != Isa::avx512_bf16);
  CHECK(choose_isa(nullptr) != Isa::avx512_bf16);
  if (lossy_isas().empty()) CHECK_THROWS(choose_isa("avx512_bf16"), "is not available on this machine");
  else CHECK(choose_isa("avx512_bf16") == Isa::avx512_bf16);
}

TEST("a product of bf16 pairs equals the plain loop for every odd shape, dtype and layout") {
  const WithBf16 on;
  ThreadPool pool(2);
  for (const int64_t m : {17, 29, 43}) {
    for (const int64_t n : {17, 31, 33, 64}) {
      for (const int64_t k : {1, 2, 31, 32, 33, 63, 67, 2100}) {  // 2100: several blocks
        for (const Matrix::Layout a_layout : kLayouts) {
          for (const Matrix::Layout b_layout : kLayouts) {
            check_case<float>(pool, Form::pool, {.m = m, .n = n, .k = k, .a = DType::bf16, .b = DType::bf16, .a_layout = a_layout, .b_layout = b_layout});
          }
        }
      }
    }
  }
  check_case<float>(pool, Form::pool, {.m = 40, .n = 50, .k = 1100, .a = DType::bf16, .b = DType::bf16, .alpha = -2.5, .beta = 0.5, .bias = true});
}

TEST("a float32 operand is rounded to bf16, to nearest even, whatever way it is packed") {
  const WithBf16 on;
  ThreadPool pool(2);
  for (const bool transposed : {true, false}) {
    for (const auto& [m, n, k] : {std::array<int64_t, 3>{17, 33, 67}, {64, 96, 256}, {100, 40, 1500}}) {
      CONTEXT(m << " " << n << " " << k << " " << transposed);
      const std::vector<float> x = random_floats(m * k, 1);
      const std::vector<bf16> w = rounded(random_floats(n * k, 2));
      std::vector<float> near;
      for (const bf16 value : rounded(x)) near.push_back(to_float(value));
      CHECK(product(pool, x, w, m, n, k, transposed) == product(pool, near, w, m, n, k, transposed));
    }
  }
}

TEST("bf16 pairs give the same bits for any number of threads") {
  const WithBf16 on;
  const int64_t m = 130, n = 200, k = 1100;
  const std::vector<float> x = random_floats(m * k, 3);
  const std::vector<bf16> w = rounded(random_floats(n * k, 4));
  ThreadPool one(1), three(3);
  for (const bool transposed : {true, false}) CHECK(product(one, x, w, m, n, k, transposed) == product(three, x, w, m, n, k, transposed));
}

TEST("products without a bf16 operand are those of AVX-512, bit for bit") {
  const Case test{.m = 40, .n = 70, .k = 600};
  ThreadPool pool(2);
  std::vector<float> got;
  {
    const WithBf16 on;
    got = compute<float>(pool, Form::pool, test);
  }
  const Isa before = active_isa();
  force_isa(Isa::avx512);
  const std::vector<float> want = compute<float>(pool, Form::pool, test);
  force_isa(before);
  // The columns past n hold what they held.
  CHECK(std::memcmp(got.data(), want.data(), got.size() * sizeof(float)) == 0);
}
