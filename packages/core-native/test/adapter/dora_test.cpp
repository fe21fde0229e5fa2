// DoRA against the formula written out. PEFT holds the row norm fixed in the backward pass, so plain differences of the
// operator would be another function's: the written-out formula takes the norm as an argument, and is differenced with the
// norm of the undisturbed parameters.
#include "adapter/one_module.h"

using namespace ace;
using namespace ace::test;

namespace {

struct Formula {
  int64_t rows, in, out, rank;
  double scale;
  std::vector<double> weight, x, a, b, m;
  std::vector<double> mask;  // of x, kept / (1 - p) or 0; empty: no dropout

  double changed(int64_t o, int64_t i) const {
    double sum = 0;
    for (int64_t r = 0; r < rank; ++r) sum += b[static_cast<size_t>(o * rank + r)] * a[static_cast<size_t>(r * in + i)];
    return weight[static_cast<size_t>(o * in + i)] + scale * sum;
  }
  std::vector<double> norms() const {
    std::vector<double> out_norms;
    for (int64_t o = 0; o < out; ++o) {
      double sum = 0;
      for (int64_t i = 0; i < in; ++i) sum += changed(o, i) * changed(o, i);
      out_norms.push_back(std::sqrt(sum));
    }
    return out_norms;
  }
  // y = x W^T + (c - 1) xd W^T + c s xd A^T B^T; without dropout xd = x and it is c x (W + s B A)^T.
  std::vector<double> y(const std::vector<double>& norm) const {
    std::vector<double> result;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t o = 0; o < out; ++o) {
        const double c = m[static_cast<size_t>(o)] / norm[static_cast<size_t>(o)];
        double base = 0, wide = 0, whole = 0;
        for (int64_t i = 0; i < in; ++i) {
          const size_t at = static_cast<size_t>(row * in + i);
          const double w = weight[static_cast<size_t>(o * in + i)], dropped = mask.empty() ? x[at] : x[at] * mask[at];
          base += x[at] * w;
          wide += dropped * w;
          whole += dropped * changed(o, i);
        }
        result.push_back(base - wide + c * whole);
      }
    return result;
  }
};

// What dropout does to each element, seen by running it on ones.
std::vector<double> mask_of(OneModule& module, const Shape& shape, double p) {
  Storage ones(shape, DType::f64, "ones"), out(shape, DType::f64, "out");
  for (int64_t i = 0; i < shape.elements(); ++i) set_number(ones.tensor(), i, 1);
  Stream& stream = cpu_device().stream();
  cpu::dropout(stream, out.tensor(), ones.tensor(), module.counters(), p, module.module().index(), false);
  return numbers_of(out.tensor());
}

void check_dora(const AdapterConfig& config, int64_t out, int64_t in, DType weight_dtype) {
  OneModule module(config, out, in, weight_dtype);
  module.disturb();
  const Shape shape{2, 5, in};
  OpRun run(DType::f64, {{shape}}, module.body(true), true, 1, Recompute::none);
  Formula f{10, in, out, config.rank, module.module().scale(), {}, run.values(0), numbers_of(module.parameter("lora_A.weight")),
            numbers_of(module.parameter("lora_B.weight")), numbers_of(module.parameter("lora_magnitude_vector")), {}};
  for (int64_t i = 0; i < out * in; ++i)
    f.weight.push_back(weight_dtype == DType::bf16 ? to_float(module.weight().as<bf16>()[i]) : number_at(module.weight(), i));
  if (config.dropout > 0) f.mask = mask_of(module, shape, config.dropout);
  const std::vector<double> norm = f.norms();

  for (const Tracked& t : module.tracked()) clear(t.gradient);
  const double projected = run.run(cpu_device().pool());
  const std::vector<double> output = run.output();
  CHECK_NEAR(largest_difference(output, f.y(norm)) / largest(output), 0, 1e-13);

  auto projection = [&](const std::vector<double>& y) {
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += y[i] * run.projection()[i];
    return sum;
  };
  CHECK_NEAR(projection(f.y(norm)), projected, 1e-12 * std::max(1.0, std::abs(projected)));
  auto check = [&](const char* what, std::vector<double>& values, const std::vector<double>& analytic) {
    CONTEXT(what);
    constexpr double kStep = 1e-5;
    double worst = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const double value = values[i];
      values[i] = value + kStep;
      const double above = projection(f.y(norm));
      values[i] = value - kStep;
      const double below = projection(f.y(norm));
      values[i] = value;
      worst = std::max(worst, std::abs((above - below) / (2 * kStep) - analytic[i]));
    }
    CHECK(largest(analytic) > 0);
    CHECK_NEAR(worst / largest(analytic), 0, 1e-6);
  };
  check("x", f.x, run.gradient(0));
  check("A", f.a, numbers_of(module.gradient("lora_A.weight")));
  check("B", f.b, numbers_of(module.gradient("lora_B.weight")));
  check("magnitude", f.m, numbers_of(module.gradient("lora_magnitude_vector")));
}

}  // namespace

TEST("DoRA is its formula, and differentiates with the row norm held fixed") {
  for (const DType dtype : {DType::f64, DType::bf16}) {
    check_dora(adapter_config(AdapterKind::dora, 3, 4), 13, 7, dtype);
    check_dora(adapter_config(AdapterKind::dora, 1, 1), 5, 11, dtype);
  }
}

TEST("DoRA with dropout drops the input of the whole adapted branch, and differentiates so") {
  AdapterConfig config = adapter_config(AdapterKind::dora, 3, 4);
  config.dropout = 0.4;
  check_dora(config, 13, 7, DType::f64);
  config.rs_lora = true;
  check_dora(config, 6, 17, DType::bf16);
}

TEST("DoRA's row norm is not differentiated: true differences of the operator are far off") {
  OneModule module(adapter_config(AdapterKind::dora, 3, 4), 13, 7);
  module.disturb();
  OpRun run(DType::f64, {{{2, 5, 7}}}, module.body(true), true, 1, Recompute::none);
  for (const Tracked& t : module.tracked()) clear(t.gradient);
  (void)run.run(cpu_device().pool());
  const Tensor b = module.parameter("lora_B.weight");
  const double analytic = number_at(module.gradient("lora_B.weight"), 0), value = number_at(b, 0);
  set_number(b, 0, value + 1e-5);
  const double above = run.run(cpu_device().pool());
  set_number(b, 0, value - 1e-5);
  const double below = run.run(cpu_device().pool());
  CHECK(std::abs((above - below) / 2e-5 - analytic) > 1e-3 * std::abs(analytic));
}
