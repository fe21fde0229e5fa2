// The CUDA twins against the CPU's. Sizes around a block of 256 threads, odd and prime.
// No row of one number: its gradient is all cancellation, so nothing could be asked of it.
#include "twin.h"

using namespace ace;
using namespace ace::test;

namespace {

const Shape kShapes[] = {{1, 1, 3}, {2, 3, 7}, {1, 2, 255}, {2, 1, 257}, {3, 5, 64}, {2, 9, 2048}};

}  // namespace

TEST("CUDA: rms_norm equals the CPU twin, forward and backward") {
  skip_without_cuda();
  for (const Shape& shape : kShapes) {
    CONTEXT(shape.text());
    check_twins({"rms_norm", {{shape}, {{shape.last()}, false, 0.3, 1, true}}, [](Tape& tape, const std::vector<Var>& x) {
                   return rms_norm(tape, x[0], x[1].value, 1e-6);
                 }});
    check_twins({"modulated rms_norm",
                 {{shape}, {{shape.last()}, false, 0.3, 1, true}, {{shape[0], 6, shape.last()}, false, 0.5, 0, true}},
                 [](Tape& tape, const std::vector<Var>& x) { return rms_norm(tape, x[0], x[1].value, 1e-6, x[2].value, 4, 3); }});
  }
}

TEST("CUDA: gate_add equals the CPU twin, forward and backward") {
  skip_without_cuda();
  for (const Shape& shape : kShapes) {
    CONTEXT(shape.text());
    check_twins({"gate_add", {{shape}, {shape}, {{shape[0], 6, shape.last()}, false, 1, 0, true}}, [](Tape& tape, const std::vector<Var>& x) {
                   return gate_add(tape, x[0], x[1], x[2].value, 5);
                 }});
    check_twins({"gate_add without a gate", {{shape}, {shape}}, [](Tape& tape, const std::vector<Var>& x) { return gate_add(tape, x[0], x[1]); }});
  }
}

TEST("CUDA: a gradient that two branches share is added up, not overwritten") {
  skip_without_cuda();
  const Shape shape{2, 5, 300};
  // In bf16 two intermediate tensors are rounded as well, each by half of 2^-8 of about the largest value.
  const TwinBounds bounds{.bf16 = 4e-3};
  // x goes straight on, through a gated norm, and through a second gate: copies, sums, and the accumulating forms.
  check_twins({"two branches", {{shape}, {{300}, false, 0.3, 1, true}, {{2, 6, 300}, false, 1, 0, true}}, [](Tape& tape, const std::vector<Var>& x) {
                 const Var one = gate_add(tape, x[0], rms_norm(tape, x[0], x[1].value, 1e-6, x[2].value, 1, 0), x[2].value, 2);
                 return gate_add(tape, one, x[0], x[2].value, 5);
               }}, bounds);
  check_twins({"one branch behind two gates", {{shape}, {shape}, {{2, 6, 300}, false, 1, 0, true}}, [](Tape& tape, const std::vector<Var>& x) {
                 return gate_add(tape, gate_add(tape, x[0], x[1], x[2].value, 2), x[1], x[2].value, 5);
               }}, bounds);
}

TEST("a program for CUDA is traced and planned without a device") {
#if ACE_WITH_CUDA
  Program program(DeviceKind::cuda);
  Tape tape(program);
  const Var x = tape.leaf(program.input({2, 3, 64}, DType::f32, "x"));
  const Tensor weight = program.input({64}, DType::f32, "weight");
  const Var y = gate_add(tape, x, rms_norm(tape, x, weight, 1e-6));
  tape.backward(y, program.input({2, 3, 64}, DType::f32, "dy"));
  CHECK(program.plan() > 0);
  CHECK(program.describe().find("rms_norm_backward") != std::string::npos);
#else
  SKIP("built without nvcc");
#endif
}

namespace {
// A kernel of the list as it is before its CUDA twin is written.
struct without_twin : kernels::add_to {
  static constexpr decltype(kernels::add_to::cpu) cuda = nullptr;
};
}  // namespace

TEST("an operator without a CUDA twin is refused by name when it is traced") {
  Program program(DeviceKind::cuda);
  const Tensor x = program.input({2, 3, 64}, DType::f32, "x");
  CHECK_THROWS(program.call<without_twin>(x, x), "operator add_to has no CUDA twin yet; use --device cpu");
  // Whatever is missing: nothing is ever run in its place.
  CHECK_EQ(program.calls(), size_t{0});
}
