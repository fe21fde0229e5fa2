// Flow matching's CUDA twins: odd widths, samples of unlike lengths, none at all.
#include <cstring>
#include <limits>

#include "ops/optimizer/state.h"
#include "twin.h"

using namespace ace;
using namespace ace::test;

namespace {

TwinInput wide(Shape shape) { return {.shape = shape, .grad = false, .wide = true}; }
TwinInput ints(const std::vector<int32_t>& values) { return given(Shape{static_cast<int64_t>(values.size())}, values); }
TwinInput doubles(const std::vector<double>& values) { return given(Shape{static_cast<int64_t>(values.size())}, values); }

}  // namespace

TEST("CUDA: draw_noise draws the CPU's integers and its normals within 2 ulp, where asked") {
  skip_without_cuda();
  for (const Shape& shape : {Shape{2, 5, 7}, Shape{3, 40, 64}, Shape{1, 1, 3}}) {
    std::vector<int64_t> counters{77, int64_t{1} << 40};
    std::vector<int32_t> draw;
    for (int64_t b = 0; b < shape[0]; ++b) counters.push_back(900 + 3 * b), draw.push_back(b == 1 ? 0 : 1);
    check_twins(TwinCalls{"draw_noise " + shape.text(), {wide(shape), given(Shape{2 + shape[0]}, counters), ints(draw)},
                          [](Tape& tape, const std::vector<Tensor>& x) {
                            tape.program().call<kernels::draw_noise>(x[0], x[1], x[2]);
                            return std::vector<Tensor>{x[0]};
                          }},
                {.f32 = 0x1p-22, .with_bf16 = false});
  }
}

TEST("CUDA: mix_noise equals the CPU twin, and frames that do not exist are zero") {
  skip_without_cuda();
  for (const Shape& shape : {Shape{3, 5, 7}, Shape{3, 40, 64}, Shape{3, 257, 8}})
    for (const int32_t frames : {0, 1, 5})
      check_twins(TwinCalls{"mix_noise " + shape.text(),
                            {{.shape = shape}, wide(shape), wide(shape), {.shape = {3}, .scale = 0.5, .offset = 0.5, .wide = true}, ints({5, frames, 4})},
                            [](Tape& tape, const std::vector<Tensor>& x) {
                              tape.program().call<kernels::mix_noise>(x[0], x[1], x[2], x[3], x[4]);
                              return std::vector<Tensor>{x[0]};
                            }});
}

TEST("CUDA: flow_loss and its gradient equal the CPU twin, for counts below, at and above the frames") {
  skip_without_cuda();
  for (const int64_t width : {5, 64}) {
    for (const bool gradient : {true, false}) {
      const Shape stored{3, 401, width}, predicted{3, 402, width};
      check_twins(TwinCalls{"flow_loss " + predicted.text(),
                            {{.shape = predicted}, wide(predicted), wide(stored), wide(stored), ints({401, 4, 0}), doubles({0.25, 3, 1})},
                            [&](Tape& tape, const std::vector<Tensor>& x) {
                              const Tensor loss = tape.empty({3}, DType::f64), scratch = tape.empty({3, kLossParts}, DType::f64);
                              tape.program().call<kernels::flow_loss>(loss, gradient ? x[0] : Tensor{}, x[1], x[2], x[3], x[4], x[5], scratch);
                              std::vector<Tensor> out{loss};
                              if (gradient) out.push_back(x[0]);
                              return out;
                            }},
                  // The same floats are subtracted, and all that follows is double: only the order of the sum differs,
                  // and a gradient may fall on the other side of a rounding.
                  {.f32 = 1e-7, .bf16 = 1e-7});
    }
  }
}

TEST("CUDA: a loss that is not finite clears the state's flag, a finite one leaves it") {
  skip_without_cuda();
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  for (const double set : {0.0, 1.0})
    for (const double met : {2.0, nan, infinite, -infinite}) {
      OptimizerState state{};
      state.learning_rate = 1e-3, state.updates = 4, state.loss_finite = set;
      std::vector<double> words(kOptimizerStateDoubles);
      std::memcpy(words.data(), &state, sizeof state);
      check_twins(TwinCalls{"check_loss", {doubles(words), doubles({1, met, 3})},
                            [](Tape& tape, const std::vector<Tensor>& x) {
                              tape.program().call<kernels::check_loss>(x[0], x[1]);
                              return std::vector<Tensor>{x[0]};
                            }},
                  {.f32 = 0, .with_bf16 = false});
    }
}

TEST("check_loss clears the flag for a NaN or an infinity and never sets it") {
  ThreadPool pool(1);
  Stream stream{.pool = &pool};
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  for (const double before : {0.0, 1.0})
    for (const double met : {2.0, nan, infinite}) {
      OptimizerState state{};
      state.loss_finite = before;
      double loss[] = {1, met};
      cpu::check_loss(stream, {.data = &state, .dtype = DType::f64, .shape = {kOptimizerStateDoubles}}, {.data = loss, .dtype = DType::f64, .shape = {2}});
      CHECK_EQ(state.loss_finite, met == 2.0 ? before : 0.0);
    }
}
