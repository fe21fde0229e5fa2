// Attention against a plain softmax written out, and its gradient against differences: full, banded, cross, grouped heads,
// hidden keys, lengths around a tile of rows.
#include "check_op.h"

using namespace ace;
using namespace ace::test;

namespace {

struct Sizes {
  int64_t batch, length, keys;
  int heads, kv_heads;
  int64_t head_dim;
  int window = -1;
  std::vector<int32_t> visible = {};  // keys of each sample, empty: all
  bool causal = false;
};

std::string text(const Sizes& s) {
  std::string out = "B" + std::to_string(s.batch) + " L" + std::to_string(s.length) + " S" + std::to_string(s.keys) + " H" +
                    std::to_string(s.heads) + "/" + std::to_string(s.kv_heads) + " hd" + std::to_string(s.head_dim) + " window " +
                    std::to_string(s.window);
  for (const int32_t n : s.visible) out += " " + std::to_string(n);
  return out;
}

AttentionSpec spec_of(const Sizes& s) {
  AttentionSpec spec;
  spec.heads = s.heads;
  spec.kv_heads = s.kv_heads;
  spec.window = s.window;
  spec.causal = s.causal;
  return spec;
}

std::vector<OpInput> inputs_of(const Sizes& s, int wanted = 7) {
  return {{{s.batch, s.length, s.heads * s.head_dim}, (wanted & 1) != 0},
          {{s.batch, s.keys, s.kv_heads * s.head_dim}, (wanted & 2) != 0},
          {{s.batch, s.keys, s.kv_heads * s.head_dim}, (wanted & 4) != 0}};
}

OpBody body_of(const Sizes& s) {
  return [s](OpCase& c) {
    return attention(c.tape, c.x[0], c.x[1], c.x[2], spec_of(s), s.visible.empty() ? Tensor{} : c.ints(s.visible));
  };
}

void check_attention(const Sizes& s, int wanted = 7) {
  OpOptions options;
  options.most_elements = 60;
  check_op(text(s) + " wanted " + std::to_string(wanted), inputs_of(s, wanted), body_of(s), options);
}

// The definition, one number at a time.
std::vector<double> plain_attention(const Sizes& s, const std::vector<double>& q, const std::vector<double>& k, const std::vector<double>& v) {
  std::vector<double> out;
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t i = 0; i < s.length; ++i)
      for (int64_t h = 0; h < s.heads; ++h) {
        const int64_t g = h * s.kv_heads / s.heads;
        std::vector<double> sums(static_cast<size_t>(s.head_dim), 0.0);
        double total = 0;
        for (int64_t j = 0; j < (s.visible.empty() ? s.keys : s.visible[static_cast<size_t>(b)]); ++j) {
          if ((s.window >= 0 && std::abs(i - j) > s.window) || (s.causal && j > i)) continue;
          double score = 0;
          for (int64_t d = 0; d < s.head_dim; ++d)
            score += q[static_cast<size_t>(((b * s.length + i) * s.heads + h) * s.head_dim + d)] *
                     k[static_cast<size_t>(((b * s.keys + j) * s.kv_heads + g) * s.head_dim + d)];
          const double weight = std::exp(score / std::sqrt(static_cast<double>(s.head_dim)));
          total += weight;
          for (int64_t d = 0; d < s.head_dim; ++d)
            sums[static_cast<size_t>(d)] += weight * v[static_cast<size_t>(((b * s.keys + j) * s.kv_heads + g) * s.head_dim + d)];
        }
        for (const double sum : sums) out.push_back(total > 0 ? sum / total : 0);
      }
  return out;
}

}  // namespace

TEST("attention is softmax(q k^T / sqrt(hd)) v over the keys a query sees") {
  ThreadPool pool(2);
  for (const Sizes& s : {Sizes{2, 5, 5, 2, 1, 4}, Sizes{1, 67, 67, 4, 2, 2, 3}, Sizes{2, 130, 9, 6, 2, 4}, Sizes{2, 9, 13, 3, 3, 6, -1, {13, 4}},
                         Sizes{1, 131, 131, 2, 2, 2, 64, {77}}, Sizes{1, 70, 70, 2, 1, 4, -1, {}, true}, Sizes{1, 1, 1, 1, 1, 2}}) {
    CONTEXT(text(s));
    OpRun run(DType::f64, inputs_of(s), body_of(s), false, 1, Recompute::none);
    (void)run.run(pool);
    CHECK_NEAR(largest_difference(run.output(), plain_attention(s, run.values(0), run.values(1), run.values(2))), 0, 1e-13);
  }
}

TEST("full self-attention differentiates") {
  check_attention({2, 7, 7, 2, 2, 4});
  check_attention({1, 65, 65, 1, 1, 6});
}

TEST("banded attention differentiates, whatever the band") {
  for (const int window : {1, 5, 63, 64, 200}) check_attention({1, 71, 71, 2, 1, 4, window});
}

TEST("cross attention with grouped heads differentiates") {
  check_attention({2, 5, 11, 4, 2, 4});
  check_attention({1, 3, 129, 6, 1, 2});
  check_attention({1, 66, 2, 3, 3, 2, -1});
}

TEST("where a query sees one key its weight is one: the value alone has a gradient") {
  for (const Sizes& s : {Sizes{1, 1, 1, 1, 1, 2}, Sizes{1, 66, 1, 3, 3, 2}, Sizes{1, 71, 71, 2, 1, 4, 0}}) {
    check_attention(s, 4);
    ThreadPool pool(1);
    OpRun run(DType::f64, inputs_of(s), body_of(s), true, 1, Recompute::none);
    (void)run.run(pool);
    CHECK_NEAR(largest(run.gradient(0)), 0, 1e-14);
    CHECK_NEAR(largest(run.gradient(1)), 0, 1e-14);
  }
}

TEST("attention differentiates in any subset of q, k and v") {
  for (int wanted = 1; wanted < 7; ++wanted) check_attention({2, 5, 7, 4, 2, 2}, wanted);
}

TEST("hidden keys take no part and receive no gradient") {
  check_attention({3, 6, 6, 2, 1, 4, -1, {6, 4, 1}});
  check_attention({2, 70, 70, 2, 2, 2, 3, {70, 65}});
  const Sizes s{2, 5, 9, 2, 1, 4, -1, {9, 3}};
  ThreadPool pool(1);
  OpRun run(DType::f64, inputs_of(s), body_of(s), true, 1, Recompute::none);
  (void)run.run(pool);
  const std::vector<double> before = run.output();
  for (const size_t side : {1, 2}) {
    const std::vector<double> gradient = run.gradient(side);
    for (int64_t i = (9 + 3) * 4; i < 2 * 9 * 4; ++i) CHECK_EQ(gradient[static_cast<size_t>(i)], 0.0);
    for (int64_t i = (9 + 3) * 4; i < 2 * 9 * 4; ++i) run.values(side)[static_cast<size_t>(i)] = 100;
  }
  (void)run.run(pool);
  CHECK(run.output() == before);
}

TEST("a row whose band holds hidden keys only gives zero and passes nothing on") {
  const Sizes s{1, 150, 150, 1, 1, 2, 2, {40}};
  ThreadPool pool(1);
  OpRun run(DType::f64, inputs_of(s), body_of(s), true, 1, Recompute::none);
  (void)run.run(pool);
  for (int64_t row = 42; row < 150; ++row)
    for (int64_t d = 0; d < 2; ++d) {
      CHECK_EQ(run.output()[static_cast<size_t>(row * 2 + d)], 0.0);
      CHECK_EQ(run.gradient(0)[static_cast<size_t>(row * 2 + d)], 0.0);
    }
  CHECK(std::isfinite(largest(run.gradient(1))) && std::isfinite(largest(run.gradient(2))));
}

TEST("a mask of keys hides the same keys as a count does, and may have gaps") {
  ThreadPool pool(1);
  const Sizes s{2, 5, 7, 2, 1, 4, -1, {7, 3}};
  auto masked = [&](const std::vector<uint8_t>& mask) {
    auto memory = std::make_shared<Storage>(Shape{2, 7}, DType::u8, "mask");
    std::copy(mask.begin(), mask.end(), memory->tensor().as<uint8_t>());
    OpRun run(DType::f64, inputs_of(s, 0), [&, memory](OpCase& c) { return attention(c.tape, c.x[0], c.x[1], c.x[2], spec_of(s), {}, memory->tensor()); },
              false, 1, Recompute::none);
    (void)run.run(pool);
    return run.output();
  };
  OpRun counted(DType::f64, inputs_of(s, 0), body_of(s), false, 1, Recompute::none);
  (void)counted.run(pool);
  CHECK(masked({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0}) == counted.output());
  CHECK(masked({1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1}) != counted.output());
}

TEST("a sample whose mask hides every key averages the values, as softmax over equal scores does") {
  ThreadPool pool(1);
  const Sizes s{1, 3, 5, 1, 1, 2};
  auto memory = std::make_shared<Storage>(Shape{1, 5}, DType::u8, "mask");
  OpRun run(DType::f64, inputs_of(s, 0), [&](OpCase& c) { return attention(c.tape, c.x[0], c.x[1], c.x[2], spec_of(s), {}, memory->tensor()); },
            false, 1, Recompute::none);
  (void)run.run(pool);
  for (size_t d = 0; d < 2; ++d) {
    double mean = 0;
    for (size_t j = 0; j < 5; ++j) mean += run.values(2)[j * 2 + d] / 5;
    for (size_t row = 0; row < 3; ++row) CHECK_NEAR(run.output()[row * 2 + d], mean, 1e-14);
  }
}

TEST("packed sequences are what they are alone, and differentiate") {
  // An empty sequence, one without keys, lengths of one, and rows behind the last.
  const std::vector<int32_t> q_start{0, 4, 4, 5, 12, 14}, k_start{0, 3, 5, 6, 15, 15};
  const Sizes s{1, 15, 17, 4, 2, 4, 3};
  const OpBody body = [&](OpCase& c) { return attention(c.tape, c.x[0], c.x[1], c.x[2], spec_of(s), {}, {}, {c.ints(q_start), c.ints(k_start)}); };
  OpOptions options;
  options.most_elements = 120;
  check_op("packed attention", inputs_of(s), body, options);
  ThreadPool pool(2);
  OpRun run(DType::f64, inputs_of(s), body, false, 1, Recompute::none);
  (void)run.run(pool);
  auto rows = [](const std::vector<double>& x, int64_t from, int64_t to, int64_t width) { return std::vector<double>(x.begin() + from * width, x.begin() + to * width); };
  std::vector<double> expected;
  for (size_t n = 0; n + 1 < q_start.size(); ++n) {
    const Sizes alone{1, q_start[n + 1] - q_start[n], k_start[n + 1] - k_start[n], s.heads, s.kv_heads, s.head_dim, s.window};
    const std::vector<double> o = plain_attention(alone, rows(run.values(0), q_start[n], q_start[n + 1], 16), rows(run.values(1), k_start[n], k_start[n + 1], 8),
                                                  rows(run.values(2), k_start[n], k_start[n + 1], 8));
    expected.insert(expected.end(), o.begin(), o.end());
  }
  expected.resize(15 * 16, 0.0);
  CHECK_NEAR(largest_difference(run.output(), expected), 0, 1e-13);
}

TEST("attention refuses packed sequences that it could only misread") {
  Program program;
  Tape tape(program);
  const Sizes s{2, 3, 3, 2, 2, 4};
  const Var x = tape.leaf(program.input({2, 3, 8}, DType::f32, "x")), one = tape.leaf(program.input({1, 6, 8}, DType::f32, "one"));
  const Tensor start = program.input({3}, DType::i32, "start"), longer = program.input({4}, DType::i32, "longer"), mask = program.input({1, 6}, DType::u8, "mask");
  CHECK_THROWS(attention(tape, x, x, x, spec_of(s), {}, {}, {start, start}), "packed sequences share one sample and bring their own lengths; got q [2, 3, 8]");
  CHECK_THROWS(attention(tape, one, one, one, spec_of(s), {}, mask, {start, start}), "with a key mask");
  CHECK_THROWS(attention(tape, one, one, one, spec_of(s), {}, {}, {start, longer}), "q_start and k_start of the same length N + 1, both int32; got [3] i32 and [4] i32");
  CHECK_THROWS(attention(tape, one, one, one, spec_of(s), {}, {}, {start, {}}), "q_start and k_start");
}

TEST("attention refuses heads that do not fit") {
  Program program;
  Tape tape(program);
  const Var q = tape.leaf(program.input({1, 3, 12}, DType::f32, "q")), k = tape.leaf(program.input({1, 3, 8}, DType::f32, "k"));
  AttentionSpec spec;
  spec.heads = 3;
  spec.kv_heads = 2;
  CHECK_THROWS(attention(tape, q, k, k, spec), "attention: q [1, 3, 12], k [1, 3, 8]");
}
