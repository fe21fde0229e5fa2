// Exponentials of every instruction set here, against libm in double.
#include "ops/cpu/vector_math.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "check.h"
#include "every_isa.h"
#include "tensor/dtype.h"

using namespace ace;
using namespace ace::cpu;
using namespace ace::test;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Distance from the true value in units of the last place of a float of that size.
double ulps(float got, double expected) {
  if (static_cast<double>(got) == expected) return 0;
  const float size = std::abs(static_cast<float>(expected));
  const double unit = std::isinf(size) ? std::numeric_limits<double>::infinity()
                                       : static_cast<double>(std::nextafter(size, kInfinity)) - static_cast<double>(size);
  return std::abs(static_cast<double>(got) - expected) / unit;
}

struct Random {
  uint32_t state = 7;
  float next(float scale) { return (static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-23f - 1.0f) * scale; }
};

}  // namespace

TEST("exp is within 2 ulp wherever the result is normal, and 2.5 where it is subnormal") {
  on_every_isa([] {
    std::vector<float> inputs;
    for (float x = -104.5f; x < 88.8f; x += 0.00171f) inputs.push_back(x);
    for (uint32_t bits = 0; bits < 0x42b20000u; bits += 10007) inputs.push_back(float_of(bits)), inputs.push_back(float_of(bits | 0x80000000u));
    std::vector<float> outputs = inputs;
    exp_sub_sum(outputs.data(), static_cast<int64_t>(outputs.size()), 0.0f);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const double expected = std::exp(static_cast<double>(inputs[i]));
      if (expected > static_cast<double>(std::numeric_limits<float>::max())) {
        CHECK(outputs[i] == kInfinity || outputs[i] == std::numeric_limits<float>::max());
      } else {
        const bool subnormal = expected < static_cast<double>(std::numeric_limits<float>::min());
        if (ulps(outputs[i], expected) > (subnormal ? 2.5 : 2.0)) CHECK_NEAR(outputs[i], expected, 0);
        else CHECK(true);
      }
    }
  });
}

TEST("exp of the special values is what softmax needs") {
  on_every_isa([] {
    for (const int64_t at : {0, 3, 7, 17}) {  // in whole vectors and in the rest
      std::vector<float> x(18, 0.0f);
      const auto exp_of = [&](float value) {
        std::vector<float> copy = x;
        copy[static_cast<size_t>(at)] = value;
        const float sum = exp_sub_sum(copy.data(), 18, 0.0f);
        CHECK(std::isnan(value) ? std::isnan(sum) : !std::isnan(sum));
        return copy[static_cast<size_t>(at)];
      };
      CHECK_EQ(exp_of(-kInfinity), 0.0f);
      CHECK_EQ(exp_of(-1e30f), 0.0f);
      CHECK_EQ(exp_of(-104.1f), 0.0f);
      CHECK_EQ(exp_of(0.0f), 1.0f);
      CHECK_EQ(exp_of(-0.0f), 1.0f);
      CHECK_EQ(exp_of(89.0f), kInfinity);
      CHECK_EQ(exp_of(kInfinity), kInfinity);
      CHECK(std::isnan(exp_of(kNaN)));
    }
  });
}

TEST("row_max finds the largest wherever it is and passes over a NaN") {
  on_every_isa([] {
    CHECK_EQ(row_max(nullptr, 0), -kInfinity);
    for (const int64_t n : {1, 2, 4, 5, 8, 15, 16, 17, 33, 100}) {
      for (int64_t at = 0; at < n; ++at) {
        std::vector<float> x(static_cast<size_t>(n), -5.0f);
        x[static_cast<size_t>(at)] = -3.0f;
        CHECK_EQ(row_max(x.data(), n), -3.0f);
        x[static_cast<size_t>(at)] = kNaN;
        CHECK_EQ(row_max(x.data(), n), n == 1 ? -kInfinity : -5.0f);
      }
    }
  });
}

TEST("a softmax row sums what it wrote, element by element alike at every length") {
  on_every_isa([] {
    Random random;
    std::vector<float> whole(137);
    for (float& x : whole) x = random.next(8);
    const std::vector<float> before = whole;
    exp_sub_sum(whole.data(), 137, 8.0f);
    for (int64_t n = 0; n <= 137; ++n) {
      std::vector<float> x(before.begin(), before.begin() + n);
      x.push_back(42.0f);  // one past the end must stay
      const float sum = exp_sub_sum(x.data(), n, 8.0f);
      double expected = 0;
      bool same = true;
      for (int64_t i = 0; i < n; ++i) {
        expected += static_cast<double>(x[static_cast<size_t>(i)]);
        same = same && x[static_cast<size_t>(i)] == whole[static_cast<size_t>(i)];
      }
      CONTEXT("n " << n);
      CHECK(same);
      CHECK_EQ(x.back(), 42.0f);
      CHECK_NEAR(sum, expected, 137 * 6e-8 * expected);
    }
  });
}

TEST("SwiGLU and its gradients agree with double") {
  on_every_isa([] {
    Random random;
    for (const int64_t n : {0, 1, 7, 16, 17, 1000}) {
      const auto size = static_cast<size_t>(n);
      std::vector<float> gate(size), up(size), dout(size), out(size + 1, 9.0f);
      for (size_t i = 0; i < size; ++i) gate[i] = random.next(i % 3 ? 4.0f : 60.0f), up[i] = random.next(2), dout[i] = random.next(1);
      swiglu_vector(out.data(), gate.data(), up.data(), n);
      CHECK_EQ(out[size], 9.0f);
      for (const bool add_gate : {false, true}) {
        for (const bool add_up : {false, true}) {
          CONTEXT("n " << n << " accumulate " << add_gate << add_up);
          std::vector<float> dgate(size + 1, 0.25f), dup(size + 1, -0.5f);
          swiglu_vector_backward(dgate.data(), dup.data(), dout.data(), gate.data(), up.data(), n, add_gate, add_up);
          CHECK(dgate[size] == 0.25f && dup[size] == -0.5f);
          for (size_t i = 0; i < size; ++i) {
            const double g = gate[i], u = up[i], d = dout[i], s = 1 / (1 + std::exp(-g));
            // exp 2 ulp, the sum and the quotient half a unit each, and as much again for the products: 6 units of 2^-24.
            // The slope's 1 + g (1 - s) may cancel, so its bound takes the size of its terms, and 1 - s has s's error.
            const double unit = 6 * 0x1p-24, tiny = 1e-37;
            CHECK_NEAR(out[i], g * s * u, unit * std::abs(g * s * u) + tiny);
            const double du = d * g * s, dg = d * u * s * (1 + g * (1 - s));
            CHECK_NEAR(dup[i], du + (add_up ? -0.5 : 0), unit * std::abs(du) + (add_up ? 0x1p-24 : 0) + tiny);
            CHECK_NEAR(dgate[i], dg + (add_gate ? 0.25 : 0),
                       unit * std::abs(d * u * s) * (2 + 2 * std::abs(g * (1 - s)) + std::abs(g * s)) + (add_gate ? 0x1p-24 : 0) + tiny);
          }
        }
      }
    }
  });
}

TEST("SwiGLU in place gives the same numbers") {
  on_every_isa([] {
    Random random;
    std::vector<float> gate(53), up(53), out(53);
    for (size_t i = 0; i < 53; ++i) gate[i] = random.next(4), up[i] = random.next(2);
    swiglu_vector(out.data(), gate.data(), up.data(), 53);
    std::vector<float> in_place = gate;
    swiglu_vector(in_place.data(), in_place.data(), up.data(), 53);
    CHECK(in_place == out);
  });
}
