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

TEST("gate_add_norm differentiates through its sum, its norm and both, with and without a gate, also where both inputs are one") {
  const Shape shape{2, 3, 11};
  for (const bool gated : {false, true})
    for (const bool modulated : {false, true})
      for (const int used : {1, 2, 3})
        for (const int wanted : {3, 1, 2, 0}) {
          const bool one = wanted == 0;
          std::vector<OpInput> inputs{{shape, (wanted & 1) != 0 || one}};
          if (!one) inputs.push_back({shape, (wanted & 2) != 0});
          check_op(std::string("gate_add_norm") + (gated ? ", gated" : "") + (modulated ? ", modulated" : "") + " " + std::to_string(used), inputs,
                   [&](OpCase& c) {
                     const Tensor weight = c.frozen({11}, 0.3, 1), mod = c.frozen({2, 6, 11}, 0.5);
                     const GateAddNorm out = gate_add_norm(c.tape, c.x[0], one ? c.x[0] : c.x[1], gated ? mod : Tensor{}, 2, weight, 1e-6,
                                                           modulated ? mod : Tensor{}, 4, 3);
                     return used == 1 ? out.x : used == 2 ? out.y : gate_add(c.tape, out.x, out.y, mod, 5);
                   });
        }
}

TEST("gate_add_norm gives the bits of gate_add and rms_norm apart") {
  auto output = [](bool fused) {
    ThreadPool pool(1);
    OpRun run(DType::f32, {{{2, 5, 37}}, {{2, 5, 37}}}, [&](OpCase& c) {
      const Tensor weight = c.frozen({37}, 0.3, 1), mod = c.frozen({2, 6, 37}, 0.5);
      if (fused) {
        const GateAddNorm out = gate_add_norm(c.tape, c.x[0], c.x[1], mod, 2, weight, 1e-6, mod, 4, 3);
        return gate_add(c.tape, out.x, out.y);
      }
      const Var sum = gate_add(c.tape, c.x[0], c.x[1], mod, 2);
      return gate_add(c.tape, sum, rms_norm(c.tape, sum, weight, 1e-6, mod, 4, 3));
    }, true, 1, Recompute::none);
    (void)run.run(pool);
    return std::vector<std::vector<double>>{run.output(), run.gradient(0), run.gradient(1)};
  };
  CHECK(output(true) == output(false));
}

TEST("the gradient of gate_add_norm's sum is completed in place: no copy, no separate gate") {
  Program program;
  Tape tape(program);
  const Shape shape{2, 3, 8};
  const Storage weight({8}, DType::f32, "w"), mod({2, 6, 8}, DType::f32, "mod");
  const Var x = tape.leaf(program.input(shape, DType::f32, "x")), b = tape.leaf(program.input(shape, DType::f32, "b"));
  const GateAddNorm out = gate_add_norm(tape, x, b, mod.tensor(), 2, weight.tensor(), 1e-6);
  const Var y = gate_add(tape, out.x, out.y, mod.tensor(), 5);
  tape.backward(y, program.input(shape, DType::f32, "dy"), true);
  // Forward: the fused pair, the sum. Backward: the second gate, and all else in one call.
  CHECK_EQ(program.calls(), size_t{4});
  CHECK_EQ(tape.gradient(x).buffer, tape.gradient(out.x).buffer);
}

TEST("head_norm and swiglu read and write views by columns") {
  ThreadPool pool(1);
  Stream stream{.pool = &pool};
  Numbers numbers(5);
  auto filled = [&](Shape shape) {
    Storage out(shape, DType::f32, "test");
    for (int64_t i = 0; i < shape.elements(); ++i) set_number(out.tensor(), i, numbers.next());
    return out;
  };
  // A copy of a view whose rows touch.
  auto packed = [](Tensor view) {
    Storage out(view.shape, DType::f32, "packed");
    for (int64_t row = 0; row < view.shape.rows(); ++row)
      for (int64_t i = 0; i < view.shape.last(); ++i)
        out.tensor().as<float>()[row * view.shape.last() + i] = view.as<float>()[row * view.row_stride() + i];
    return out;
  };
  const Storage wide = filled({2, 5, 40}), gradients = filled({2, 5, 40}), weight = filled({6}), cos = filled({5, 3}), sin = filled({5, 3});
  const Tensor x = wide.tensor().columns(3, 18), dy = gradients.tensor().columns(21, 18);
  for (const bool accumulate : {false, true}) {
    const Storage y({2, 5, 18}, DType::f32, "y"), y2({2, 5, 18}, DType::f32, "y"), rstd({30}, DType::f32, "r"), result = filled({2, 5, 40});
    cpu::head_norm_forward(stream, y.tensor(), rstd.tensor(), x, weight.tensor(), cos.tensor(), sin.tensor(), 1e-6);
    cpu::head_norm_forward(stream, y2.tensor(), rstd.tensor(), packed(x).tensor(), weight.tensor(), cos.tensor(), sin.tensor(), 1e-6);
    CHECK(numbers_of(y.tensor()) == numbers_of(y2.tensor()));
    const Tensor dx = result.tensor().columns(10, 18);
    const std::vector<double> before = numbers_of(result.tensor());
    const Storage dx2 = packed(dx);
    cpu::head_norm_backward(stream, dx, dy, x, rstd.tensor(), weight.tensor(), cos.tensor(), sin.tensor(), accumulate);
    cpu::head_norm_backward(stream, dx2.tensor(), packed(dy).tensor(), packed(x).tensor(), rstd.tensor(), weight.tensor(), cos.tensor(),
                            sin.tensor(), accumulate);
    CHECK(numbers_of(packed(dx).tensor()) == numbers_of(dx2.tensor()));
    for (int64_t i = 0; i < 400; ++i)
      if (i % 40 < 10 || i % 40 >= 28) CHECK_EQ(number_at(result.tensor(), i), before[static_cast<size_t>(i)]);

    const Tensor gate = wide.tensor().columns(0, 20), up = wide.tensor().columns(20, 20);
    const Storage h({2, 5, 20}, DType::f32, "h"), h2({2, 5, 20}, DType::f32, "h"), dh = filled({2, 5, 20}), both = filled({2, 5, 40});
    cpu::swiglu_forward(stream, h.tensor(), gate, up);
    cpu::swiglu_forward(stream, h2.tensor(), packed(gate).tensor(), packed(up).tensor());
    CHECK(numbers_of(h.tensor()) == numbers_of(h2.tensor()));
    const Tensor dgate = both.tensor().columns(0, 20), dup = both.tensor().columns(20, 20);
    const Storage dgate2 = packed(dgate), dup2 = packed(dup);
    cpu::swiglu_backward(stream, dgate, dup, dh.tensor(), gate, up, accumulate, accumulate);
    cpu::swiglu_backward(stream, dgate2.tensor(), dup2.tensor(), dh.tensor(), packed(gate).tensor(), packed(up).tensor(), accumulate, accumulate);
    CHECK(numbers_of(packed(dgate).tensor()) == numbers_of(dgate2.tensor()));
    CHECK(numbers_of(packed(dup).tensor()) == numbers_of(dup2.tensor()));
  }
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
  CHECK_THROWS(gate_add_norm(tape, x, y, Tensor{}, 0, eight.tensor(), 1e-6), "gate_add_norm: branch [2, 3, 7]");
  CHECK_THROWS(matmul(tape, y.value, x.value, x.value), "matmul: [2, 3, 8] times [2, 3, 8] does not give [2, 3, 7]");
}
