// The CUDA twins against the CPU's. Sizes around a block of 256 threads, odd and prime.
// No row of one number: its gradient is all cancellation, so nothing could be asked of it.
#include "twin.h"

using namespace ace;
using namespace ace::test;

namespace {

// The last four: a row of whole warps that is no power of two, one too long for registers, and so many rows that threads
// take two in turn, of which some lie on either side of a sample's end: a block a row, and a warp a row.
const Shape kShapes[] = {{1, 1, 3}, {2, 3, 7}, {1, 2, 255}, {2, 1, 257}, {3, 5, 64}, {2, 9, 2048}, {2, 3, 2560}, {2, 2, 4099}, {2, 513, 264}, {3, 2731, 8}};

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

TEST("CUDA: gate_add_norm equals the CPU twin, its sum and its norm, forward and backward") {
  skip_without_cuda();
  // In bf16 the norm reads the sum as it is stored, rounded; the kernels are held to that apart, below.
  const TwinBounds exact{.with_bf16 = false};
  for (const Shape& shape : kShapes) {
    CONTEXT(shape.text());
    const TwinInput weight{{shape.last()}, false, 0.3, 1, true}, mod{{shape[0], 6, shape.last()}, false, 0.5, 0, true};
    for (const int kind : {0, 1, 2, 3}) {
      if (shape.rows() > 1000 && kind != 3) continue;  // these are for how rows are divided
      const bool gated = (kind & 1) != 0, modulated = (kind & 2) != 0;
      auto fused = [=](Tape& tape, const std::vector<Var>& x) {
        return gate_add_norm(tape, x[0], x[1], gated ? x[3].value : Tensor{}, 2, x[2].value, 1e-6, modulated ? x[3].value : Tensor{}, 4, 3);
      };
      // The norm alone: nothing of the sum's own gradient is there when the norm's comes.
      check_twins({"gate_add_norm", {{shape}, {shape}, weight, mod}, [=](Tape& tape, const std::vector<Var>& x) { return fused(tape, x).y; }}, exact);
      check_twins({"gate_add_norm's sum", {{shape}, {shape}, weight, mod}, [=](Tape& tape, const std::vector<Var>& x) { return fused(tape, x).x; }});
      // Both: the norm's gradient joins the sum's.
      check_twins({"gate_add_norm, both", {{shape}, {shape}, weight, mod},
                   [=](Tape& tape, const std::vector<Var>& x) {
                     const GateAddNorm out = fused(tape, x);
                     return gate_add(tape, out.x, out.y);
                   }},
                  exact);
    }
  }
}

TEST("CUDA: gate_add_norm's kernels equal the CPU twins in bf16 as well, and add where asked") {
  skip_without_cuda();
  for (const Shape& shape : kShapes) {
    CONTEXT(shape.text());
    const TwinInput x{.shape = shape}, weight{{shape.last()}, false, 0.3, 1, true}, mod{{shape[0], 6, shape.last()}, false, 0.5, 0, true};
    for (const bool given : {false, true}) {
      // The stored sum is half of 2^-8 off the CPU's at most, and its norm with it: 2^-9 of a number that the shift may
      // then make smaller, and the norm's own rounding.
      check_twins(TwinCalls{"forward", {x, x, weight, mod},
                            [=](Tape& tape, const std::vector<Tensor>& in) {
                              const Tensor sum = tape.empty(shape, in[0].dtype), y = tape.empty(shape, in[0].dtype), rstd = tape.empty({shape.rows()}, DType::f32);
                              const Tensor table = given ? in[3] : Tensor{};
                              tape.program().call<kernels::gate_add_norm_forward>(sum, y, rstd, in[0], in[1], table, 2, in[2], table, 4, 3, 1e-6);
                              return std::vector<Tensor>{sum, y, rstd};
                            }},
                  {.bf16 = 4e-3});
      for (const bool accumulate : {false, true})
        check_twins(TwinCalls{"backward", {x, x, x, x, weight, mod, {.shape = {shape.rows()}, .scale = 0.5, .offset = 1, .wide = true}},
                              [=](Tape& tape, const std::vector<Tensor>& in) {
                                tape.program().call<kernels::gate_add_norm_backward>(in[0], given ? in[1] : Tensor{}, in[2], in[3], in[6], in[4],
                                                                                     given ? in[5] : Tensor{}, 4, given ? in[5] : Tensor{}, 2, accumulate,
                                                                                     !accumulate);
                                return std::vector<Tensor>{in[0], in[1]};
                              }});
    }
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
