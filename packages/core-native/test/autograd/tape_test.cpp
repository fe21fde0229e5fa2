// How the tape shares, copies and adds gradients: values used twice, an input that is also an output, blocks run again.
#include "ops/check_op.h"

using namespace ace;
using namespace ace::test;

namespace {

const Shape kShape{2, 3, 8};

Var norm(OpCase& c, const Var& x) { return rms_norm(c.tape, x, c.frozen({8}, 0.3, 1), 1e-6); }

void check_everywhere(const std::string& what, size_t inputs, const OpBody& body) {
  for (const Recompute recompute : kRecomputePolicies) {
    OpOptions options;
    options.recompute = recompute;
    check_op(what, std::vector<OpInput>(inputs, OpInput{kShape}), body, options);
  }
}

}  // namespace

TEST("x + x has twice the gradient") {
  check_everywhere("x + x", 1, [](OpCase& c) { return gate_add(c.tape, c.x[0], c.x[0]); });
}

TEST("x + f(x) adds both ways, whichever comes first") {
  check_everywhere("x + f(x)", 1, [](OpCase& c) { return gate_add(c.tape, c.x[0], norm(c, c.x[0])); });
  check_everywhere("f(x) + x", 1, [](OpCase& c) { return gate_add(c.tape, norm(c, c.x[0]), c.x[0]); });
}

TEST("a long residual stream passes one gradient on without spoiling it") {
  check_everywhere("residuals", 1, [](OpCase& c) {
    Var x = c.x[0];
    for (int layer = 0; layer < 3; ++layer) {
      x = gate_add(c.tape, x, norm(c, x));
      x = gate_add(c.tape, x, linear(c.tape, norm(c, x), c.frozen({8, 8}, 0.5)), c.frozen({2, 6, 8}), layer);
    }
    return x;
  });
}

TEST("a value used by many gets the sum of all their gradients") {
  check_everywhere("fan-out", 2, [](OpCase& c) {
    const Var shared = norm(c, c.x[0]);
    const Var a = linear(c.tape, shared, c.frozen({8, 8})), b = linear(c.tape, shared, c.frozen({8, 8}));
    const Var ab = swiglu(c.tape, a, b), again = gate_add(c.tape, shared, ab), with_other = gate_add(c.tape, c.x[1], again);
    return gate_add(c.tape, with_other, swiglu(c.tape, with_other, shared));
  });
}

TEST("a sum whose parts are sums shares one gradient among all, and each adds to its own") {
  check_everywhere("diamond", 2, [](OpCase& c) {
    const Var s = gate_add(c.tape, c.x[0], c.x[1]), t = gate_add(c.tape, s, c.x[0]), u = gate_add(c.tape, t, s);
    return gate_add(c.tape, u, norm(c, t));
  });
}

TEST("an operator that takes the same value twice adds twice") {
  check_everywhere("swiglu(x, x)", 1, [](OpCase& c) { return swiglu(c.tape, c.x[0], c.x[0]); });
  check_everywhere("attention(x, x, x)", 1, [](OpCase& c) {
    AttentionSpec spec;
    spec.heads = spec.kv_heads = 2;
    return attention(c.tape, c.x[0], c.x[0], c.x[0], spec);
  });
}

TEST("a block run again in the backward pass differentiates like one that was kept") {
  check_everywhere("blocks", 1, [](OpCase& c) {
    // Made once: the body runs twice and must see the same memory.
    const Tensor weight = c.frozen({8}, 0.3, 1), matrix = c.frozen({8, 8}, 0.5);
    Var x = c.x[0];
    for (int i = 0; i < 3; ++i)
      x = c.tape.block(x, [weight, matrix](Tape& tape, const Var& h) {
        return gate_add(tape, h, linear(tape, rms_norm(tape, h, weight, 1e-6), matrix));
      });
    return x;
  });
}

TEST("a part whose insides and result are made again differentiates like one that was kept") {
  check_everywhere("wide parts", 1, [](OpCase& c) {
    const Tensor weight = c.frozen({8}, 0.3, 1), gate = c.frozen({12, 8}, 0.5), up = c.frozen({12, 8}, 0.5), down = c.frozen({8, 12}, 0.5);
    Var x = c.x[0];
    for (int i = 0; i < 2; ++i) {
      const Var wide = c.tape.wide_part(rms_norm(c.tape, x, weight, 1e-6), [gate, up](Tape& tape, const Var& h) {
        return swiglu(tape, linear(tape, h, gate), linear(tape, h, up));
      });
      // Its result is asked for by a rule that runs before its own, and twice.
      x = gate_add(c.tape, x, linear(c.tape, swiglu(c.tape, wide, wide), down));
    }
    return x;
  });
}

TEST("a result that lies where its base did hands on what others add to its gradient") {
  check_everywhere("in place", 2, [](OpCase& c) {
    const Var base = linear(c.tape, c.x[0], c.frozen({8, 8}, 0.5));
    c.tape.program().call<kernels::add_to>(base.value, c.x[1].value);
    const Var sum = c.tape.record_in_place(base, {c.x[1]}, [tape = &c.tape, other = c.x[1]](Tensor dy) {
      if (other.needs_grad()) tape->pass_grad(other, dy);
    });
    // Shared with x[0] and with norm's result when norm's rule comes to add to it.
    return gate_add(c.tape, gate_add(c.tape, c.x[0], sum), norm(c, sum));
  });
}

TEST("pieces of a split must fill it, and each must be reached by the backward pass") {
  Program program;
  Tape tape(program);
  const Storage matrix({8, 8}, DType::f32, "m");
  const Var y = linear(tape, tape.leaf(program.input(kShape, DType::f32, "x")), matrix.tensor());
  CHECK_THROWS(tape.split(y, {3, 4}), "split: pieces of 7 columns do not fill [2, 3, 8]");
  const Var z = linear(tape, tape.leaf(program.input(kShape, DType::f32, "z")), matrix.tensor());
  const std::vector<Var> pieces = tape.split(z, {3, 5});
  const Storage narrow({8, 3}, DType::f32, "n");
  const Var root = linear(tape, pieces[0], narrow.tensor());
  CHECK_THROWS((tape.backward(root, program.input(kShape, DType::f32, "dy")), 0), "split: no gradient reached a piece of [2, 3, 8]");
}

TEST("a value that is made again is made once, however many rules ask for it") {
  for (const Recompute recompute : kRecomputePolicies) {
    Program program;
    Tape tape(program, recompute, true);
    const Var x = tape.leaf(program.input(kShape, DType::f32, "x"));
    int made = 0;
    tape.cheap(x, [&] {
      ++made;
      return program.tensor(kShape, DType::f32);
    });
    CHECK_EQ(made, 0);
    const Tensor first = tape.saved(x), second = tape.saved(x);
    CHECK_EQ(first.buffer, second.buffer);
    const bool again = recompute == Recompute::cheap || recompute == Recompute::mlp;
    CHECK_EQ(made, again ? 1 : 0);
    CHECK_EQ(first.buffer == x.value.buffer, !again);
  }
}

TEST("a gradient is copied only where somebody else still reads it") {
  // Copies in the backward pass of a stream x + f(x): one where f's result, which shares the sum's gradient, is still read.
  auto copies = [](int layers) {
    Program program;
    Tape tape(program);
    const Storage weight({8}, DType::f32, "w"), matrix({8, 8}, DType::f32, "m");
    Var x = tape.leaf(program.input(kShape, DType::f32, "x"));
    for (int layer = 0; layer < layers; ++layer) x = gate_add(tape, x, linear(tape, rms_norm(tape, x, weight.tensor(), 1e-6), matrix.tensor()));
    tape.backward(x, program.input(kShape, DType::f32, "dy"), true);
    int count = 0;
    for (const CallCost& cost : program.costs()) count += cost.name.starts_with("copy ") ? 1 : 0;
    return count;
  };
  CHECK_EQ(copies(1), 0);
  CHECK_EQ(copies(4), 0);
}

TEST("what is probed within a block is found, also where the block is run again") {
  for (const Recompute recompute : kRecomputePolicies) {
    Program program;
    std::unordered_map<std::string, Tensor> probes;
    Tape tape(program, recompute, true);
    tape.set_probes(&probes);
    const Storage weight({8}, DType::f32, "w");
    (void)tape.block(tape.leaf(program.input(kShape, DType::f32, "x")), [&](Tape& inner, const Var& h) {
      const Var out = rms_norm(inner, h, weight.tensor(), 1e-6);
      inner.probe("normed", out.value);
      return out;
    });
    CHECK_EQ(probes.count("normed"), size_t{1});
  }
}

TEST("a policy with a number of layers recomputes the first so, and the others as the next faster policy does") {
  const auto kinds = [](const std::string& text) {
    std::string out;
    for (int64_t layer = 0; layer < 4; ++layer) out += std::string(name(recompute_named(text).of(layer))) + " ";
    return out;
  };
  CHECK_EQ(kinds("none"), std::string("none none none none "));
  CHECK_EQ(kinds("mlp"), std::string("mlp mlp mlp mlp "));
  CHECK_EQ(kinds("cheap:3"), std::string("cheap cheap cheap none "));
  CHECK_EQ(kinds("mlp:2"), std::string("mlp mlp cheap cheap "));
  CHECK_EQ(kinds("block:1"), std::string("block mlp mlp mlp "));
  CHECK_EQ(kinds("block:9"), std::string("block block block block "));
  for (const char* text : {"", "some", "none:2", "mlp:", "mlp:0", "mlp:-1", "mlp:2.5", "mlp:2x", "mlp: 2", "mlp:99999999999999999999", ":3"})
    CHECK_THROWS(recompute_named(text), "recompute: expected none, cheap, mlp or block, or one of the last three with a number of layers such as mlp:12, got ");
}

TEST("each block is traced under its own policy, and what follows the last as in it") {
  Program program;
  Tape tape(program, {Recompute::mlp, 2}, true);
  std::vector<std::string> met;
  const auto note = [&met](Tape& inner, const Var& x) {
    met.emplace_back(name(inner.recompute()));
    return x;
  };
  Var x = tape.leaf(program.input(kShape, DType::f32, "x"));
  for (int layer = 0; layer < 3; ++layer) x = tape.block(x, note);
  note(tape, x);
  CHECK(met == (std::vector<std::string>{"mlp", "mlp", "cheap", "cheap"}));
}

TEST("a block of constants that meets no parameter is not recorded") {
  Program program;
  Tape tape(program, Recompute::block, true);
  const Tensor x = program.input(kShape, DType::f32, "x");
  const Storage weight({8}, DType::f32, "w");
  const Var y = tape.block(Tape::constant(x), [&](Tape& inner, const Var& h) { return rms_norm(inner, h, weight.tensor(), 1e-6); });
  CHECK(!y.needs_grad());
  const size_t calls = program.calls();
  tape.backward(y, x);
  CHECK_EQ(program.calls(), calls);
}

TEST("nothing below the first parameter runs backward") {
  auto backward_calls = [](int below) {
    Program program;
    Tape tape(program);
    Var x = Tape::constant(program.input(kShape, DType::f32, "x"));
    const Storage weight({8}, DType::f32, "w"), matrix({8, 8}, DType::f32, "m"), gradient({8, 8}, DType::f32, "d");
    for (int i = 0; i < below; ++i) x = linear(tape, rms_norm(tape, x, weight.tensor(), 1e-6), matrix.tensor());
    const Var parameter = tape.parameter(program.fixed(matrix.tensor()), program.fixed(gradient.tensor()));
    const Var y = tape.record(product(tape, x.value, parameter.value, {.transpose_b = true}), {x, parameter}, [&](Tensor dy) {
      matmul(tape, tape.grad(parameter).tensor, dy, x.value, {.transpose_a = true, .accumulate = true});
    });
    const size_t forward = program.calls();
    tape.backward(y, program.input(kShape, DType::f32, "dy"));
    return program.calls() - forward;
  };
  CHECK_EQ(backward_calls(0), size_t{1});
  CHECK_EQ(backward_calls(5), size_t{1});
}

TEST("a tape without gradients records nothing") {
  Program program;
  Tape tape(program, Recompute::none, false);
  const Storage weight({8}, DType::f32, "w");
  const Var x = tape.leaf(program.input(kShape, DType::f32, "x"));
  CHECK(!x.needs_grad());
  CHECK(!rms_norm(tape, x, weight.tensor(), 1e-6).needs_grad());
}

TEST("backward leaves the gradient it was given unchanged, unless it may overwrite it") {
  for (const bool may_overwrite : {false, true}) {
    Program program;
    Tape tape(program);
    const Var x = tape.leaf(program.input(kShape, DType::f32, "x"));
    const Tensor dy = program.input(kShape, DType::f32, "dy");
    program.keep(dy);
    const Var y = gate_add(tape, x, x);
    program.keep(y.value);
    tape.backward(y, dy, may_overwrite);
    const Tensor dx = tape.gradient(x);
    program.keep(dx);
    Storage arena({program.plan()}, DType::u8, "arena");
    program.bind(arena.data());
    for (int64_t i = 0; i < 48; ++i) set_number(program.bound(dy), i, static_cast<double>(i));
    ThreadPool pool(1);
    Stream stream{DeviceKind::cpu, &pool, nullptr};
    program.run(stream);
    for (int64_t i = 0; i < 48; ++i) {
      CHECK_EQ(number_at(program.bound(dx), i), 2.0 * static_cast<double>(i));
      if (!may_overwrite) CHECK_EQ(number_at(program.bound(dy), i), static_cast<double>(i));
    }
  }
}

TEST("a leaf that nothing reached has no gradient") {
  Program program;
  Tape tape(program);
  const Var x = tape.leaf(program.input(kShape, DType::f32, "x")), other = tape.leaf(program.input(kShape, DType::f32, "other"));
  tape.backward(gate_add(tape, x, x), program.input(kShape, DType::f32, "dy"));
  CHECK(tape.gradient(x).given());
  CHECK(!tape.gradient(other).given());
  CHECK(!tape.gradient(Tape::constant(x.value)).given());
}
