// Every optimiser on the CPU against its paper's formulas in double, and what all of them promise.
#include "optim/optimizer_case.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "check.h"
#include "cpu_device.h"
#include "optim/dynamic_codes.h"

using namespace ace;
using namespace ace::test;

namespace {

double rate_of(const OptimizerConfig& config, int step) {
  const double peak = config.kind == OptimizerKind::prodigy ? 1 : 5e-3;
  return peak * (step < 3 ? (step + 1) / 3.0 : 1 - step / 50.0);
}

}  // namespace

TEST("every optimiser follows its formulas in double over 25 steps of odd tensors with rules of their own") {
  for (const OptimizerConfig& config : all_optimizers()) {
    CONTEXT(name(config.kind));
    OptimizerCase both(cpu_device(2), DType::f64, config, odd_parameters());
    for (int step = 0; step < 25; ++step) {
      both.step(static_cast<uint64_t>(100 + step), rate_of(config, step));
      CHECK_EQ(both.optimizer().result().skipped, 0.0);
    }
    CHECK_EQ(both.optimizer().scalars().at("updates"), 25.0);
    CHECK_NEAR(both.error(), 0, 1e-9);
  }
}

TEST("every optimiser in float32 stays near its formulas in double over 25 steps") {
  for (const OptimizerConfig& config : float_optimizers()) {
    // A moment that falls on another byte is off by up to a hundredth of its block's largest.
    const double bound = config.kind == OptimizerKind::adamw8bit ? 3e-2 : 2e-4;
    CONTEXT(name(config.kind));
    OptimizerCase both(cpu_device(2), DType::f32, config, odd_parameters());
    if (config.kind == OptimizerKind::lion) continue;  // a sign of a number near zero may differ: see the test in double
    for (int step = 0; step < 25; ++step) both.step(static_cast<uint64_t>(100 + step), rate_of(config, step));
    CHECK_NEAR(both.error(), 0, bound);
  }
}

TEST("every optimiser tells the sum of squares of each tensor's gradient, as it was before clipping") {
  for (const OptimizerConfig& config : all_optimizers()) {
    CONTEXT(name(config.kind));
    std::vector<double> before;
    for (const int threads : {1, 3}) {
      OptimizerCase both(cpu_device(threads), DType::f64, config, odd_parameters());
      both.step(7, 1e-2);
      const std::vector<double> squares = both.squares();
      for (size_t i = 0; i < squares.size(); ++i) CHECK_NEAR(squares[i] / both.plain_squares()[i], 1, 1e-13);
      if (threads > 1) CHECK(squares == before);
      before = squares;
    }
  }
}

TEST("every optimiser gives the same bits on one, two and three threads") {
  for (const OptimizerConfig& config : all_optimizers()) {
    CONTEXT(name(config.kind));
    auto after = [&](int threads) {
      OptimizerCase one(cpu_device(threads), DType::f32, config, odd_parameters());
      for (int step = 0; step < 4; ++step) one.step(static_cast<uint64_t>(step), rate_of(config, step));
      return std::pair{one.parameters(), one.state()};
    };
    const auto expected = after(1);
    CHECK(after(2) == expected);
    CHECK(after(3) == expected);
  }
}

TEST("a gradient that is not finite changes nothing of any optimiser, and the next step is as if it had not been") {
  for (const OptimizerConfig& config : all_optimizers()) {
    CONTEXT(name(config.kind));
    OptimizerCase disturbed(cpu_device(1), DType::f32, config, odd_parameters(), true), straight(cpu_device(1), DType::f32, config, odd_parameters(), true);
    for (OptimizerCase* one : {&disturbed, &straight}) one->step(1, 1e-2);
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
      const auto before = std::tuple{disturbed.parameters(), disturbed.state(), disturbed.shadow()};
      disturbed.step_with(2, 1e-2, bad);
      CHECK_EQ(disturbed.optimizer().result().skipped, 1.0);
      CHECK(std::tuple(disturbed.parameters(), disturbed.state(), disturbed.shadow()) == before);
    }
    for (OptimizerCase* one : {&disturbed, &straight}) one->step(3, 1e-2);
    CHECK(disturbed.parameters() == straight.parameters());
    CHECK(disturbed.state() == straight.state());
  }
}

TEST("a saved state goes on bit for bit, and the state of another optimiser or adapter is refused") {
  for (const OptimizerConfig& config : all_optimizers()) {
    CONTEXT(name(config.kind));
    OptimizerCase straight(cpu_device(1), DType::f32, config, odd_parameters());
    for (int step = 0; step < 3; ++step) straight.step(static_cast<uint64_t>(step), rate_of(config, step));
    OptimizerCase resumed(cpu_device(1), DType::f32, config, odd_parameters());
    resumed.step(77, 1e-2);  // it was somewhere else before
    resumed.take(straight);
    for (OptimizerCase* one : {&straight, &resumed})
      for (int step = 3; step < 6; ++step) one->step(static_cast<uint64_t>(step), rate_of(config, step));
    CHECK(resumed.parameters() == straight.parameters());
    CHECK(resumed.state() == straight.state());

    OptimizerCase smaller(cpu_device(1), DType::f32, config, small_parameters());
    CHECK_THROWS(smaller.take(straight), "optimizer state: ");
    OptimizerConfig other = config;
    other.kind = config.kind == OptimizerKind::lion ? OptimizerKind::adamw : OptimizerKind::lion;
    OptimizerCase changed(cpu_device(1), DType::f32, other, odd_parameters());
    const auto before = changed.state();
    CHECK_THROWS(changed.take(straight), "optimizer state: ");
    CHECK(changed.state() == before);
  }
}

TEST("a saved state goes on bit for bit in an optimiser that was only just made") {
  for (const OptimizerConfig& config : all_optimizers()) {
    CONTEXT(name(config.kind));
    OptimizerCase straight(cpu_device(1), DType::f32, config, odd_parameters()), fresh(cpu_device(1), DType::f32, config, odd_parameters());
    for (int step = 0; step < 3; ++step) straight.step(static_cast<uint64_t>(step), rate_of(config, step));
    fresh.take(straight);
    CHECK(fresh.state() == straight.state());  // asked for before any step: where it starts is not taken anew
    for (OptimizerCase* one : {&straight, &fresh})
      for (int step = 3; step < 6; ++step) one->step(static_cast<uint64_t>(step), rate_of(config, step));
    CHECK(fresh.parameters() == straight.parameters());
    CHECK(fresh.state() == straight.state());
  }
}

TEST("a saved state with a tensor of another type or length, or a number too many or too few, is refused and changes nothing") {
  OptimizerConfig config;
  OptimizerCase one(cpu_device(1), DType::f32, config, small_parameters());
  one.step(1, 1e-2);
  const std::vector<unsigned char> before = one.state();
  const std::vector<float> other(1000, 0.5F);
  auto restore = [&](auto spoil) {
    std::map<std::string, HostState> tensors;
    for (const NamedState& own : one.optimizer().tensors()) tensors[own.name] = {own.tensor.dtype, own.tensor.elements(), other.data()};
    std::map<std::string, double> numbers = one.optimizer().scalars();
    spoil(tensors, numbers);
    one.optimizer().restore(tensors, numbers);
    return 0;
  };
  using Tensors = std::map<std::string, HostState>;
  using Scalars = std::map<std::string, double>;
  CHECK_THROWS(restore([](Tensors& t, Scalars&) { t.at("exp_avg.tensor1").dtype = DType::bf16; }), "optimizer state: exp_avg.tensor1 is bf16, the optimizer keeps f32");
  CHECK_THROWS(restore([](Tensors& t, Scalars&) { ++t.at("exp_avg.tensor1").count; }), "optimizer state: exp_avg.tensor1 has 97 numbers, the adapter [24, 4]");
  CHECK_THROWS(restore([](Tensors& t, Scalars&) { --t.at("exp_avg.tensor1").count; }), "optimizer state: exp_avg.tensor1 has 95 numbers, the adapter [24, 4]");
  CHECK_THROWS(restore([](Tensors& t, Scalars&) { t.erase("exp_avg_sq.tensor2"); }), "optimizer state: exp_avg_sq.tensor2 is missing");
  CHECK_THROWS(restore([](Tensors& t, Scalars&) { t["exp_avg.tensor3"] = t.at("exp_avg.tensor2"); }), "optimizer state: it holds tensors of another adapter or optimizer");
  CHECK_THROWS(restore([](Tensors&, Scalars& n) { n.clear(); }), "optimizer state: updates is missing");
  CHECK_THROWS(restore([](Tensors&, Scalars& n) { n["distance"] = 1; }), "optimizer state: it holds numbers of another optimizer");
  CHECK(one.state() == before);
}

TEST("a fresh Prodigy's numbers are those it starts from") {
  OptimizerConfig config;
  config.kind = OptimizerKind::prodigy;
  config.prodigy.initial = 0.25;
  OptimizerCase one(cpu_device(1), DType::f32, config, small_parameters());
  const std::map<std::string, double> expected = {{"updates", 0}, {"distance", 0.25}, {"largest_distance", 0.25}, {"distance_numerator", 0}};
  CHECK(one.optimizer().scalars() == expected);
}

TEST("the bf16 shadow holds every optimiser's parameters rounded to the nearest") {
  for (const OptimizerConfig& config : all_optimizers()) {
    CONTEXT(name(config.kind));
    OptimizerCase one(cpu_device(1), DType::f32, config, odd_parameters(), true);
    one.step(1, 1e-2);
    const std::vector<double> parameters = one.parameters();
    const std::vector<uint16_t> shadow = one.shadow();
    size_t wrong = 0;
    for (size_t i = 0; i < parameters.size(); ++i) wrong += to_bf16(static_cast<float>(parameters[i])).bits != shadow[i];
    CHECK_EQ(wrong, size_t{0});
  }
}

TEST("a step given up in the middle leaves the parameters as they were, also where they are trained elsewhere") {
  for (const OptimizerConfig& config : all_optimizers()) {
    CONTEXT(name(config.kind));
    OptimizerCase one(cpu_device(1), DType::f32, config, odd_parameters(), true);
    for (uint64_t step = 0; step < 3; ++step) one.step(step, 1e-2);
    const auto before = std::tuple{one.parameters(), one.shadow()};
    one.optimizer().begin(1e-2);
    if (config.kind == OptimizerKind::schedule_free || config.ema_decay > 0) CHECK(one.parameters() != std::get<0>(before));
    one.optimizer().abandon();
    CHECK(std::tuple(one.parameters(), one.shadow()) == before);
  }
}

TEST("a fresh average follows the first update by nine elevenths, and costs one number a parameter") {
  OptimizerConfig config, averaged_config;
  averaged_config.ema_decay = 0.9999;
  OptimizerCase plain(cpu_device(1), DType::f64, config, small_parameters()), averaged(cpu_device(1), DType::f64, averaged_config, small_parameters());
  const std::vector<double> start = plain.parameters();
  for (OptimizerCase* one : {&plain, &averaged}) one->step(1, 1e-2);
  const std::vector<double> trained = plain.parameters(), average = averaged.parameters();
  double worst = 0;
  for (size_t i = 0; i < start.size(); ++i) worst = std::max(worst, std::abs(average[i] - (start[i] * 2 + trained[i] * 9) / 11));
  CHECK_NEAR(worst, 0, 1e-15);
  int64_t flat = 0;
  for (const OptimizerParameter& p : small_parameters()) flat = std::max(flat, p.begin + p.shape.elements());
  CHECK_EQ(averaged.optimizer().bytes() - plain.optimizer().bytes(), flat * 8);
}

TEST("an average that cannot be is refused with its reason") {
  OptimizerConfig config;
  for (const double decay : {1.0, -0.5, std::numeric_limits<double>::quiet_NaN()}) {
    config.ema_decay = decay;
    CHECK_THROWS(OptimizerCase(cpu_device(1), DType::f32, config, small_parameters()), "emaDecay: expected 0 or a number between 0 and 1");
  }
  config.ema_decay = 0.9;
  config.kind = OptimizerKind::schedule_free;
  CHECK_THROWS(OptimizerCase(cpu_device(1), DType::f32, config, small_parameters()), "keeps an average of its own");
}

TEST("the state of a run that is averaged is refused by one that is not, and the other way round") {
  OptimizerConfig config, averaged_config;
  averaged_config.ema_decay = 0.9;
  OptimizerCase plain(cpu_device(1), DType::f32, config, small_parameters()), averaged(cpu_device(1), DType::f32, averaged_config, small_parameters());
  CHECK_THROWS(plain.take(averaged), "optimizer state: ");
  CHECK_THROWS(averaged.take(plain), "optimizer state: trained.tensor0 is missing");
}

TEST("eight-bit moments are stored in eight bits") {
  OptimizerConfig config;
  config.kind = OptimizerKind::adamw8bit;
  OptimizerCase one(cpu_device(1), DType::f32, config, odd_parameters());
  int64_t numbers = 0, bytes = 0, scales = 0;
  for (const OptimizerParameter& p : odd_parameters()) numbers += p.shape.elements();
  for (const NamedState& own : one.optimizer().tensors()) (own.tensor.dtype == DType::u8 ? bytes : scales) += own.tensor.elements();
  CHECK_EQ(bytes, 2 * numbers);
  CHECK(scales < 2 * (numbers / 256 + 9));
}

TEST("a byte's 256 values rise from the least to one, and zero is among them") {
  for (const bool with_sign : {true, false}) {
    const std::vector<float> codes = dynamic_codes(with_sign);
    CHECK_EQ(codes.size(), size_t{256});
    size_t rising = 0, zeros = 0;
    for (size_t i = 0; i < codes.size(); ++i) {
      rising += i > 0 && codes[i] > codes[i - 1];
      zeros += codes[i] == 0;
    }
    CHECK_EQ(rising, size_t{255});
    CHECK_EQ(zeros, size_t{1});
    CHECK_EQ(codes.back(), 1.0f);
    CHECK_NEAR(codes.front(), with_sign ? -0.993 : 0, 1e-3);
  }
}

TEST("the norm of large finite gradients does not overflow to a skip in float32") {
  Storage params({10}, DType::f32, "p"), gradients({10}, DType::f32, "g");
  for (int64_t i = 0; i < 10; ++i) set_element(gradients.tensor(), i, 1e30);
  OptimizerParameter p;
  p.name = "p";
  p.shape = {10};
  Optimizer optimizer(cpu_device(1), OptimizerConfig{}, {p}, {params.tensor(), {}, gradients.tensor()});
  optimizer.begin(1e-3);
  optimizer.update();
  CHECK_EQ(optimizer.result().skipped, 0.0);
  CHECK_NEAR(optimizer.result().grad_norm / 1e30, std::sqrt(10.0), 1e-6);
}
