// scalars: timesteps from given normals, rows of the sinusoid, the factorisation table of LyCORIS.
#include "adapter/config.h"
#include "case.h"
#include "train/timesteps.h"

namespace ace::golden {

namespace {

void timesteps(Case& c) {
  const Values &first = c.input("timesteps.normal1"), &second = c.input("timesteps.normal2");
  const TimestepLaw law;
  Values t{first.shape, {}};
  for (size_t i = 0; i < first.numbers.size(); ++i)
    t.numbers.push_back(logit_normal_max2(first.numbers[i], second.numbers[i], law.mu, law.sigma));
  c.compare("timesteps.t", t);
}

Values sinusoid(Case& c, const Values& t, int64_t width, bool round) {
  Program program(c.device().kind());
  const Tensor times = program.input(t.shape, DType::f32, "t");
  const Tensor rows = program.tensor({t.shape[0], width}, DType::f32, "features");
  program.keep(rows);
  program.call<kernels::sinusoid>(rows, times, Tensor{}, round);
  Runner runner(program, c.device());
  runner.set(times, t);
  runner.run();
  return runner.get(rows);
}

void features(Case& c) {
  const Values &t = c.input("features.t"), &rounded = c.input("features.t_bf16");
  Values ours = t;
  for (double& value : ours.numbers) value = to_float(to_bf16(static_cast<float>(value)));
  c.compare_exact("features.t_bf16", ours);
  c.compare("features.float32", sinusoid(c, t, c.shape("features.float32")[1], false));
  c.compare("features.bf16", sinusoid(c, rounded, c.shape("features.bf16")[1], true));
}

void factorisation(Case& c) {
  Values table{c.shape("factorise"), {}};
  const Values theirs = c.input("factorise");
  for (int64_t row = 0; row < table.shape[0]; ++row) {
    const double n = theirs.numbers[static_cast<size_t>(row * 4)], factor = theirs.numbers[static_cast<size_t>(row * 4 + 1)];
    const auto [small, large] = factorise(static_cast<int64_t>(n), static_cast<int64_t>(factor));
    table.numbers.insert(table.numbers.end(), {n, factor, static_cast<double>(small), static_cast<double>(large)});
  }
  c.compare_exact("factorise", table);
}

void run(Case& c) {
  timesteps(c);
  features(c);
  factorisation(c);
}

const CaseKind kind("scalars", run);

}  // namespace

}  // namespace ace::golden
