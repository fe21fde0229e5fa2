#include "twin.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "cpu_device.h"
#include "ops/philox.h"
#include "tensor/storage.h"
#if ACE_WITH_CUDA
#include "ops/cuda/device.h"
#endif

namespace ace::test {

namespace {

struct Result {
  DType dtype;
  std::vector<unsigned char> bytes;
  bool operator==(const Result&) const = default;

  double value(size_t i) const {
    const auto as = [&](auto type) {
      std::memcpy(&type, bytes.data() + i * sizeof type, sizeof type);
      return type;
    };
    switch (dtype) {
      case DType::f32: return as(float{});
      case DType::f64: return as(double{});
      case DType::bf16: return to_float(as(bf16{}));
      case DType::f16: return to_float(as(f16{}));
      case DType::i32: return as(int32_t{});
      case DType::i64: return static_cast<double>(as(int64_t{}));
      case DType::u8: return as(uint8_t{});
    }
    return NAN;
  }
  size_t elements() const { return bytes.size() / size_of(dtype); }
  bool whole_numbers() const { return dtype == DType::i32 || dtype == DType::i64 || dtype == DType::u8; }
};

struct Filled {
  Tensor tensor;
  TwinInput how;
  uint64_t seed;
};

// One run of one program: `rounded` says that activations hold bf16 numbers, which the CPU keeps in float32.
class Run {
 public:
  Run(DeviceKind kind, bool rounded) : program(kind), tape(program), kind_(kind), rounded_(rounded) {}

  // An activation, unless `how` or `dtype` says otherwise.
  Tensor input(const TwinInput& how, const std::string& name, uint64_t seed, std::optional<DType> dtype = {}) {
    const DType activation = rounded_ && kind_ == DeviceKind::cuda ? DType::bf16 : DType::f32;
    const Tensor tensor = program.input(how.shape, how.dtype.value_or(dtype.value_or(how.wide ? DType::f32 : activation)), name);
    if (how.dtype && how.bytes.size() != static_cast<size_t>(tensor.bytes()))
      throw Error(ErrorCode::internal, "the given values of " + name + " do not fill " + how.shape.text());
    filled_.push_back({tensor, how, seed});
    return tensor;
  }

  std::vector<Tensor> inputs(const std::vector<TwinInput>& described) {
    std::vector<Tensor> out;
    for (const TwinInput& how : described) out.push_back(input(how, "x" + std::to_string(out.size()), 21 + out.size()));
    return out;
  }

  std::vector<Result> results(const std::vector<Tensor>& outputs) {
    for (const Tensor& output : outputs) program.keep(output);
    Device& device = device_of(kind_);
    const Storage memory(device, {program.plan()}, DType::u8, "twin test", false);
    program.bind(memory.data());
    for (const Filled& filled : filled_) {
      const Tensor to = program.bound(filled.tensor);
      device.upload(to.data, bytes_of(filled).data(), to.bytes());
    }
    program.run(device.stream());
    std::vector<Result> out;
    for (const Tensor& output : outputs) {
      out.push_back({output.dtype, std::vector<unsigned char>(static_cast<size_t>(output.bytes()))});
      device.download(out.back().bytes.data(), program.bound(output).data, output.bytes());
    }
    return out;
  }

  Program program;
  Tape tape;

 private:
  std::vector<unsigned char> bytes_of(const Filled& filled) const {
    const TwinInput& how = filled.how;
    if (how.dtype) return how.bytes;
    std::vector<unsigned char> out(static_cast<size_t>(filled.tensor.bytes()));
    for (size_t i = 0; i < static_cast<size_t>(filled.tensor.elements()); ++i) {
      const double unit = 2 * uniform01(random_words(filled.seed, 0, 0, 99, i).word[0]) - 1;
      const auto value = static_cast<float>(how.offset + how.scale * unit);
      const bf16 narrow = to_bf16(value);
      const float kept = rounded_ && !how.wide ? to_float(narrow) : value;
      if (filled.tensor.dtype == DType::bf16) std::memcpy(out.data() + i * sizeof narrow, &narrow, sizeof narrow);
      else std::memcpy(out.data() + i * sizeof kept, &kept, sizeof kept);
    }
    return out;
  }

  DeviceKind kind_;
  bool rounded_;
  std::vector<Filled> filled_;
};

std::vector<Result> results(const TwinOp& op, DeviceKind kind, bool rounded) {
  Run run(kind, rounded);
  std::vector<Var> vars;
  for (const Tensor& tensor : run.inputs(op.inputs))
    vars.push_back(op.inputs[vars.size()].grad ? run.tape.leaf(tensor) : Tape::constant(tensor));
  const Var y = op.body(run.tape, vars);
  run.tape.backward(y, run.input({.shape = y.value.shape}, "projection", 20, y.value.dtype));
  std::vector<Tensor> outputs{y.value};
  for (size_t i = 0; i < vars.size(); ++i)
    if (op.inputs[i].grad) outputs.push_back(run.tape.gradient(vars[i]));
  return run.results(outputs);
}

std::vector<Result> results(const TwinCalls& calls, DeviceKind kind, bool rounded) {
  Run run(kind, rounded);
  return run.results(calls.body(run.tape, run.inputs(calls.inputs)));
}

// `rounding`: of the value itself, relative.
void compare(const Result& expected, const Result& got, double bound, double rounding) {
  CHECK_EQ(expected.elements(), got.elements());
  double worst = 0, largest = 0;
  for (size_t i = 0; i < std::min(expected.elements(), got.elements()); ++i) {
    const double cpu = expected.value(i), difference = std::abs(got.value(i) - cpu);
    worst = std::isnan(difference) ? INFINITY : std::max(worst, difference - rounding * std::abs(cpu));
    largest = std::max(largest, std::abs(cpu));
  }
  if (expected.whole_numbers()) {
    CHECK_EQ(worst, 0.0);
  } else {
    CHECK(largest > 0);
    CHECK_NEAR(worst / largest, 0, bound);
  }
}

template <class Op>
void check(const Op& op, const TwinBounds& bounds) {
  for (const bool rounded : {false, true}) {
    if (rounded && !bounds.with_bf16) continue;
    CONTEXT(op.name << (rounded ? " bf16" : " f32"));
    const auto expected = results(op, DeviceKind::cpu, rounded), got = results(op, DeviceKind::cuda, rounded);
    CHECK_EQ(expected.size(), got.size());
    for (size_t t = 0; t < expected.size(); ++t) {
      CONTEXT("tensor " << t);
      compare(expected[t], got[t], rounded ? bounds.bf16 : bounds.f32, rounded ? 0x1p-8 : 0);
    }
    CHECK(results(op, DeviceKind::cuda, rounded) == got);
  }
}

}  // namespace

void check_twins(const TwinOp& op, const TwinBounds& bounds) { check(op, bounds); }
void check_twins(const TwinCalls& calls, const TwinBounds& bounds) { check(calls, bounds); }

Device& device_of(DeviceKind kind) {
  if (kind == DeviceKind::cpu) return cpu_device();
#if ACE_WITH_CUDA
  static const std::unique_ptr<Device> cuda = cuda::open_device(0, 1);
  return *cuda;
#else
  throw Error(ErrorCode::device, "built without nvcc");
#endif
}

std::string no_cuda() {
#if ACE_WITH_CUDA
  const cuda::Devices devices = cuda::find_devices();
  return devices.count > 0 ? "" : "no CUDA device: " + devices.reason;
#else
  return "no CUDA device: built without nvcc";
#endif
}

}  // namespace ace::test
