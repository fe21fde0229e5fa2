// sampler: turbo schedules, ODE, SDE, plain Euler and guided runs from given noise.
#include "case.h"
#include "train/sampling.h"

namespace ace::golden {

namespace {

// The decoder's velocity for the case's batch, and, where guided, for a second half under the null condition.
class Field {
 public:
  Field(Case& c, bool guided) : shape_(c.input("in.noise").shape), guided_(guided), program_(c.device().kind()), runner_(trace(c), c.device()) {
    const Values &condition = c.input("in.cond"), &context = c.input("in.context");
    Values both = condition, contexts = context;
    if (guided) {
      const Values null = read(c.device(), c.model().null_condition());
      for (size_t i = 0; i < condition.numbers.size(); ++i) both.numbers.push_back(null.numbers[i % null.numbers.size()]);
      contexts.numbers.insert(contexts.numbers.end(), context.numbers.begin(), context.numbers.end());
    }
    runner_.set(in_.condition, both);
    runner_.set(in_.context, contexts);
    runner_.set_all(in_.frame_count, static_cast<double>(shape_[1]));
  }

  void operator()(const std::vector<double>& x, double t, std::vector<double>& v, std::vector<double>* u) {
    Values state{in_.x_t.shape, x};
    if (guided_) state.numbers.insert(state.numbers.end(), x.begin(), x.end());
    runner_.set(in_.x_t, state);
    runner_.set_all(in_.t, t);
    runner_.run();
    const Values velocity = with_frames(runner_.get(velocity_), shape_[1]);
    const auto half = velocity.numbers.begin() + static_cast<int64_t>(x.size());
    v.assign(velocity.numbers.begin(), half);
    if (u != nullptr) u->assign(half, velocity.numbers.end());
  }

 private:
  Program& trace(Case& c) {
    const int64_t batch = shape_[0] * (guided_ ? 2 : 1), frames = shape_[1];
    const Shape condition = c.input("in.cond").shape, context = c.input("in.context").shape;
    in_.x_t = program_.input({batch, frames, shape_[2]}, c.model().dtype(), "x");
    in_.context = program_.input({batch, frames, context[2]}, DType::f32, "context");
    in_.condition = program_.input({batch, condition[1], condition[2]}, c.model().dtype(), "condition");
    in_.t = in_.r = program_.input({batch}, DType::f32, "t");
    in_.frame_count = program_.input({batch}, DType::i32, "frame_count");
    Tape tape(program_, Recompute::none, false);
    velocity_ = c.model().decoder().velocity(tape, in_, {}).value;
    program_.keep(velocity_);
    return program_;
  }

  Shape shape_;
  bool guided_;
  Program program_;
  DecoderInputs in_;
  Tensor velocity_;
  Runner runner_;
};

// "apg7_steps6_shift3": a method with its number, then settings.
struct Run {
  std::string method;
  double amount = 1;  // shift of a turbo run, guidance of another
  SamplingPlan plan;
  bool known = true;
};

Run describe(const Case& c, const std::string& name) {
  Run run;
  double steps = 0, shift = 1;
  bool interval = false;
  size_t from = 0;
  for (bool first = true; from <= name.size(); first = false) {
    const size_t to = std::min(name.find('_', from), name.size());
    const std::string word = name.substr(from, to - from);
    const size_t digits = std::min(word.find_first_of("0123456789"), word.size());
    const std::string key = word.substr(0, digits);
    const double value = digits < word.size() ? std::stod(word.substr(digits)) : 0;
    if (first) {
      run.method = key;
      run.amount = value;
    } else if (key == "steps") steps = value;
    else if (key == "shift") shift = value;
    else if (key == "interval") interval = true;
    else run.known = false;
    from = to + 1;
  }
  run.plan.sde = run.method == "sde";
  if (run.method == "ode" || run.method == "sde") {
    char times[64];
    std::snprintf(times, sizeof times, "times.shift%g", shift);
    run.plan.times = shifted_times(shift, static_cast<int>(c.shape(times)[0]));
  } else if (run.method == "apg" || run.method == "plain") {
    run.plan.times = shifted_times(shift, static_cast<int>(steps));
    if (run.method == "apg") run.plan.guidance.scale = run.amount;
    if (interval) {  // the generator's own interval; the file does not carry it
      run.plan.interval_from = 0.3;
      run.plan.interval_to = 0.8;
    }
  } else {
    run.known = false;
  }
  return run;
}

void run(Case& c) {
  c.from_decoder();
  const Values& noise = c.input("in.noise");
  const LatentShape shape{noise.shape[0], noise.shape[1], noise.shape[2]};
  for (const std::string& name : c.names("times.shift")) {
    const int64_t steps = c.shape(name)[0];
    c.compare(name, {{steps}, shifted_times(std::stod(name.substr(11)), static_cast<int>(steps))});
  }
  const Values& renoise = c.input("in.renoise");
  const FreshNoise fresh = [&](int step, std::vector<double>& out) { out = entry(renoise, step).numbers; };
  Field plain(c, false), guided(c, true);
  for (const std::string& name : c.names("out.")) {
    const Run run = describe(c, name.substr(4));
    if (!run.known) continue;  // told as neither consumed nor compared
    Values x = noise;
    const VelocityAt velocity = [&](const std::vector<double>& at, double t, std::vector<double>& v, std::vector<double>* u) {
      if (u == nullptr) plain(at, t, v, u);
      else guided(at, t, v, u);
    };
    integrate(x.numbers, shape, run.plan, velocity, fresh);
    c.compare(name, x);
  }
}

const CaseKind kind("sampler", run);

}  // namespace

}  // namespace ace::golden
