// The ends of the decoder and the flow-matching loss, as kernels.
#include "check_op.h"

using namespace ace;
using namespace ace::test;

namespace {

Storage numbers(Shape shape, DType dtype, uint64_t seed) {
  Storage out(shape, dtype, "numbers");
  Numbers n(seed);
  for (int64_t i = 0; i < shape.elements(); ++i) set_number(out.tensor(), i, n.next());
  return out;
}

Storage ints(const std::vector<int32_t>& values) {
  Storage out({static_cast<int64_t>(values.size())}, DType::i32, "ints");
  std::copy(values.begin(), values.end(), out.tensor().as<int32_t>());
  return out;
}

Storage longs(const std::vector<int64_t>& values) {
  Storage out({static_cast<int64_t>(values.size())}, DType::i64, "longs");
  std::copy(values.begin(), values.end(), out.tensor().as<int64_t>());
  return out;
}

struct Cpu {
  explicit Cpu(int threads = 1) : pool(threads), stream{DeviceKind::cpu, &pool, nullptr} {}
  ThreadPool pool;
  Stream stream;
};

}  // namespace

TEST("the loss is the sum of squared errors of the counted frames, and its gradient is that of differences") {
  Cpu cpu;
  const int64_t batch = 3, frames = 7, width = 5;
  // v has one frame more than x0: the patch that was padded.
  Storage v = numbers({batch, frames + 1, width}, DType::f64, 1);
  const Storage x0 = numbers({batch, frames, width}, DType::f64, 2), noise = numbers({batch, frames, width}, DType::f64, 3);
  const Storage counted = ints({7, 4, 0}), weight = numbers({batch}, DType::f64, 4);
  Storage loss({batch}, DType::f64, "loss"), dv(v.tensor().shape, DType::f64, "dv");
  auto weighted = [&] {
    cpu::flow_loss(cpu.stream, loss.tensor(), Tensor{}, v.tensor(), x0.tensor(), noise.tensor(), counted.tensor(), weight.tensor(), Tensor{});
    double sum = 0;
    for (int64_t b = 0; b < batch; ++b) sum += number_at(loss.tensor(), b) * number_at(weight.tensor(), b);
    return sum;
  };
  cpu::flow_loss(cpu.stream, loss.tensor(), dv.tensor(), v.tensor(), x0.tensor(), noise.tensor(), counted.tensor(), weight.tensor(), Tensor{});
  for (int64_t b = 0; b < batch; ++b) {
    double sum = 0;
    for (int64_t f = 0; f < counted.tensor().as<int32_t>()[b]; ++f)
      for (int64_t c = 0; c < width; ++c) {
        const int64_t at = (b * frames + f) * width + c;
        const double error = number_at(v.tensor(), (b * (frames + 1) + f) * width + c) - (number_at(noise.tensor(), at) - number_at(x0.tensor(), at));
        sum += error * error;
      }
    CHECK_NEAR(number_at(loss.tensor(), b), sum, 1e-12);
  }
  const std::vector<double> analytic = numbers_of(dv.tensor());
  double worst = 0;
  for (int64_t i = 0; i < v.tensor().elements(); ++i) {
    const double value = number_at(v.tensor(), i);
    set_number(v.tensor(), i, value + 1e-5);
    const double above = weighted();
    set_number(v.tensor(), i, value - 1e-5);
    const double below = weighted();
    set_number(v.tensor(), i, value);
    worst = std::max(worst, std::abs((above - below) / 2e-5 - analytic[static_cast<size_t>(i)]));
  }
  CHECK_NEAR(worst / largest(analytic), 0, 1e-6);
  for (int64_t i = 2 * (frames + 1) * width; i < v.tensor().elements(); ++i) CHECK_EQ(analytic[static_cast<size_t>(i)], 0.0);
}

TEST("x_t lies between data and noise, and frames that do not exist are zero") {
  Cpu cpu;
  const Storage x0 = numbers({2, 5, 3}, DType::f64, 1), noise = numbers({2, 5, 3}, DType::f64, 2), frames = ints({5, 2});
  Storage t({2}, DType::f64, "t"), x_t({2, 5, 3}, DType::f64, "x_t");
  set_number(t.tensor(), 0, 1);
  set_number(t.tensor(), 1, 0.25);
  cpu::mix_noise(cpu.stream, x_t.tensor(), x0.tensor(), noise.tensor(), t.tensor(), frames.tensor());
  for (int64_t i = 0; i < 15; ++i) CHECK_EQ(number_at(x_t.tensor(), i), number_at(noise.tensor(), i));
  for (int64_t i = 15; i < 21; ++i) CHECK_NEAR(number_at(x_t.tensor(), i), 0.25 * number_at(noise.tensor(), i) + 0.75 * number_at(x0.tensor(), i), 1e-15);
  for (int64_t i = 21; i < 30; ++i) CHECK_EQ(number_at(x_t.tensor(), i), 0.0);
}

TEST("patches hold context before latents, frame after frame, and zero beyond the last frame") {
  Cpu cpu;
  const Storage context = numbers({2, 3, 4}, DType::f32, 1), x = numbers({2, 3, 2}, DType::f32, 2), frames = ints({3, 1});
  Storage rows({2, 2, 12}, DType::f32, "rows");
  cpu::patchify(cpu.stream, rows.tensor(), context.tensor(), x.tensor(), frames.tensor());
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t frame = 0; frame < 4; ++frame)
      for (int64_t c = 0; c < 6; ++c) {
        const bool real = frame < frames.tensor().as<int32_t>()[b];
        const double expected = !real ? 0 : c < 4 ? number_at(context.tensor(), (b * 3 + frame) * 4 + c) : number_at(x.tensor(), (b * 3 + frame) * 2 + c - 4);
        CHECK_EQ(number_at(rows.tensor(), ((b * 2 + frame / 2) * 2 + frame % 2) * 6 + c), expected);
      }
}

TEST("noise is drawn where asked, by seed, step and key alone, the same on any number of threads and in any batch") {
  auto draw = [](const std::vector<int64_t>& counters, const std::vector<int32_t>& wanted, int64_t frames, int threads) {
    Cpu cpu(threads);
    const int64_t batch = static_cast<int64_t>(wanted.size());
    Storage noise({batch, frames, 7}, DType::f32, "noise");
    for (int64_t i = 0; i < noise.tensor().elements(); ++i) set_number(noise.tensor(), i, 9);
    const Storage c = longs(counters), d = ints(wanted);
    cpu::draw_noise(cpu.stream, noise.tensor(), c.tensor(), d.tensor());
    return numbers_of(noise.tensor());
  };
  const std::vector<double> both = draw({1, 2, 5, 6}, {1, 1}, 400, 3), one = draw({1, 2, 6}, {1}, 400, 1);
  CHECK(std::vector<double>(both.begin() + 2800, both.end()) == one);
  CHECK(both == draw({1, 2, 5, 6}, {1, 1}, 400, 1));
  const std::vector<double> longer = draw({1, 2, 6}, {1}, 448, 1);
  CHECK(std::vector<double>(longer.begin(), longer.begin() + 2800) == one);  // a bucket's tail changes nothing before it
  const std::vector<double> half = draw({1, 2, 5, 6}, {0, 1}, 400, 1);
  CHECK(std::all_of(half.begin(), half.begin() + 2800, [](double x) { return x == 9; }));
  CHECK(draw({1, 3, 6}, {1}, 400, 1) != one);
  CHECK(draw({2, 2, 6}, {1}, 400, 1) != one);
}

TEST("the sinusoid puts cosines first and forms its angle in float32") {
  Cpu cpu;
  Storage t({2}, DType::f64, "t"), features({2, 8}, DType::f64, "features");
  set_number(t.tensor(), 0, 0);
  set_number(t.tensor(), 1, 0.123456789);
  cpu::sinusoid(cpu.stream, features.tensor(), t.tensor(), Tensor{}, false);
  for (int64_t i = 0; i < 4; ++i) {
    CHECK_EQ(number_at(features.tensor(), i), 1.0);
    CHECK_EQ(number_at(features.tensor(), 4 + i), 0.0);
    const float angle = static_cast<float>(123.456789) * static_cast<float>(std::pow(10000.0, -static_cast<double>(i) / 4));
    CHECK_NEAR(number_at(features.tensor(), 8 + i), std::cos(angle), 2e-5);  // a rounding of the frequency, times the angle
    CHECK_NEAR(number_at(features.tensor(), 12 + i), std::sin(angle), 2e-5);
  }
}

TEST("select_rows gives a dropped sample the null condition on every token") {
  Cpu cpu;
  const Storage x = numbers({2, 3, 4}, DType::f32, 1), null = numbers({4}, DType::f32, 2), dropped = ints({0, 1});
  Storage y({2, 3, 4}, DType::f32, "y");
  cpu::select_rows(cpu.stream, y.tensor(), x.tensor(), null.tensor(), dropped.tensor());
  for (int64_t i = 0; i < 12; ++i) CHECK_EQ(number_at(y.tensor(), i), number_at(x.tensor(), i));
  for (int64_t i = 12; i < 24; ++i) CHECK_EQ(number_at(y.tensor(), i), number_at(null.tensor(), i % 4));
}
