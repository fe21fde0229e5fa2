// An operator described once and run on both twins:
//
//   const TwinOp op{"rms_norm", {{{2, 3, 64}}, {{64}, false, 0.3, 1}}, [](Tape& tape, const std::vector<Var>& x) {
//     return rms_norm(tape, x[0], x[1].value, 1e-6);
//   }};
//   check_twins(op);
//
// Values and gradients of the CUDA twin against the CPU's, in float32, and the same bits in two runs.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "autograd/tape.h"
#include "check.h"
#include "ops/ops.h"
#include "ops/philox.h"
#include "tensor/storage.h"
#if ACE_WITH_CUDA
#include "ops/cuda/device.h"
#endif

namespace ace::test {

struct TwinInput {
  Shape shape;
  bool grad = true;
  double scale = 1, offset = 0;  // uniform in [offset - scale, offset + scale)
};

struct TwinOp {
  std::string name;
  std::vector<TwinInput> inputs;
  std::function<Var(Tape&, const std::vector<Var>&)> body;
};

// Why no CUDA kernel can run here; empty where one can.
inline std::string no_cuda() {
#if ACE_WITH_CUDA
  const cuda::Devices devices = cuda::find_devices();
  return devices.count > 0 ? "" : "no CUDA device" + (devices.reason.empty() ? "" : ": " + devices.reason);
#else
  return "no CUDA device: built without nvcc";
#endif
}

// Memory of either kind.
class TwinMemory {
 public:
  TwinMemory(DeviceKind kind, int64_t bytes) : kind_(kind) {
    if (kind == DeviceKind::cpu) host_ = Storage({bytes}, DType::u8, "twin test");
#if ACE_WITH_CUDA
    else device_ = std::make_unique<cuda::DeviceMemory>(bytes, "twin test");
#endif
  }
  void* data() const {
#if ACE_WITH_CUDA
    if (kind_ == DeviceKind::cuda) return device_->data();
#endif
    return host_.data();
  }
  void write(const Tensor& to, const void* from) const {
#if ACE_WITH_CUDA
    if (kind_ == DeviceKind::cuda) return cuda::upload(to.data, from, to.bytes());
#endif
    std::memcpy(to.data, from, static_cast<size_t>(to.bytes()));
  }
  void read(void* to, const Tensor& from) const {
#if ACE_WITH_CUDA
    if (kind_ == DeviceKind::cuda) return cuda::download(to, from.data, from.bytes());
#endif
    std::memcpy(to, from.data, static_cast<size_t>(from.bytes()));
  }

 private:
  DeviceKind kind_;
  Storage host_;
#if ACE_WITH_CUDA
  std::unique_ptr<cuda::DeviceMemory> device_;
#endif
};

// The output, then the gradient of each input that wants one, from a random projection of the output.
template <class T>
std::vector<std::vector<T>> run_twin(const TwinOp& op, DeviceKind kind) {
  const DType dtype = sizeof(T) == 8 ? DType::f64 : DType::f32;
  Program program(kind);
  Tape tape(program);
  std::vector<Var> vars;
  std::vector<Tensor> inputs;
  for (const TwinInput& input : op.inputs) {
    inputs.push_back(program.input(input.shape, dtype, "x" + std::to_string(inputs.size())));
    vars.push_back(input.grad ? tape.leaf(inputs.back()) : Tape::constant(inputs.back()));
  }
  const Var y = op.body(tape, vars);
  const Tensor projection = program.input(y.value.shape, dtype, "projection");
  tape.backward(y, projection);
  std::vector<Tensor> outputs{y.value};
  for (size_t i = 0; i < vars.size(); ++i)
    if (op.inputs[i].grad) outputs.push_back(tape.gradient(vars[i]));
  for (const Tensor& output : outputs) program.keep(output);

  const TwinMemory memory(kind, program.plan());
  program.bind(memory.data());
  auto fill = [&](const Tensor& input, double scale, double offset, uint64_t seed) {
    std::vector<T> values(static_cast<size_t>(input.elements()));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<T>(static_cast<float>(offset + scale * (2 * uniform01(random_words(seed, 0, 0, 99, i).word[0]) - 1)));
    memory.write(program.bound(input), values.data());
  };
  for (size_t i = 0; i < inputs.size(); ++i) fill(inputs[i], op.inputs[i].scale, op.inputs[i].offset, 21 + i);
  fill(projection, 1, 0, 20);
  ThreadPool pool(1);
  Stream stream{kind, &pool, nullptr};
  program.run(stream);
  std::vector<std::vector<T>> out;
  for (const Tensor& output : outputs) {
    out.emplace_back(static_cast<size_t>(output.elements()));
    memory.read(out.back().data(), program.bound(output));
  }
  return out;
}

// `bound`: max |cuda - cpu| / max |cpu|.
template <class T>
void check_twins_as(const TwinOp& op, double bound) {
  CONTEXT(op.name << (sizeof(T) == 8 ? " f64" : " f32"));
  const auto expected = run_twin<T>(op, DeviceKind::cpu), got = run_twin<T>(op, DeviceKind::cuda);
  for (size_t t = 0; t < expected.size(); ++t) {
    double worst = 0, largest = 0;
    for (size_t i = 0; i < expected[t].size(); ++i) {
      const double difference = std::abs(static_cast<double>(got[t][i]) - static_cast<double>(expected[t][i]));
      worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
      largest = std::max(largest, std::abs(static_cast<double>(expected[t][i])));
    }
    CONTEXT("tensor " << t);
    CHECK(largest > 0);
    CHECK_NEAR(worst / largest, 0, bound);
  }
  CHECK(run_twin<T>(op, DeviceKind::cuda) == got);
}

// The twins add a row's numbers in another order, and CUDA fuses a product with its sum: about one rounding of the
// largest value; the bound is eight of them.
inline void check_twins(const TwinOp& op) { check_twins_as<float>(op, 1e-6); }

}  // namespace ace::test
