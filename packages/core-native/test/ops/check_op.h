// One description of an operator, all checks:
//
//   check_op("swiglu", {{{2, 3, 7}}, {{2, 3, 7}}}, [](OpCase& c) { return swiglu(c.tape, c.x[0], c.x[1]); });
//
// In float64 the gradient of a random projection of the output against central differences, for every input and tracked
// parameter; the same operator used twice must give twice the gradient (backward adds); in float32 values and gradients
// within 1e-5 of float64, and the same bits on one thread and on three.
#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "autograd/tape.h"
#include "check.h"
#include "ops/ops.h"
#include "ops/philox.h"
#include "tensor/storage.h"

namespace ace::test {

// The same numbers for the same seed, uniform in [-1, 1).
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : seed_(seed) {}
  double next() { return 2 * uniform01(random_words(seed_, 0, 0, 99, at_++).word[0]) - 1; }

 private:
  uint64_t seed_, at_ = 0;
};

inline double number_at(const Tensor& t, int64_t i) { return t.dtype == DType::f64 ? t.as<double>()[i] : static_cast<double>(t.as<float>()[i]); }
inline void set_number(const Tensor& t, int64_t i, double value) {
  if (t.dtype == DType::f64) t.as<double>()[i] = value;
  else t.as<float>()[i] = static_cast<float>(value);
}
inline std::vector<double> numbers_of(const Tensor& t) {
  std::vector<double> out;
  for (int64_t i = 0; i < t.elements(); ++i) out.push_back(number_at(t, i));
  return out;
}
inline double largest(const std::vector<double>& v) {
  double out = 0;
  for (const double x : v) out = std::isnan(x) ? INFINITY : std::max(out, std::abs(x));
  return out;
}
inline double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> d;
  for (size_t i = 0; i < a.size(); ++i) d.push_back(a[i] - b[i]);
  return largest(d);
}

struct OpInput {
  Shape shape;
  bool grad = true;
  double scale = 1;
};

// What the body of a check builds with. Frozen values are the same in every trace, whatever its dtype.
class OpCase {
 public:
  OpCase(Tape& t, DType d) : tape(t), dtype(d), numbers_(7) {}

  Tensor frozen(Shape shape, double scale = 1, double offset = 0) {
    held_.emplace_back(shape, dtype, "frozen");
    for (int64_t i = 0; i < shape.elements(); ++i)
      set_number(held_.back().tensor(), i, static_cast<float>(offset + scale * numbers_.next()));
    return held_.back().tensor();
  }
  Tensor ints(const std::vector<int32_t>& values) {
    held_.emplace_back(Shape{static_cast<int64_t>(values.size())}, DType::i32, "ints");
    std::copy(values.begin(), values.end(), held_.back().tensor().as<int32_t>());
    return held_.back().tensor();
  }
  Tensor longs(const std::vector<int64_t>& values) {
    held_.emplace_back(Shape{static_cast<int64_t>(values.size())}, DType::i64, "longs");
    std::copy(values.begin(), values.end(), held_.back().tensor().as<int64_t>());
    return held_.back().tensor();
  }

  Tape& tape;
  DType dtype;
  std::vector<Var> x;

 private:
  Numbers numbers_;
  std::vector<Storage> held_;
};

using OpBody = std::function<Var(OpCase&)>;

// Memory outside the program that the body reads as a parameter, and where its gradient is added.
struct Tracked {
  std::string name;
  Tensor value, gradient;
};

struct OpOptions {
  std::vector<Tracked> tracked;
  RecomputePolicy recompute;
  double bound = 1e-6;         // of the float64 gradient against differences, max / max
  bool single_too = true;      // also in float32; never with tracked parameters, whose memory is float64
  int64_t most_elements = 500; // of each input and parameter that are differenced, evenly spread
};

// One trace of the body, `copies` times added up, ready to run.
class OpRun {
 public:
  OpRun(DType dtype, const std::vector<OpInput>& inputs, const OpBody& body, bool gradients, int copies, RecomputePolicy recompute)
      : tape_(program_, recompute, gradients) {
    Numbers numbers(11);
    std::vector<Var> vars;
    for (const OpInput& input : inputs) {
      inputs_.push_back(program_.input(input.shape, dtype, "x" + std::to_string(inputs_.size())));
      values_.emplace_back();
      for (int64_t i = 0; i < input.shape.elements(); ++i) values_.back().push_back(static_cast<float>(input.scale * numbers.next()));
      vars.push_back(input.grad ? tape_.leaf(inputs_.back()) : Tape::constant(inputs_.back()));
    }
    Var y;
    for (int copy = 0; copy < copies; ++copy) {
      cases_.push_back(std::make_unique<OpCase>(tape_, dtype));
      cases_.back()->x = vars;
      const Var part = body(*cases_.back());
      y = copy == 0 ? part : gate_add(tape_, y, part);
    }
    y_ = y.value;
    program_.keep(y_);
    if (gradients) {
      weights_ = program_.input(y_.shape, dtype, "projection");
      tape_.backward(y, weights_);
      for (const Var& var : vars) {
        gradients_.push_back(tape_.gradient(var));
        if (gradients_.back().given()) program_.keep(gradients_.back());
      }
    }
    arena_ = Storage({std::max<int64_t>(1, program_.plan())}, DType::u8, "test");
    program_.bind(arena_.data());
    for (int64_t i = 0; i < y_.elements(); ++i) projection_.push_back(static_cast<float>(numbers.next()));
  }

  // The projection of the output.
  double run(ThreadPool& pool) {
    for (size_t i = 0; i < inputs_.size(); ++i) fill(inputs_[i], values_[i]);
    if (weights_.given()) fill(weights_, projection_);
    Stream stream{DeviceKind::cpu, &pool, nullptr};
    program_.run(stream);
    const Tensor y = program_.bound(y_);
    double sum = 0;
    for (int64_t i = 0; i < y.elements(); ++i) sum += number_at(y, i) * projection_[static_cast<size_t>(i)];
    return sum;
  }
  std::vector<double> output() const { return numbers_of(program_.bound(y_)); }
  // Empty where no gradient reached the input.
  std::vector<double> gradient(size_t i) const { return gradients_[i].given() ? numbers_of(program_.bound(gradients_[i])) : std::vector<double>{}; }
  std::vector<double>& values(size_t i) { return values_[i]; }
  // The weights of the output's elements in run()'s sum.
  const std::vector<double>& projection() const { return projection_; }
  const Program& program() const { return program_; }

 private:
  void fill(const Tensor& tensor, const std::vector<double>& from) const {
    const Tensor to = program_.bound(tensor);
    for (int64_t i = 0; i < to.elements(); ++i) set_number(to, i, from[static_cast<size_t>(i)]);
  }

  Program program_;
  Tape tape_;
  std::vector<std::unique_ptr<OpCase>> cases_;
  std::vector<Tensor> inputs_, gradients_;
  std::vector<std::vector<double>> values_;
  std::vector<double> projection_;
  Tensor y_, weights_;
  Storage arena_;
};

// Central differences of run() over up to `most` of `count` places; compares with `analytic` and returns max / max.
inline double difference_error(OpRun& forward, ThreadPool& pool, const std::vector<double>& analytic, int64_t most,
                               const std::function<void(int64_t, double)>& set, const std::function<double(int64_t)>& get) {
  constexpr double kStep = 1e-5;  // truncation about kStep^2, rounding about 1e-15 / kStep: both far below 1e-6
  const int64_t count = static_cast<int64_t>(analytic.size()), stride = std::max<int64_t>(1, count / most);
  double worst = 0;
  for (int64_t i = 0; i < count; i += stride) {
    const double value = get(i);
    set(i, value + kStep);
    const double above = forward.run(pool);
    set(i, value - kStep);
    const double below = forward.run(pool);
    set(i, value);
    const double error = std::abs((above - below) / (2 * kStep) - analytic[static_cast<size_t>(i)]);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  return worst / largest(analytic);
}

inline void clear(const Tensor& t) {
  for (int64_t i = 0; i < t.elements(); ++i) set_number(t, i, 0);
}

inline void check_gradients(const std::vector<OpInput>& inputs, const OpBody& body, const OpOptions& options) {
  ThreadPool pool(1);
  OpRun once(DType::f64, inputs, body, true, 1, options.recompute), twice(DType::f64, inputs, body, true, 2, options.recompute);
  OpRun forward(DType::f64, inputs, body, false, 1, options.recompute);
  auto run_clean = [&](OpRun& run) {
    for (const Tracked& t : options.tracked) clear(t.gradient);
    (void)run.run(pool);
    std::vector<std::vector<double>> out;
    for (const Tracked& t : options.tracked) out.push_back(numbers_of(t.gradient));
    return out;
  };
  const auto tracked = run_clean(once), doubled = run_clean(twice);
  auto check_double = [&](const std::vector<double>& one, std::vector<double> two) {
    for (double& x : two) x /= 2;
    CHECK_NEAR(largest_difference(one, two) / largest(one), 0, 1e-12);
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].grad) continue;
    CONTEXT("input " << i);
    const std::vector<double> analytic = once.gradient(i);
    CHECK(!analytic.empty() && largest(analytic) > 0);
    if (analytic.empty()) continue;
    std::vector<double>& values = forward.values(i);
    const double error = difference_error(forward, pool, analytic, options.most_elements,
                                          [&](int64_t at, double value) { values[static_cast<size_t>(at)] = value; },
                                          [&](int64_t at) { return values[static_cast<size_t>(at)]; });
    CHECK_NEAR(error, 0, options.bound);
    check_double(analytic, twice.gradient(i));
  }
  for (size_t p = 0; p < options.tracked.size(); ++p) {
    const Tracked& t = options.tracked[p];
    CONTEXT(t.name);
    CHECK(largest(tracked[p]) > 0);
    const double error = difference_error(forward, pool, tracked[p], options.most_elements,
                                          [&](int64_t at, double value) { set_number(t.value, at, value); },
                                          [&](int64_t at) { return number_at(t.value, at); });
    CHECK_NEAR(error, 0, options.bound);
    check_double(tracked[p], doubled[p]);
  }
}

// float32 against float64: 1e-5 of the largest value, a hundred roundings. And one thread against three, bit for bit.
inline void check_single(const std::vector<OpInput>& inputs, const OpBody& body, RecomputePolicy recompute) {
  ThreadPool one(1), three(3);
  OpRun wide(DType::f64, inputs, body, true, 1, recompute), narrow(DType::f32, inputs, body, true, 1, recompute);
  (void)wide.run(one);
  (void)narrow.run(one);
  CHECK_NEAR(largest_difference(narrow.output(), wide.output()) / largest(wide.output()), 0, 1e-5);
  std::vector<std::vector<double>> all = {narrow.output()};
  for (size_t i = 0; i < inputs.size(); ++i) {
    all.push_back(narrow.gradient(i));
    if (inputs[i].grad) CHECK_NEAR(largest_difference(narrow.gradient(i), wide.gradient(i)) / largest(wide.gradient(i)), 0, 1e-5);
  }
  (void)narrow.run(three);
  CHECK(narrow.output() == all[0]);
  for (size_t i = 0; i < inputs.size(); ++i) CHECK(narrow.gradient(i) == all[i + 1]);
}

inline void check_op(const std::string& what, const std::vector<OpInput>& inputs, const OpBody& body, const OpOptions& options = {}) {
  CONTEXT(what);
  check_gradients(inputs, body, options);
  if (options.single_too && options.tracked.empty()) check_single(inputs, body, options.recompute);
}

}  // namespace ace::test
