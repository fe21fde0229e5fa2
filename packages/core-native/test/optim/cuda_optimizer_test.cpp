// The optimisers' CUDA twins over steps of one state that lives in device memory, against the CPU's.
#include <limits>

#include "ops/check_op.h"
#include "ops/on_device.h"
#include "optim/optimizer_case.h"

using namespace ace;
using namespace ace::test;

#if ACE_WITH_CUDA
namespace {

double rate_of(const OptimizerConfig& config, int step) { return (config.kind == OptimizerKind::prodigy ? 1 : 5e-3) / (step + 1); }

}  // namespace

TEST("CUDA: every optimiser follows its formulas in double, and its bf16 shadow its parameters") {
  skip_without_cuda();
  for (const OptimizerConfig& config : float_optimizers()) {
    CONTEXT(name(config.kind));
    OptimizerCase cuda(device_of(DeviceKind::cuda), DType::f32, config, odd_parameters(), true);
    const int steps = config.kind == OptimizerKind::lion ? 3 : 6;  // later a sign of a number near zero may differ
    for (int step = 0; step < steps; ++step) cuda.step(static_cast<uint64_t>(100 + step), rate_of(config, step));
    CHECK_EQ(cuda.optimizer().scalars().at("updates"), static_cast<double>(steps));
    CHECK_NEAR(cuda.error(), 0, config.kind == OptimizerKind::adamw8bit ? 3e-2 : 2e-4);
    const std::vector<double> parameters = cuda.parameters();
    const std::vector<uint16_t> shadow = cuda.shadow();
    size_t wrong = 0;
    for (size_t i = 0; i < parameters.size(); ++i) wrong += to_bf16(static_cast<float>(parameters[i])).bits != shadow[i];
    CHECK_EQ(wrong, size_t{0});
  }
}

TEST("CUDA: a tensor of many tiles, aligned, is updated like a small one") {
  skip_without_cuda();
  OptimizerParameter large, small;
  large.name = "large";
  large.shape = {3, 2752};  // more than four tiles
  small.name = "small";
  small.begin = 3 * 2752;
  small.shape = {2, 8};
  for (const OptimizerConfig& config : float_optimizers()) {
    if (config.kind == OptimizerKind::lion) continue;
    CONTEXT(name(config.kind));
    OptimizerCase cuda(device_of(DeviceKind::cuda), DType::f32, config, {large, small});
    for (int step = 0; step < 3; ++step) cuda.step(static_cast<uint64_t>(100 + step), rate_of(config, step));
    CHECK_NEAR(cuda.error(), 0, config.kind == OptimizerKind::adamw8bit ? 3e-2 : 2e-4);
  }
}

TEST("CUDA: the sum of squares of each tensor's gradient is that of plain sums in double, and repeats bit for bit") {
  skip_without_cuda();
  OptimizerParameter large;  // more numbers than a block has threads, and no multiple of them
  large.name = "large";
  large.begin = odd_parameters().back().begin + odd_parameters().back().shape.elements();
  large.shape = {3, 2753};
  std::vector<OptimizerParameter> layout = odd_parameters();
  layout.push_back(large);
  OptimizerCase both(device_of(DeviceKind::cuda), DType::f32, OptimizerConfig{}, layout);
  both.step(7, 1e-2);
  const std::vector<double> squares = both.squares();
  for (size_t i = 0; i < squares.size(); ++i) CHECK_NEAR(squares[i] / both.plain_squares()[i], 1, 1e-13);
  CHECK(both.squares() == squares);
}

TEST("CUDA: a gradient that is not finite changes nothing of any optimiser; the next step is as if it had not been") {
  skip_without_cuda();
  for (const OptimizerConfig& config : float_optimizers()) {
    CONTEXT(name(config.kind));
    Device& device = device_of(DeviceKind::cuda);
    OptimizerCase disturbed(device, DType::f32, config, small_parameters(), true), straight(device, DType::f32, config, small_parameters(), true);
    for (OptimizerCase* one : {&disturbed, &straight}) one->step(1, 1e-2);
    const auto before = std::tuple{disturbed.parameters(), disturbed.state(), disturbed.shadow()};
    disturbed.step_with(2, 1e-2, std::numeric_limits<double>::quiet_NaN());
    CHECK_EQ(disturbed.optimizer().result().skipped, 1.0);
    CHECK(std::tuple(disturbed.parameters(), disturbed.state(), disturbed.shadow()) == before);
    for (OptimizerCase* one : {&disturbed, &straight}) one->step(3, 1e-2);
    CHECK(disturbed.parameters() == straight.parameters());
    CHECK(disturbed.state() == straight.state());
  }
}

TEST("CUDA: every optimiser's saved state goes on bit for bit, and repeats") {
  skip_without_cuda();
  for (const OptimizerConfig& config : float_optimizers()) {
    CONTEXT(name(config.kind));
    Device& device = device_of(DeviceKind::cuda);
    OptimizerCase straight(device, DType::f32, config, small_parameters()), resumed(device, DType::f32, config, small_parameters());
    for (int step = 0; step < 2; ++step) straight.step(static_cast<uint64_t>(step), rate_of(config, step));
    resumed.take(straight);
    for (OptimizerCase* one : {&straight, &resumed})
      for (int step = 2; step < 4; ++step) one->step(static_cast<uint64_t>(step), rate_of(config, step));
    CHECK(resumed.parameters() == straight.parameters());
    CHECK(resumed.state() == straight.state());
  }
}

TEST("CUDA: a loss that is not finite skips the step, and large finite gradients do not") {
  skip_without_cuda();
  Device& device = device_of(DeviceKind::cuda);
  OptimizerConfig config;
  OptimizerCase one(device, DType::f32, config, small_parameters());
  one.step_with(1, 1e-3, 1e30);
  CHECK_EQ(one.optimizer().result().skipped, 0.0);
  CHECK_NEAR(one.optimizer().result().grad_norm / 1e30, 1, 1e-6);
  const std::vector<double> before = one.parameters();
  one.optimizer().begin(1e-3);
  const double zero = 0;
  device.upload(static_cast<char*>(one.optimizer().state().data) + offsetof(OptimizerState, loss_finite), &zero, sizeof zero);
  one.optimizer().update();
  device.synchronize();
  CHECK_EQ(one.optimizer().result().skipped, 1.0);
  CHECK(one.parameters() == before);
}

TEST("CUDA: a shadow is its source rounded to the nearest even, infinity kept") {
  skip_without_cuda();
  std::vector<float> from;
  for (Numbers drawn(8); from.size() < 4099;) from.push_back(static_cast<float>(1e3 * drawn.next()));
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
