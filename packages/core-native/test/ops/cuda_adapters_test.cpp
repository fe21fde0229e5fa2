// The adapters' CUDA kernels against the CPU's, each alone. Widths around the eight columns of a thread and the 512 of a
// block, aligned to 16 bytes and not.
#include <cmath>

#include "ops/lokr_split.h"
#include "twin.h"

using namespace ace;
using namespace ace::test;

namespace {

const Shape kRows[] = {{1, 1, 3}, {2, 3, 7}, {3, 5, 64}, {1, 35, 136}, {2, 9, 515}};

TwinInput activation(Shape shape) { return {.shape = shape, .grad = false}; }
TwinInput positive(Shape shape) { return {.shape = shape, .grad = false, .scale = 0.4, .offset = 1, .wide = true}; }
TwinInput counters(int64_t batch) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < 2 + batch; ++i) values.push_back(0x123456789 * i + 3);
  return given(Shape{2 + batch}, values);
}
// Partial sums live on CUDA only.
Tensor scratch_on_cuda(Tape& tape, Shape shape) {
  return tape.program().device() == DeviceKind::cuda ? tape.empty(shape, DType::f32) : Tensor{};
}

}  // namespace

TEST("CUDA: dropout draws the CPU twin's mask, written and added") {
  skip_without_cuda();
  for (const Shape& shape : kRows)
    for (const bool accumulate : {false, true}) {
      CONTEXT(shape.text());
      check_twins({"dropout", {activation(shape), activation(shape), counters(shape[0])}, [&](Tape& tape, const std::vector<Tensor>& x) {
                     tape.program().call<kernels::dropout>(x[0], x[1], x[2], 0.3, 7, accumulate);
                     return std::vector<Tensor>{x[0]};
                   }});
    }
}

TEST("CUDA: rank dropout draws the CPU twin's columns, scaled or not, on views by columns") {
  skip_without_cuda();
  for (const Shape& shape : kRows)
    for (const bool scale : {false, true})
      for (const bool accumulate : {false, true})
        for (const int64_t before : {0, 8, 3}) {
          CONTEXT(shape.text() << " from column " << before);
          Shape whole = shape;
          whole.at(-1) += before;
          check_twins({"drop_columns", {activation(whole), activation(shape), counters(shape[0])}, [&](Tape& tape, const std::vector<Tensor>& x) {
                         const Tensor y = x[0].columns(before, shape.last());
                         tape.program().call<kernels::drop_columns>(y, x[1], x[2], 0.4, scale, 11, accumulate);
                         return std::vector<Tensor>{x[0]};
                       }});
        }
}

TEST("CUDA: DoRA's column scaling, its change of y and its magnitudes' gradient equal the CPU twin") {
  skip_without_cuda();
  for (const Shape& shape : kRows)
    for (const int64_t before : {0, 8, 3}) {
      CONTEXT(shape.text() << " from column " << before);
      const int64_t width = shape.last();
      Shape whole = shape;
      whole.at(-1) += before;
      check_twins({"scale_columns", {activation(whole), activation(shape), positive({width}), positive({width})},
                   [&](Tape& tape, const std::vector<Tensor>& x) {
                     tape.program().call<kernels::scale_columns>(x[0].columns(before, width), x[1], x[2], x[3]);
                     return std::vector<Tensor>{x[0]};
                   }});
      check_twins({"dora_change", {activation(whole), activation(shape), activation(shape), positive({width}), positive({width})},
                   [&](Tape& tape, const std::vector<Tensor>& x) {
                     const Tensor y = x[0].columns(before, width);
                     tape.program().call<kernels::dora_change>(y, y, x[1], x[2], x[3], x[4], 0.7);
                     return std::vector<Tensor>{x[0]};
                   }});
      check_twins({"blend", {activation(whole), activation(shape)}, [&](Tape& tape, const std::vector<Tensor>& x) {
                     tape.program().call<kernels::blend>(x[1], x[0].columns(before, width), x[1], 0.3);
                     return std::vector<Tensor>{x[1]};
                   }});
      for (const int64_t parts : {1, 4})
        check_twins({"magnitude_backward", {positive({width}), activation(whole), activation(shape), positive({width})},
                     [&](Tape& tape, const std::vector<Tensor>& x) {
                       tape.program().call<kernels::magnitude_backward>(x[0], x[1].columns(before, width), x[2], x[3],
                                                                        scratch_on_cuda(tape, {parts, width}));
                       return std::vector<Tensor>{x[0]};
                     }});
    }
}

TEST("CUDA: sums, products and norms of whole weights equal the CPU twin") {
  skip_without_cuda();
  for (const Shape& shape : {Shape{3, 7}, Shape{5, 64}, Shape{9, 515}, Shape{2, 2056}}) {
    CONTEXT(shape.text());
    check_twins({"add_weight", {activation(shape), activation(shape)}, [&](Tape& tape, const std::vector<Tensor>& x) {
                   Tensor sum = tape.empty(shape, x[0].dtype);
                   tape.program().call<kernels::add_weight>(sum, x[0], x[1]);
                   return std::vector<Tensor>{sum};
                 }});
    for (const bool accumulate : {false, true})
      check_twins({"multiply", {activation(shape), activation(shape), activation(shape)}, [&](Tape& tape, const std::vector<Tensor>& x) {
                     tape.program().call<kernels::multiply>(x[0], x[1], x[2], -0.6, accumulate);
                     return std::vector<Tensor>{x[0]};
                   }});
    check_twins({"scale_rows", {activation(shape), positive({shape[0]}), positive({shape[0]})}, [&](Tape& tape, const std::vector<Tensor>& x) {
                   Tensor y = tape.empty(shape, x[0].dtype);
                   tape.program().call<kernels::scale_rows>(y, x[0], x[1], x[2]);
                   return std::vector<Tensor>{y};
                 }});
    check_twins({"row_norm", {activation(shape), activation(shape), positive({shape[0]})}, [&](Tape& tape, const std::vector<Tensor>& x) {
                   Tensor both = tape.empty({shape[0]}, x[2].dtype), one = tape.empty({shape[0]}, x[2].dtype);
                   tape.program().call<kernels::row_norm>(both, x[0], x[1]);
                   tape.program().call<kernels::row_norm>(one, x[0], Tensor{});
                   return std::vector<Tensor>{both, one};
                 }});
    const Shape thin{shape[0], 5}, across{5, shape[0]};
    check_twins({"dora_norm", {activation(shape), positive(across), positive({5, 5}), activation(thin)},
                 [&](Tape& tape, const std::vector<Tensor>& x) {
                   Tensor norm = tape.empty({shape[0]}, x[1].dtype);
                   tape.program().call<kernels::dora_norm>(norm, x[0], x[1], x[2], x[3], 0.25);
                   return std::vector<Tensor>{norm};
                 }});
    check_twins({"weight_decompose", {activation(shape), activation(shape), positive({shape[0]}), activation(shape), positive({shape[0]})},
                 [&](Tape& tape, const std::vector<Tensor>& x) {
                   Tensor wd = tape.empty(shape, x[0].dtype), norm = tape.empty({shape[0]}, x[2].dtype), ddelta = tape.empty(shape, x[0].dtype);
                   tape.program().call<kernels::weight_decompose_forward>(wd, norm, x[0], x[1], x[2]);
                   tape.program().call<kernels::weight_decompose_backward>(ddelta, x[4], x[3], x[0], x[1], norm, x[2]);
                   return std::vector<Tensor>{wd, norm, ddelta, x[4]};
                 }});
  }
}

namespace {
struct Factors {
  int64_t a, b, c, d;
};
}  // namespace

TEST("CUDA: Kronecker products and their gradients equal the CPU twin") {
  skip_without_cuda();
  for (const Factors f : {Factors{1, 1, 3, 5}, Factors{3, 2, 5, 7}, Factors{4, 8, 16, 40}}) {
    CONTEXT(f.a << " " << f.b << " " << f.c << " " << f.d);
    check_twins({"kron", {activation({f.a, f.b}), activation({f.c, f.d})}, [&](Tape& tape, const std::vector<Tensor>& x) {
                   Tensor delta = tape.empty({f.a * f.c, f.b * f.d}, x[0].dtype);
                   tape.program().call<kernels::kron>(delta, x[0], x[1], 0.7);
                   return std::vector<Tensor>{delta};
                 }});
    for (const bool wide : {true, false}) {
      const TwinInput dw1{.shape = {f.a, f.b}, .grad = false, .wide = wide}, dw2{.shape = {f.c, f.d}, .grad = false, .wide = wide};
      check_twins({"kron_backward", {dw1, dw2, activation({f.a * f.c, f.b * f.d}), activation({f.a, f.b}), activation({f.c, f.d})},
                   [&](Tape& tape, const std::vector<Tensor>& x) {
                     tape.program().call<kernels::kron_backward>(x[0], x[1], x[2], x[3], x[4], 0.7);
                     return std::vector<Tensor>{x[0], x[1]};
                   }});
    }
  }
}

TEST("CUDA: LoKr's fused kernels equal the CPU twin, for the model's factors and odd ones, on views by columns") {
  skip_without_cuda();
  struct Case {
    Factors f;
    Shape rows;
  };
  // 2048 = 32 x 64 = 4 x 512 = 8 x 256, 2560 = 40 x 64, 6144 = 64 x 96, 9728 = 76 x 128; sizes that no tensor core takes.
  const Case cases[] = {{{32, 32, 64, 64}, {1, 9}},  {{40, 32, 64, 64}, {2, 3}}, {{64, 32, 96, 64}, {1, 5}}, {{32, 76, 64, 128}, {1, 2}},
                        {{4, 4, 72, 136}, {3, 7}},   {{8, 8, 40, 64}, {1, 33}},  {{1, 1, 13, 7}, {2, 5}},    {{3, 2, 5, 7}, {1, 11}},
                        {{5, 3, 8, 16}, {1, 70}}};
  for (const auto& [f, rows] : cases)
    for (const int64_t before : {0, 8, 3}) {
      CONTEXT(f.a << " " << f.b << " " << f.c << " " << f.d << " from column " << before);
      const Shape in{rows[0], rows[1], f.b * f.d}, out{rows[0], rows[1], f.a * f.c}, whole{rows[0], rows[1], before + f.a * f.c};
      // The intermediate is rounded to bf16 (2^-9 of itself, each sum of many), as its twin's is not.
      const TwinBounds bounds{.f32 = 2e-6, .bf16 = 4e-3};
      for (const bool accumulate : {true, false})
        check_twins({"lokr_forward and lokr_backward_x", {activation(whole), activation(in), activation(in), activation({f.a, f.b}), activation({f.c, f.d})},
                     [&](Tape& tape, const std::vector<Tensor>& x) {
                       const Tensor y = x[0].columns(before, f.a * f.c);
                       tape.program().call<kernels::lokr_backward_x>(x[2], y, x[3], x[4], 0.3, accumulate);
                       tape.program().call<kernels::lokr_forward>(y, x[1], x[3], x[4], 0.3, accumulate);
                       return std::vector<Tensor>{x[0], x[2]};
                     }},
                    bounds);
      for (const bool wide : {true, false}) {
        const TwinInput dw1{.shape = {f.a, f.b}, .grad = false, .wide = wide}, dw2{.shape = {f.c, f.d}, .grad = false, .wide = wide};
        check_twins({"lokr_backward_w", {dw1, dw2, activation(whole), activation(in), activation({f.a, f.b}), activation({f.c, f.d})},
                     [&](Tape& tape, const std::vector<Tensor>& x) {
                       const Tensor scratch = scratch_on_cuda(tape, {LokrSplit(rows.elements(), f.a, f.b, f.c, f.d).elements});
                       tape.program().call<kernels::lokr_backward_w>(x[0], x[1], x[2].columns(before, f.a * f.c), x[3], x[4], x[5], 0.3, scratch);
                       return std::vector<Tensor>{x[0], x[1]};
                     }},
                    bounds);
      }
    }
}
