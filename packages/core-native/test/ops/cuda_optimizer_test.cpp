// The optimiser's CUDA twins over several steps of one state that lives in device memory, as a captured graph sees it.
#include <cmath>
#include <limits>

#include "check_op.h"
#include "on_device.h"
#include "optim/adamw.h"

using namespace ace;
using namespace ace::test;

#if ACE_WITH_CUDA
namespace {

OptimizerState fresh(double max_grad_norm) {
  OptimizerState out{};
  out.learning_rate = 2e-3, out.beta1 = 0.9, out.beta2 = 0.999, out.epsilon = 1e-8, out.weight_decay = 0.01;
  out.max_grad_norm = max_grad_norm;
  out.loss_finite = 1;
  return out;
}

std::vector<float> numbers(int64_t count, uint64_t seed, double scale = 1) {
  Numbers drawn(seed);
  std::vector<float> out;
  for (int64_t i = 0; i < count; ++i) out.push_back(static_cast<float>(scale * drawn.next()));
  return out;
}

// The same buffers on both sides; step() runs both.
struct Pair {
  explicit Pair(int64_t n, double max_grad_norm)
      : state(fresh(max_grad_norm)), params(numbers(n, 3)), exp_avg(static_cast<size_t>(n)), exp_avg_sq(static_cast<size_t>(n)), shadow(static_cast<size_t>(n)),
        d_state({kOptimizerStateDoubles}, DType::f64, std::vector<OptimizerState>{state}), d_params({n}, DType::f32, params),
        d_exp_avg({n}, DType::f32, exp_avg), d_exp_avg_sq({n}, DType::f32, exp_avg_sq), d_grads({n}, DType::f32, params),
        d_shadow({n}, DType::bf16, shadow), scratch({kNormParts}, DType::f64, std::vector<double>(kNormParts)) {}

  void step(std::vector<float> grads) {
    auto host = [](auto& values, DType dtype) {
      return Tensor{.data = values.data(), .dtype = dtype, .shape = {static_cast<int64_t>(values.size())}};
    };
    ThreadPool pool(1);
    Stream cpu_stream{.pool = &pool}, cuda_stream{.device = DeviceKind::cuda};
    const Tensor host_state{.data = &state, .dtype = DType::f64, .shape = {kOptimizerStateDoubles}};
    cpu::grad_norm(cpu_stream, host_state, host(grads, DType::f32), Tensor{});
    cpu::adamw(cpu_stream, host(params, DType::f32), host(exp_avg, DType::f32), host(exp_avg_sq, DType::f32), host(grads, DType::f32), host_state,
               host(shadow, DType::bf16));
    d_grads.set(grads);
    cuda::grad_norm(cuda_stream, d_state.tensor(), d_grads.tensor(), scratch.tensor());
    cuda::adamw(cuda_stream, d_params.tensor(), d_exp_avg.tensor(), d_exp_avg_sq.tensor(), d_grads.tensor(), d_state.tensor(), d_shadow.tensor());
  }
  void set_state(double OptimizerState::*field, double value) {
    OptimizerState device = device_state();
    state.*field = device.*field = value;
    d_state.set(std::vector<OptimizerState>{device});
  }
  OptimizerState device_state() const { return d_state.get<OptimizerState>()[0]; }

  OptimizerState state;
  std::vector<float> params, exp_avg, exp_avg_sq;
  std::vector<uint16_t> shadow;
  OnDevice d_state, d_params, d_exp_avg, d_exp_avg_sq, d_grads, d_shadow, scratch;
};

double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0, most = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    worst = std::isnan(d) ? INFINITY : std::max(worst, d);
    most = std::max(most, std::abs(static_cast<double>(b[i])));
  }
  return worst / most;
}

}  // namespace

TEST("CUDA: three steps of AdamW through a changing state follow the CPU twin, its norm, its count and the bf16 shadow") {
  skip_without_cuda();
  for (const int64_t n : {1, 7, 2048, 10007, 2200000}) {
    for (const double max_norm : {0.0, 0.5}) {
      if (n == 2200000 && max_norm == 0) continue;  // more elements than one pass of the grid: once is enough
      CONTEXT(n << " parameters, clipped at " << max_norm);
      Pair pair(n, max_norm);
      for (int step = 1; step <= 3; ++step) {
        pair.set_state(&OptimizerState::learning_rate, 2e-3 / step);
        pair.step(numbers(n, static_cast<uint64_t>(10 + step)));
        const OptimizerState device = pair.device_state();
        CHECK_EQ(device.updates, static_cast<double>(step));
        CHECK_EQ(device.skipped, 0.0);
        CHECK_NEAR(device.grad_norm / pair.state.grad_norm, 1, 1e-13);  // double sums in another order
      }
      CHECK_NEAR(difference(pair.d_exp_avg.get<float>(), pair.exp_avg), 0, 1e-6);
      CHECK_NEAR(difference(pair.d_exp_avg_sq.get<float>(), pair.exp_avg_sq), 0, 1e-6);
      const std::vector<float> params = pair.d_params.get<float>();
      CHECK_NEAR(difference(params, pair.params), 0, 1e-6);
      const std::vector<uint16_t> shadow = pair.d_shadow.get<uint16_t>();
      size_t wrong = 0;
      for (size_t i = 0; i < params.size(); ++i) wrong += shadow[i] != to_bf16(params[i]).bits;
      CHECK_EQ(wrong, size_t{0});
    }
  }
}

TEST("CUDA: a gradient or a loss that is not finite changes nothing, and the count stands still") {
  skip_without_cuda();
  for (const int what : {0, 1, 2}) {
    Pair pair(5001, 1);
    pair.step(numbers(5001, 1));
    const std::vector<float> params = pair.d_params.get<float>(), m = pair.d_exp_avg.get<float>(), v = pair.d_exp_avg_sq.get<float>();
    const std::vector<uint16_t> shadow = pair.d_shadow.get<uint16_t>();
    std::vector<float> grads = numbers(5001, 2);
    if (what == 0) grads[4999] = std::numeric_limits<float>::quiet_NaN();
    if (what == 1) grads[57] = -std::numeric_limits<float>::infinity();
    if (what == 2) pair.set_state(&OptimizerState::loss_finite, 0);
    pair.step(grads);
    CHECK_EQ(pair.device_state().skipped, 1.0);
    CHECK_EQ(pair.device_state().updates, 1.0);
    CHECK(pair.d_params.get<float>() == params);
    CHECK(pair.d_exp_avg.get<float>() == m);
    CHECK(pair.d_exp_avg_sq.get<float>() == v);
    CHECK(pair.d_shadow.get<uint16_t>() == shadow);
    pair.set_state(&OptimizerState::loss_finite, 1);
    pair.step(numbers(5001, 3));
    CHECK_EQ(pair.device_state().skipped, 0.0);
    CHECK_EQ(pair.device_state().updates, 2.0);
    CHECK_NEAR(difference(pair.d_params.get<float>(), pair.params), 0, 1e-6);
  }
}

TEST("CUDA: the norm of large finite gradients does not overflow to a skip") {
  skip_without_cuda();
  Pair pair(10, 1);
  pair.step(std::vector<float>(10, 1e30f));
  CHECK_EQ(pair.device_state().skipped, 0.0);
  CHECK_NEAR(pair.device_state().grad_norm / 1e30, std::sqrt(10.0), 1e-6);
}

TEST("CUDA: a shadow is its source rounded to the nearest even, infinity kept") {
  skip_without_cuda();
  std::vector<float> from = numbers(4099, 8, 1e3);
  from[0] = std::numeric_limits<float>::infinity();
  from[1] = 1.0f + 0x1p-8f;      // a tie: down to even
  from[2] = 1.0f + 3 * 0x1p-8f;  // a tie: up to even
  const OnDevice source({4099}, DType::f32, from), to({4099}, DType::bf16, std::vector<uint16_t>(4099));
  Stream stream{.device = DeviceKind::cuda};
  cuda::shadow(stream, to.tensor(), source.tensor());
  const std::vector<uint16_t> got = to.get<uint16_t>();
  size_t wrong = 0;
  for (size_t i = 0; i < from.size(); ++i) wrong += got[i] != to_bf16(from[i]).bits;
  CHECK_EQ(wrong, size_t{0});
}
#endif
