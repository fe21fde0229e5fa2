#include "adapter/module.h"

#include "ops/ops.h"

namespace ace {

namespace {

// Changes nothing and learns nothing: what stands where a gradient would is ||dW||^2 of the frozen weight, W's whole
// gradient dy^T x being formed in scratch memory of the program and given back at once.
class Probe final : public AdapterModule {
 public:
  Probe(std::string path, int index, const AdapterConfig& config, int64_t out, int64_t in)
      : AdapterModule(std::move(path), index, config, 1, 1, out, in) {
    add_parameter("squared_norm", {1}, Init::zero);
  }

  Var forward(Tape& tape, Tensor, const Var& base, const Var& x, const AdapterPass& pass) const override {
    const Var square = parameter(tape, pass, 0);
    return tape.record_in_place(base, {x, square}, [this, &tape, x, square](Tensor dy) {
      if (!square.needs_grad()) return;
      const DType type = wide(dy.dtype);
      const Tensor dweight = product(tape, dy, tape.saved(x), {.transpose_a = true}, {}, type);
      const Tensor rows = tape.empty({1, out_}, type), whole = tape.empty({1}, type);
      tape.program().call<kernels::row_norm>(rows.reshaped({out_}), dweight, Tensor{});
      tape.program().call<kernels::row_norm>(whole, rows, Tensor{});
      tape.program().call<kernels::multiply>(tape.grad(square).tensor, whole, whole, 1.0, true);
    });
  }

  Tensor merged(Tape&, Tensor, const AdapterPass&) const override {
    throw Error(ErrorCode::config, path_ + ": a probe changes no weight");
  }
};

}  // namespace

std::unique_ptr<AdapterModule> make_probe(std::string path, int index, const AdapterConfig& config, int64_t out, int64_t in) {
  return std::make_unique<Probe>(std::move(path), index, config, out, in);
}

}  // namespace ace
