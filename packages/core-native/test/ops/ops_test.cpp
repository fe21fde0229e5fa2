// Every differentiable operator but attention: see check_op.h for what is checked. Sizes are odd, prime, one.
#include "check_op.h"

using namespace ace;
using namespace ace::test;

TEST("linear passes its gradient through the frozen weight") {
  for (const bool bias : {false, true})
    for (const Shape& shape : {Shape{2, 5, 7}, Shape{1, 1, 1}, Shape{3, 17, 31}}) {
      check_op("linear " + shape.text() + (bias ? " with bias" : ""), {{shape}}, [&](OpCase& c) {
        const Tensor weight = c.frozen({13, shape.last()});
        return linear(c.tape, c.x[0], weight, bias ? c.frozen({13}) : Tensor{});
      });
    }
}

TEST("linear refuses an x whose last axis is not the weight's") {
  Program program;
  Tape tape(program);
  const Storage weight({3, 4}, DType::f32, "w");
  CHECK_THROWS(linear(tape, tape.leaf(program.input({2, 5}, DType::f32, "x")), weight.tensor()), "linear: weight [3, 4] does not fit x [2, 5]");
}

TEST("rms_norm differentiates with and without modulation") {
  for (const Shape& shape : {Shape{2, 3, 19}, Shape{1, 1, 2}, Shape{3, 5, 64}}) {
    check_op("rms_norm " + shape.text(), {{shape}}, [&](OpCase& c) { return rms_norm(c.tape, c.x[0], c.frozen({shape.last()}, 0.3, 1), 1e-6); });
    check_op("modulated rms_norm " + shape.text(), {{shape}}, [&](OpCase& c) {
      const Tensor weight = c.frozen({shape.last()}, 0.3, 1), mod = c.frozen({shape[0], 6, shape.last()}, 0.5);
      return rms_norm(c.tape, c.x[0], weight, 1e-6, mod, 4, 3);
    });
  }
}

TEST("rms_norm of a tiny row is damped by eps, not blown up") {
  OpOptions options;
  options.bound = 1e-4;  // the third derivative grows with 1 / eps
  check_op("rms_norm near zero", {{{2, 2, 7}, true, 1e-3}}, [](OpCase& c) { return rms_norm(c.tape, c.x[0], c.frozen({7}, 0.3, 1), 1e-6); },
           options);
}

TEST("head_norm differentiates with and without RoPE") {
  for (const int64_t head_dim : {2, 6, 16}) {
    const Shape shape{2, 7, 3 * head_dim};
    check_op("head_norm " + shape.text(), {{shape}}, [&](OpCase& c) { return head_norm(c.tape, c.x[0], c.frozen({head_dim}, 0.3, 1), 1e-6); });
    check_op("head_norm with RoPE " + shape.text(), {{shape}}, [&](OpCase& c) {
      const Tensor weight = c.frozen({head_dim}, 0.3, 1), cos = c.frozen({11, head_dim / 2}), sin = c.frozen({11, head_dim / 2});
      fill_rope(cos, sin, 1e4);
      return head_norm(c.tape, c.x[0], weight, 1e-6, cos, sin);
    });
  }
}

TEST("RoPE turns a head by its position: lengths stay, and position 0 stays where it is") {
  ThreadPool pool(1);
  OpRun run(DType::f64, {{{1, 9, 6}}}, [](OpCase& c) {
    const Tensor ones = c.frozen({6}, 0, 1), cos = c.frozen({9, 3}), sin = c.frozen({9, 3});
    fill_rope(cos, sin, 1e6);
    return head_norm(c.tape, c.x[0], ones, 0, cos, sin);
  }, false, 1, Recompute::none);
  (void)run.run(pool);
  const std::vector<double> y = run.output();
  for (int64_t l = 0; l < 9; ++l) {
    double before = 0, after = 0;
    for (int64_t d = 0; d < 6; ++d) {
      before += run.values(0)[static_cast<size_t>(l * 6 + d)] * run.values(0)[static_cast<size_t>(l * 6 + d)];
      after += y[static_cast<size_t>(l * 6 + d)] * y[static_cast<size_t>(l * 6 + d)];
    }
    CHECK_NEAR(after, 6, 1e-5);  // the norm makes every head sqrt(6) long; the tables are float32
    if (l == 0)
      for (int64_t d = 0; d < 6; ++d) CHECK_NEAR(y[static_cast<size_t>(d)], run.values(0)[static_cast<size_t>(d)] / std::sqrt(before / 6), 1e-12);
  }
}

TEST("swiglu differentiates in both of its inputs, together and alone") {
  for (const Shape& shape : {Shape{2, 3, 7}, Shape{1, 1, 1}, Shape{1, 23, 29}})
    for (const int wanted : {3, 1, 2})
      check_op("swiglu " + shape.text(), {{shape, (wanted & 1) != 0, 3}, {shape, (wanted & 2) != 0}},
               [](OpCase& c) { return swiglu(c.tape, c.x[0], c.x[1]); });
}

TEST("gate_add differentiates with and without a gate, in both of its inputs, together and alone") {
  const Shape shape{2, 3, 11};
  for (const bool gated : {false, true})
    for (const int wanted : {3, 1, 2})
      check_op(gated ? "gate_add" : "add", {{shape, (wanted & 1) != 0}, {shape, (wanted & 2) != 0}}, [&](OpCase& c) {
        return gate_add(c.tape, c.x[0], c.x[1], gated ? c.frozen({2, 6, 11}) : Tensor{}, 5);
      });
}

TEST("operators refuse shapes that do not fit, naming both") {
  Program program;
  Tape tape(program);
  const Var x = tape.leaf(program.input({2, 3, 8}, DType::f32, "x")), y = tape.leaf(program.input({2, 3, 7}, DType::f32, "y"));
  const Storage weight({7}, DType::f32, "w"), table({2, 4}, DType::f32, "t"), eight({8}, DType::f32, "w");
  CHECK_THROWS(rms_norm(tape, x, weight.tensor(), 1e-6), "rms_norm: weight [7]");
  CHECK_THROWS(head_norm(tape, x, weight.tensor(), 1e-6), "head_norm: heads of 7 do not fit x [2, 3, 8]");
  CHECK_THROWS(head_norm(tape, x, eight.tensor(), 1e-6, table.tensor(), table.tensor()), "head_norm: RoPE tables [2, 4]");
  CHECK_THROWS(swiglu(tape, x, y), "swiglu: gate [2, 3, 8] and up [2, 3, 7] differ");
  CHECK_THROWS(gate_add(tape, x, y), "gate_add: x [2, 3, 8] and branch [2, 3, 7] differ");
  CHECK_THROWS(matmul(tape, y.value, x.value, x.value), "matmul: [2, 3, 8] times [2, 3, 8] does not give [2, 3, 7]");
}
