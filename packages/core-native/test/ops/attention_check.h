// Attention's CUDA kernels against the CPU twin, number by number. What may differ is derived, not tuned: a bf16 kernel
// rounds each weight P (and each dS) once before the second product and each result once when it is stored, by at most
// u = 2^-8 of itself (eight significant bits, to nearest). A result is a sum of terms t = P v, scale dS k, ..., so that rounding moves it by at most
// u sum |t|, and by no more than six standard deviations, 6 u / sqrt(3) sqrt(sum t^2), as the roundings are independent.
// All else is float32: 1e-5 of the sums of absolute values that were added up.
#pragma once
#include "attention_case.h"
#include "twin.h"

namespace ace::test::attention_case {

constexpr double kRounding = 1.0 / 256;

// `rounded`: the type of result. `rounds_terms`: whether the kernel keeps its weights in bf16 too.
inline void check_close(const char* what, const Values& got, const Values& expected, const Terms& terms, DType rounded, bool rounds_terms) {
  CONTEXT(what);
  CHECK_EQ(got.size(), expected.size());
  double worst = 0;
  std::string where = "nowhere";
  for (size_t i = 0; i < got.size(); ++i) {
    double allowed = 1e-5 * terms.added[i] + 1e-7 * std::abs(double{expected[i]});
    if (rounded == DType::bf16) allowed += kRounding * std::abs(double{expected[i]});
    if (rounds_terms) allowed += kRounding * std::min(terms.sizes[i], 6 / std::sqrt(3.0) * std::sqrt(terms.squares[i]));
    const double difference = std::abs(double{got[i]} - double{expected[i]});
    const double used = difference == 0 ? 0 : allowed == 0 || std::isnan(difference) ? INFINITY : difference / allowed;
    if (used <= worst) continue;
    worst = used;
    where = "number " + std::to_string(i) + ": " + std::to_string(got[i]) + " for " + std::to_string(expected[i]) + ", allowed " + std::to_string(allowed);
  }
  CONTEXT(where);
  CHECK(worst <= 1);
}

inline void check_statistics(const char* what, const Values& got, const Values& expected) {
  CONTEXT(what);
  CHECK_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) CHECK_NEAR(got[i], expected[i], 1e-5 * (1 + std::abs(double{expected[i]})));
}

// Both passes of `c` on both twins. The backward pass of both starts from the CPU's o, as `dtype` stores it, and lse.
inline void check_case(const Case& c, DType dtype, bool tiles, bool warpgroups = false) {
  CONTEXT(name(dtype) << " " << c.text());
  const Data d = data_of(c, dtype);
  Forward f = forward(c, d, DeviceKind::cpu, DType::f32);
  const Forward got = forward(c, d, DeviceKind::cuda, dtype, warpgroups);
  const Values o = stored(f.o, dtype);
  const AllTerms terms = terms_of(c, d, o);
  check_close("o", got.o, f.o, terms.o, dtype, tiles);
  check_statistics("lse", got.lse, f.lse);
  if (c.masked) return;
  f.o = o;
  const Backward expected = backward(c, d, f, DeviceKind::cpu, DType::f32), back = backward(c, d, f, DeviceKind::cuda, dtype, warpgroups);
  check_statistics("row_dot", back.row_dot, expected.row_dot);
  const char* names[] = {"dq", "dk", "dv"};
  for (int i = 0; i < 3; ++i) check_close(names[i], back.gradient[i], expected.gradient[i], terms.gradient[i], dtype, tiles);
}

}  // namespace ace::test::attention_case
