// The matrix products of the CUDA twin against the CPU's. Each description runs in float32 and bf16. Under the emulator
// cuBLASLt is a stand-in that knows no algorithm for bf16 rows of odd length, so both ways to compute are met.
#include "ops/kernels.h"
#include "twin.h"

using namespace ace;
using namespace ace::test;

namespace {

struct Sizes {
  int64_t m, n, k;
  std::string text() const { return std::to_string(m) + " x " + std::to_string(n) + " x " + std::to_string(k); }
};

const Sizes kSizes[] = {{1, 1, 1}, {1, 5, 7}, {3, 1, 9}, {17, 33, 65}, {64, 64, 64}, {70, 130, 96}, {8, 192, 40}};

Shape stored(int64_t rows, int64_t cols, bool transposed) { return transposed ? Shape{cols, rows} : Shape{rows, cols}; }

std::string name_of(const Sizes& s, const MatmulSpec& spec) {
  return s.text() + (spec.transpose_a ? ", a^T" : "") + (spec.transpose_b ? ", b^T" : "") + (spec.accumulate ? ", added" : "");
}

// c [+]= alpha op(a) op(b) [+ bias], c an activation or float32.
TwinCalls product_of(const Sizes& s, const MatmulSpec& spec, bool wide_c = false, bool bias = false) {
  TwinCalls calls{name_of(s, spec) + (wide_c ? ", to float32" : "") + (bias ? ", bias" : ""),
                  {{stored(s.m, s.k, spec.transpose_a)}, {stored(s.k, s.n, spec.transpose_b)}, {.shape = {s.m, s.n}, .wide = wide_c}},
                  [=](Tape& tape, const std::vector<Tensor>& x) {
                    matmul(tape, x[2], x[0], x[1], spec, bias ? x[3] : Tensor{});
                    return std::vector<Tensor>{x[2]};
                  }};
  if (bias) calls.inputs.push_back({.shape = {s.n}, .wide = true});
  return calls;
}

}  // namespace

TEST("CUDA: products of every size and transposition equal the CPU twin") {
  skip_without_cuda();
  for (const Sizes& sizes : kSizes)
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true})
        for (const bool accumulate : {false, true})
          check_twins(product_of(sizes, {.transpose_a = transpose_a, .transpose_b = transpose_b, .accumulate = accumulate}));
}

TEST("CUDA: a product to float32, with alpha, with a bias, equals the CPU twin") {
  skip_without_cuda();
  for (const Sizes& sizes : {Sizes{17, 33, 65}, Sizes{24, 64, 48}})
    for (const bool accumulate : {false, true})
      for (const bool wide : {false, true})
        for (const bool bias : {false, true})
          check_twins(product_of(sizes, {.transpose_b = true, .accumulate = accumulate, .alpha = -0.375}, wide, bias));
}

TEST("CUDA: two products of one shape have each its own bias") {
  skip_without_cuda();
  check_twins(TwinCalls{"two biases", {{{16, 24}}, {{24, 32}}, {.shape = {32}, .wide = true}, {.shape = {32}, .wide = true}},
                        [](Tape& tape, const std::vector<Tensor>& x) {
                          return std::vector<Tensor>{product(tape, x[0], x[1], {}, x[2]), product(tape, x[0], x[1], {}, x[3])};
                        }});
}

TEST("CUDA: a bias that is added to bf16 rows in several parts equals the CPU twin") {
  skip_without_cuda();
  // 2^22 float32 numbers are staged at once: 64 rows of these.
  check_twins(product_of({70, 1 << 16, 3}, {.accumulate = true}, false, true));
}

TEST("CUDA: products of views by columns equal the CPU twin and leave the other columns alone") {
  skip_without_cuda();
  struct Skipped {
    int64_t a, b, c;  // columns before the view; 16 in all beside it, so that only the start may be out of line
  };
  for (const Skipped& skipped : {Skipped{8, 8, 8}, Skipped{3, 3, 3}, Skipped{2, 8, 8}, Skipped{8, 2, 8}, Skipped{8, 8, 2}})
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true}) {
        const Sizes s{24, 40, 16};
        const auto whole = [](Shape shape) { return shape.at(-1) += 16, shape; };
        const Shape a = stored(s.m, s.k, transpose_a), b = stored(s.k, s.n, transpose_b);
        const MatmulSpec spec{.transpose_a = transpose_a, .transpose_b = transpose_b, .accumulate = true};
        const bool bias = transpose_a == transpose_b;
        check_twins(TwinCalls{name_of(s, spec) + ", columns skipped: " + std::to_string(skipped.a) + ", " + std::to_string(skipped.b) + ", " +
                                  std::to_string(skipped.c),
                              {{whole(a)}, {whole(b)}, {whole({s.m, s.n})}, {.shape = {s.n}, .wide = true}},
                              [=](Tape& tape, const std::vector<Tensor>& x) {
                                matmul(tape, x[2].columns(skipped.c, s.n), x[0].columns(skipped.a, a.last()), x[1].columns(skipped.b, b.last()), spec,
                                       bias ? x[3] : Tensor{});
                                return std::vector<Tensor>{x[2]};
                              }});
      }
}

TEST("CUDA: a linear layer and its gradient equal the CPU twin") {
  skip_without_cuda();
  for (const Shape& x : {Shape{2, 3, 40}, Shape{3, 7, 33}}) {
    const int64_t out = 48;
    check_twins(TwinOp{"linear", {{x}, {{out, x.last()}, false}, {.shape = {out}, .grad = false, .wide = true}}, [](Tape& tape, const std::vector<Var>& v) {
                         return linear(tape, v[0], v[1].value, v[2].value);
                       }});
  }
}

TEST("CUDA: an empty product leaves the bias and what was there, as the CPU twin") {
  skip_without_cuda();
  for (const bool accumulate : {false, true})
    for (const bool bias : {false, true}) {
      if (!accumulate && !bias) continue;  // all zeros: nothing to hold an error against
      check_twins(product_of({5, 7, 0}, {.transpose_a = true, .accumulate = accumulate}, false, bias));
    }
  check_twins(TwinCalls{"no rows", {{{0, 8}}, {{8, 6}}, {{3, 6}}}, [](Tape& tape, const std::vector<Tensor>& x) {
                          matmul(tape, x[2].slice(0, 0), x[0], x[1]);
                          return std::vector<Tensor>{x[2]};
                        }});
}

namespace {

// Numbers enough for every element that the strides reach.
Shape reached(int64_t batch, int64_t stride, int64_t rows, int64_t row, int64_t cols, int64_t col) {
  return {(batch - 1) * stride + (rows - 1) * row + (cols - 1) * col + 1};
}

void check_batched(const std::string& name, const BatchedSpec& s, const TwinBounds& bounds = {}) {
  for (const bool wide : {false, true})
    check_twins(TwinCalls{name + (wide ? ", to float32" : ""),
                          {{reached(std::max<int64_t>(1, s.batch), s.a_stride, s.m, s.a_row, std::max<int64_t>(1, s.k), s.a_col)},
                           {reached(std::max<int64_t>(1, s.batch), s.b_stride, std::max<int64_t>(1, s.k), s.b_row, s.n, s.b_col)},
                           {.shape = reached(s.reduce ? 1 : s.batch, s.c_stride, s.m, s.c_row, s.n, 1), .wide = wide}},
                          [=](Tape& tape, const std::vector<Tensor>& x) {
                            tape.program().call<kernels::matmul_batched>(x[2], x[0], x[1], s);
                            return std::vector<Tensor>{x[2]};
                          }},
                bounds);
}

}  // namespace

TEST("CUDA: batched products equal the CPU twin whatever their strides") {
  skip_without_cuda();
  BatchedSpec s{.batch = 5, .m = 6, .n = 16, .k = 8, .a_stride = 48, .a_row = 8, .a_col = 1, .b_stride = 128, .b_row = 16, .b_col = 1,
                .c_stride = 96, .c_row = 16, .alpha = 0.5};
  check_batched("items that touch", s);
  s.accumulate = true;
  check_batched("added", s);
  BatchedSpec shared = s;
  shared.b_stride = 0;
  check_batched("one b, as one tall product", shared);
  shared.c_stride = 120;
  check_batched("one b, gaps in c", shared);
  BatchedSpec transposed = s;
  transposed.a_row = 1;
  transposed.a_col = 6;
  transposed.b_row = 1;
  transposed.b_col = 8;
  check_batched("both transposed", transposed);
  BatchedSpec woven = s;
  woven.a_row = 16;
  woven.a_col = 2;
  woven.a_stride = 97;
  check_batched("no stride of one", woven);
  BatchedSpec odd{.batch = 3, .m = 7, .n = 5, .k = 3, .a_stride = 21, .a_row = 3, .a_col = 1, .b_stride = 15, .b_row = 5, .b_col = 1,
                  .c_stride = 37, .c_row = 5};
  check_batched("odd sizes", odd);
  BatchedSpec many{.batch = 65535 + 4, .m = 2, .n = 4, .k = 4, .a_stride = 8, .a_row = 4, .a_col = 1, .b_stride = 16, .b_row = 4, .b_col = 1,
                   .c_stride = 8, .c_row = 4};
  check_batched("more items than a grid is long", many);
  BatchedSpec empty = s;
  empty.k = 0;
  check_batched("k of none", empty);
}

TEST("CUDA: a sum over a batch of products equals the CPU twin") {
  skip_without_cuda();
  BatchedSpec s{.batch = 9, .m = 8, .n = 12, .k = 16, .a_stride = 128, .a_row = 16, .a_col = 1, .b_stride = 192, .b_row = 1, .b_col = 16,
                .c_row = 12, .alpha = 0.5, .accumulate = true, .reduce = true};
  check_batched("items apart", s);
  BatchedSpec joined = s;  // a [m, batch k], b [batch k, n]
  joined.a_row = 144;
  joined.a_stride = 16;
  joined.b_row = 12;
  joined.b_col = 1;
  joined.b_stride = 192;
  check_batched("one long k", joined);
  BatchedSpec many = s;
  many.batch = 520;  // more than the parts it is cut into
  // 8320 terms in two orders: the square root of that many roundings, over a sum that is itself so many terms long.
  check_batched("a long batch", many, {.f32 = 2e-6});
  BatchedSpec none = s;
  none.batch = 0;
  check_batched("a batch of none", none);
}
