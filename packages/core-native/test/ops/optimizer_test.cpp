// AdamW on a flat buffer, its norm and its clipping, against the algorithm written out in double.
#include <limits>

#include "check_op.h"
#include "optim/adamw.h"

using namespace ace;
using namespace ace::test;

namespace {

class Optimizer {
 public:
  Optimizer(int64_t count, DType dtype, int threads)
      : pool_(threads), state_({kOptimizerStateDoubles}, DType::f64, "state"), params({count}, dtype, "params"),
        exp_avg({count}, dtype, "m"), exp_avg_sq({count}, dtype, "v"), grads({count}, dtype, "g") {
    Numbers numbers(3);
    for (int64_t i = 0; i < count; ++i) set_number(params.tensor(), i, numbers.next());
    state() = {2e-3, 0.9, 0.999, 1e-8, 0.01, 0, 1, 0, 0, 0};
  }
  OptimizerState& state() { return *static_cast<OptimizerState*>(state_.data()); }
  void draw(uint64_t seed) {
    Numbers numbers(seed);
    for (int64_t i = 0; i < grads.tensor().elements(); ++i) set_number(grads.tensor(), i, numbers.next());
  }
  void update() {
    Stream stream{DeviceKind::cpu, &pool_, nullptr};
    cpu::grad_norm(stream, state_.tensor(), grads.tensor(), Tensor{});
    cpu::adamw(stream, params.tensor(), exp_avg.tensor(), exp_avg_sq.tensor(), grads.tensor(), state_.tensor(), Tensor{});
  }

 private:
  ThreadPool pool_;
  Storage state_;

 public:
  Storage params, exp_avg, exp_avg_sq, grads;
};

double norm_of(const Tensor& t) {
  double sum = 0;
  for (const double x : numbers_of(t)) sum += x * x;
  return std::sqrt(sum);
}

}  // namespace

TEST("AdamW follows its algorithm: decoupled decay, bias correction, clipping by the global norm") {
  for (const double max_norm : {0.0, 0.5}) {
    Optimizer o(1000, DType::f64, 2);
    o.state().max_grad_norm = max_norm;
    std::vector<double> w = numbers_of(o.params.tensor()), m(1000, 0.0), v(1000, 0.0);
    for (int step = 1; step <= 5; ++step) {
      o.draw(static_cast<uint64_t>(step));
      const double norm = norm_of(o.grads.tensor());
      const double clip = max_norm > 0 ? std::min(1.0, max_norm / (norm + 1e-6)) : 1;
      for (size_t i = 0; i < 1000; ++i) {
        const double g = number_at(o.grads.tensor(), static_cast<int64_t>(i)) * clip;
        w[i] *= 1 - 2e-3 * 0.01;
        m[i] = 0.9 * m[i] + 0.1 * g;
        v[i] = 0.999 * v[i] + 0.001 * g * g;
        w[i] -= 2e-3 * (m[i] / (1 - std::pow(0.9, step))) / (std::sqrt(v[i] / (1 - std::pow(0.999, step))) + 1e-8);
      }
      o.update();
      CHECK_NEAR(o.state().grad_norm, norm, 1e-12 * norm);
      CHECK_EQ(o.state().updates, static_cast<double>(step));
      CHECK_NEAR(largest_difference(numbers_of(o.params.tensor()), w), 0, 1e-12);
    }
  }
}

TEST("the update and the norm are the same bits on one, two and three threads") {
  auto after = [](int threads) {
    Optimizer o(100003, DType::f32, threads);
    o.state().max_grad_norm = 1;
    for (uint64_t step = 1; step <= 3; ++step) {
      o.draw(step);
      o.update();
    }
    std::vector<double> out = numbers_of(o.params.tensor());
    out.push_back(o.state().grad_norm);
    return out;
  };
  const std::vector<double> one = after(1);
  CHECK(after(2) == one);
  CHECK(after(3) == one);
}

TEST("a gradient or a loss that is not finite changes nothing, and the counter stands still") {
  for (const int what : {0, 1, 2}) {
    Optimizer o(100, DType::f32, 1);
    o.draw(1);
    o.update();
    const auto params = numbers_of(o.params.tensor()), m = numbers_of(o.exp_avg.tensor()), v = numbers_of(o.exp_avg_sq.tensor());
    o.draw(2);
    if (what == 0) set_number(o.grads.tensor(), 57, std::numeric_limits<double>::quiet_NaN());
    if (what == 1) set_number(o.grads.tensor(), 57, std::numeric_limits<double>::infinity());
    if (what == 2) o.state().loss_finite = 0;
    o.update();
    CHECK_EQ(o.state().skipped, 1.0);
    CHECK_EQ(o.state().updates, 1.0);
    CHECK(numbers_of(o.params.tensor()) == params);
    CHECK(numbers_of(o.exp_avg.tensor()) == m);
    CHECK(numbers_of(o.exp_avg_sq.tensor()) == v);
    o.state().loss_finite = 1;
    o.draw(3);
    o.update();
    CHECK_EQ(o.state().skipped, 0.0);
    CHECK_EQ(o.state().updates, 2.0);
  }
}

TEST("parameters without a gradient only decay") {
  Optimizer o(10, DType::f64, 1);
  const std::vector<double> before = numbers_of(o.params.tensor());
  o.update();
  for (int64_t i = 0; i < 10; ++i) CHECK_NEAR(number_at(o.params.tensor(), i), before[static_cast<size_t>(i)] * (1 - 2e-5), 1e-16);
}

TEST("the norm of large finite gradients does not overflow to a skip in float32") {
  Optimizer o(10, DType::f32, 1);
  o.draw(1);
  for (int64_t i = 0; i < 10; ++i) set_number(o.grads.tensor(), i, 1e30);
  o.state().max_grad_norm = 1;
  o.update();
  CHECK_EQ(o.state().skipped, 0.0);
  CHECK_NEAR(o.state().grad_norm / 1e30, std::sqrt(10.0), 1e-6);
}
