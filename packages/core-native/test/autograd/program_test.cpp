// The planner: no two buffers that live at the same time overlap, the arena is nearly as small as can be, and the planned
// program computes what separate memory would.
#include "autograd/lives.h"
#include "ops/check_op.h"

using namespace ace;
using namespace ace::test;

namespace {

// A program of random copies and sums over tensors of random sizes, and what it must leave in its outputs.
struct RandomProgram {
  explicit RandomProgram(uint64_t seed) : numbers(seed) {
    std::vector<Tensor> alive;
    std::vector<double> values;
    const int count = pick(5, 60);
    for (int i = 0; i < count; ++i) {
      const int64_t size = pick(0, 3) == 0 ? pick(1, 3000) : pick(1, 40);
      const Tensor made = i < 3 ? program.input({size}, DType::f32, "in") : program.tensor({size}, DType::f32);
      if (i < 3) {
        inputs.push_back(made);
        values.push_back(i + 1);
      } else {
        program.call<kernels::fill>(made, static_cast<double>(i));
        values.push_back(i);
      }
      alive.push_back(made);
      // Equal sizes add up; a slice of a larger one stands for a view.
      for (int tries = 0; tries < 2; ++tries) {
        const size_t from = static_cast<size_t>(pick(0, static_cast<int>(alive.size()) - 1));
        if (alive[from].elements() < size || from + 1 == alive.size()) continue;
        program.call<kernels::add_to>(made, alive[from].slice(0, size));
        values.back() += values[from];
      }
      if (pick(0, 4) == 0) {
        program.keep(made);
        kept.emplace_back(made, alive.size() - 1);
      }
    }
    for (const auto& [tensor, at] : kept) expected.push_back(values[at]);
    program.plan();
  }
  int pick(int low, int high) { return low + static_cast<int>((numbers.next() + 1) / 2 * (high - low + 1)); }

  Numbers numbers;
  Program program;
  std::vector<Tensor> inputs;
  std::vector<std::pair<Tensor, size_t>> kept;
  std::vector<double> expected;
};

}  // namespace

TEST("no two buffers that live at the same time overlap, in a thousand random programs") {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    CONTEXT("seed " << seed);
    const RandomProgram random(seed);
    CHECK_EQ(overlaps(random.program), 0);
    CHECK(random.program.arena_bytes() >= lower_bound(random.program));
  }
}

TEST("a planned program leaves the same outputs as separate memory would, run after run") {
  ThreadPool pool(2);
  Stream stream{DeviceKind::cpu, &pool, nullptr};
  for (uint64_t seed = 0; seed < 200; ++seed) {
    CONTEXT("seed " << seed);
    RandomProgram random(seed);
    Program& program = random.program;
    Storage arena({std::max<int64_t>(1, program.arena_bytes())}, DType::u8, "arena");
    program.bind(arena.data());
    for (int again = 0; again < 2; ++again) {
      for (size_t i = 0; i < random.inputs.size(); ++i) {
        const Tensor in = program.bound(random.inputs[i]);
        for (int64_t e = 0; e < in.elements(); ++e) set_number(in, e, static_cast<double>(i + 1));
      }
      program.run(stream);
      for (size_t k = 0; k < random.kept.size(); ++k) {
        const std::vector<double> out = numbers_of(program.bound(random.kept[k].first));
        CHECK(std::all_of(out.begin(), out.end(), [&](double x) { return x == random.expected[k]; }));
      }
    }
  }
  CHECK(true);
}

TEST("buffers are aligned to a cache line and lie inside the arena") {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const RandomProgram random(seed);
    for (const Buffer& b : random.program.buffers())
      if (in_arena(b)) CHECK(b.offset % 64 == 0 && b.offset + b.bytes <= random.program.arena_bytes());
  }
}

TEST("an input that nothing reads and an output that nothing writes still have a place") {
  Program program;
  const Tensor unread = program.input({100}, DType::f32, "unread"), unwritten = program.tensor({100}, DType::f32);
  program.keep(unwritten);
  const Tensor forgotten = program.tensor({100}, DType::f32);
  CHECK_EQ(program.plan(), 448);  // the input is done with before the output begins
  Storage arena({program.arena_bytes()}, DType::u8, "arena");
  program.bind(arena.data());
  CHECK(program.bound(unread).data != nullptr && program.bound(unwritten).data != nullptr);
  CHECK(program.bound(forgotten).data == nullptr);
}

TEST("memory that outlives the program takes no place in the arena and is one buffer however often it is named") {
  Program program;
  const Storage weight({1000}, DType::f32, "w");
  const Tensor a = program.fixed(weight.tensor(), "w"), b = program.fixed(weight.tensor(), "again");
  CHECK_EQ(a.buffer, b.buffer);
  const Tensor out = program.tensor({1000}, DType::f32);
  program.call<kernels::copy>(out, weight.tensor());
  program.keep(out);
  CHECK_EQ(program.plan(), 4032);
  CHECK_THROWS(program.fixed(Tensor{}, "nothing"), "the tensor has no memory: nothing");
}

TEST("describe prints every call, one a line, with shapes, names and offsets") {
  Program program;
  const Tensor x = program.input({2, 3}, DType::f32, "latents"), y = program.tensor({2, 3}, DType::f32, "sum");
  program.call<kernels::copy>(y, x);
  program.call<kernels::add_to>(y, x);
  program.keep(y);
  program.plan();
  const std::string text = program.describe();
  CHECK_EQ(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')), program.calls() + 1);
  CHECK(text.find("arena 128 bytes, 2 calls\n") == 0);
  CHECK(text.find("copy sum[2, 3]@") != std::string::npos);
  CHECK(text.find("add_to sum[2, 3]@") != std::string::npos && text.find("latents[2, 3]@") != std::string::npos);
}

TEST("a call's cost counts its operations and each crossing of memory") {
  Program program;
  const Tensor a = program.input({3, 5}, DType::f32, "a"), b = program.input({7, 5}, DType::f32, "b");
  const Tensor c = program.tensor({3, 7}, DType::f32);
  Tape tape(program);
  matmul(tape, c, a, b, {.transpose_b = true}, {});
  matmul(tape, c, a, b, {.transpose_b = true, .accumulate = true}, {});
  const Tensor row = program.tensor({3}, DType::f32), weight = program.input({5}, DType::f32, "weight"), da = program.tensor({3, 5}, DType::f32);
  program.call<kernels::rms_norm_backward>(da, a, a, row, weight, Tensor{}, 0, true);
  const Tensor up = program.tensor({3, 7}, DType::f32), dgate = program.tensor({3, 7}, DType::f32), dup = program.tensor({3, 7}, DType::f32);
  program.call<kernels::swiglu_backward>(dgate, dup, c, c, up, false, true);
  const std::vector<CallCost> costs = program.costs();
  CHECK_EQ(costs.size(), size_t{4});
  CHECK_EQ(costs[0].flops, int64_t{2 * 3 * 5 * 7});
  CHECK_EQ(costs[0].bytes, int64_t{4 * (15 + 35 + 21)});
  CHECK_EQ(costs[0].name, std::string("matmul [3, 7] [3, 5] [7, 5] - b^T"));
  CHECK_EQ(costs[1].bytes, int64_t{4 * (15 + 35 + 2 * 21)});
  CHECK_EQ(costs[1].name, std::string("matmul [3, 7] [3, 5] [7, 5] - += b^T"));
  CHECK_EQ(costs[2].flops, int64_t{0});
  CHECK_EQ(costs[2].bytes, int64_t{4 * (4 * 15 + 3 + 5)});
  CHECK_EQ(costs[3].bytes, int64_t{4 * 6 * 21});
  CHECK_EQ(program.flops(), int64_t{2 * 2 * 3 * 5 * 7});
}
