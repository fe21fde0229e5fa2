// CUDA twins of the head norms, the activations, the decoder's ends and the quantiser.
#include "twin.h"

using namespace ace;
using namespace ace::test;

namespace {

TwinInput wide(Shape shape, double scale = 1, double offset = 0) { return {.shape = shape, .grad = false, .scale = scale, .offset = offset, .wide = true}; }
TwinInput ints(const std::vector<int32_t>& values) { return given(Shape{static_cast<int64_t>(values.size())}, values); }

}  // namespace

TEST("CUDA: head_norm equals the CPU twin with and without RoPE, for heads that divide into lanes and others") {
  skip_without_cuda();
  for (const int64_t head_dim : {2, 6, 16, 48, 64, 128, 256}) {
    CONTEXT("heads of " << head_dim);
    const Shape shape{2, 7, 3 * head_dim};
    const TwinInput weight = wide({head_dim}, 0.3, 1), table = wide({11, head_dim / 2});
    check_twins({"head_norm", {{shape}, weight}, [](Tape& tape, const std::vector<Var>& x) { return head_norm(tape, x[0], x[1].value, 1e-6); }});
    check_twins({"head_norm with RoPE", {{shape}, weight, table, table}, [](Tape& tape, const std::vector<Var>& x) {
                   return head_norm(tape, x[0], x[1].value, 1e-6, x[2].value, x[3].value);
                 }});
  }
}

TEST("CUDA: head_norm reads and writes views by columns, from any column on, and adds where asked") {
  skip_without_cuda();
  for (const int64_t head_dim : {6, 128})
    for (const int64_t from : {8, 3})
      for (const bool accumulate : {false, true}) {
        const int64_t width = 3 * head_dim, stride = 2 * width + 16;
        CONTEXT("heads of " << head_dim << " from column " << from);
        check_twins(TwinCalls{"head_norm by columns",
                              {{.shape = {2, 5, stride}}, {.shape = {2, 5, stride}}, {.shape = {2, 5, stride}}, wide({head_dim}, 0.3, 1),
                               wide({5, head_dim / 2}), wide({5, head_dim / 2})},
                              [=](Tape& tape, const std::vector<Tensor>& in) {
                                const Tensor x = in[0].columns(from, width), dy = in[1].columns(from, width), dx = in[2].columns(width + from, width);
                                const Tensor y = tape.empty(x.shape, x.dtype), rstd = tape.empty({2 * 5 * 3}, DType::f32);
                                tape.program().call<kernels::head_norm_forward>(y, rstd, x, in[3], in[4], in[5], 1e-6);
                                tape.program().call<kernels::head_norm_backward>(dx, dy, x, rstd, in[3], in[4], in[5], accumulate);
                                return std::vector<Tensor>{y, rstd, in[2]};
                              }});
      }
}

TEST("CUDA: swiglu equals the CPU twin in both inputs, together, alone, and where they are one") {
  skip_without_cuda();
  for (const Shape& shape : {Shape{2, 3, 7}, Shape{1, 1, 3}, Shape{1, 23, 517}, Shape{2, 9, 1024}})
    for (const int wanted : {3, 1, 2, 0}) {
      CONTEXT(shape.text());
      if (wanted == 0) {
        check_twins({"swiglu of one", {{shape}}, [](Tape& tape, const std::vector<Var>& x) { return swiglu(tape, x[0], x[0]); }}, {.bf16 = 4e-3});
        continue;
      }
      check_twins({"swiglu", {{shape, (wanted & 1) != 0, 3}, {shape, (wanted & 2) != 0}}, [](Tape& tape, const std::vector<Var>& x) {
                     return swiglu(tape, x[0], x[1]);
                   }});
    }
}

TEST("CUDA: swiglu reads and writes the two halves of one product's columns, and adds where asked") {
  skip_without_cuda();
  for (const int64_t width : {7, 64, 520})
    for (const int adds : {0, 1, 2, 3}) {
      CONTEXT("width " << width);
      check_twins(TwinCalls{"swiglu by columns", {{.shape = {2, 21, 2 * width}, .scale = 3}, {.shape = {2, 21, 2 * width}}, {.shape = {2, 21, width}}},
                            [=](Tape& tape, const std::vector<Tensor>& in) {
                              const Tensor gate = in[0].columns(0, width), up = in[0].columns(width, width);
                              const Tensor h = tape.empty(gate.shape, gate.dtype);
                              tape.program().call<kernels::swiglu_forward>(h, gate, up);
                              tape.program().call<kernels::swiglu_backward>(in[1].columns(0, width), in[1].columns(width, width), in[2], gate, up,
                                                                            (adds & 1) != 0, (adds & 2) != 0);
                              return std::vector<Tensor>{h, in[1]};
                            }});
    }
}

TEST("CUDA: silu, copies and sums equal the CPU twins, whatever the type they read") {
  skip_without_cuda();
  for (const int64_t n : {1, 255, 2049, 4096})
    for (const bool wide_input : {false, true}) {
      CONTEXT(n << " numbers");
      check_twins(TwinCalls{"silu", {{.shape = {n}}, {.shape = {n}, .scale = 30, .wide = wide_input}}, [](Tape& tape, const std::vector<Tensor>& x) {
                              tape.program().call<kernels::silu>(x[0], x[1]);
                              return std::vector<Tensor>{x[0]};
                            }});
      check_twins(TwinCalls{"fill, copy, add_to", {{.shape = {n}}, {.shape = {n}}}, [](Tape& tape, const std::vector<Tensor>& x) {
                              const Tensor filled = tape.empty(x[0].shape, x[0].dtype), copied = tape.empty(x[0].shape, x[0].dtype);
                              tape.program().call<kernels::fill>(filled, 0.15625);
                              tape.program().call<kernels::copy>(copied, x[0]);
                              tape.program().call<kernels::add_to>(x[0], x[1]);
                              return std::vector<Tensor>{filled, copied, x[0]};
                            }},
                  {.f32 = 0, .bf16 = 0});
    }
}

TEST("CUDA: the sinusoid equals the CPU twin, with a second time and with rounded times") {
  skip_without_cuda();
  for (const int64_t width : {8, 256, 602})
    for (const bool second : {false, true})
      for (const bool rounded : {false, true})
        check_twins(TwinCalls{"sinusoid", {{.shape = {3, width}}, wide({3}, 0.5, 0.5), wide({3}, 0.5, 0.5)}, [=](Tape& tape, const std::vector<Tensor>& x) {
                                tape.program().call<kernels::sinusoid>(x[0], x[1], second ? x[2] : Tensor{}, rounded);
                                return std::vector<Tensor>{x[0]};
                              }});
}

TEST("CUDA: patchify copies as the CPU twin does, for widths that divide by eight and others, and zero beyond the last frame") {
  skip_without_cuda();
  struct Widths {
    int64_t context, x;
  };
  for (const Widths w : {Widths{5, 3}, Widths{16, 8}, Widths{128, 64}})
    for (const int64_t frames : {7, 8})
      for (const bool wide_x : {false, true})
        check_twins(TwinCalls{"patchify",
                              {{.shape = {3, 4, 2 * (w.context + w.x)}}, wide({3, frames, w.context}), {.shape = {3, frames, w.x}, .wide = wide_x}, ints({7, 3, 0})},
                              [](Tape& tape, const std::vector<Tensor>& x) {
                                tape.program().call<kernels::patchify>(x[0], x[1], x[2], x[3]);
                                return std::vector<Tensor>{x[0]};
                              }},
                    {.f32 = 0, .bf16 = 0});
}

TEST("CUDA: the quantiser finds the CPU's codes and indices, and codes of indices") {
  skip_without_cuda();
  for (const std::vector<int32_t>& levels : {std::vector<int32_t>{8, 8, 8, 5, 5, 5}, std::vector<int32_t>{3}}) {
    const auto count = static_cast<int64_t>(levels.size());
    // In bf16 a code that is rounded to bf16 is within half of 2^-8 of it: the twins' own allowance.
    check_twins(TwinCalls{"fsq", {{.shape = {2, 301, count}, .scale = 3}, ints(levels)}, [=](Tape& tape, const std::vector<Tensor>& x) {
                            const Tensor codes = tape.empty(x[0].shape, x[0].dtype), again = tape.empty(x[0].shape, x[0].dtype);
                            const Tensor index = tape.empty({2, 301}, DType::i32);
                            tape.program().call<kernels::fsq_quantise>(codes, index, x[0], x[1]);
                            tape.program().call<kernels::fsq_codes>(again, index, x[1]);
                            return std::vector<Tensor>{codes, index, again};
                          }},
                {.f32 = 0, .bf16 = 0});
  }
}
