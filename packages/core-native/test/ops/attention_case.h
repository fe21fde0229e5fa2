// Attention's kernels run on either twin: one description, both passes, every option; and what its numbers are made of.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ops/kernels.h"
#include "ops/philox.h"
#include "twin_memory.h"

namespace ace::test::attention_case {

using Values = std::vector<float>;

struct Case {
  int64_t batch, length, keys;
  int heads, kv_heads;
  int64_t hd;
  int window = -1;
  std::vector<int32_t> counts = {};
  bool causal = false;
  std::vector<int32_t> q_start = {}, k_start = {};
  bool masked = false;
  bool accumulate = false;
  int wanted = 7, accumulated = 7;  // 1: dq, 2: dk, 4: dv; of what is accumulated at all
  bool poisoned = false;            // keys from a count on are not numbers
  bool views = false;  // q, k, v and their gradients as columns of one tensor
  uint64_t seed = 1;

  int64_t q_width() const { return heads * hd; }
  int64_t kv_width() const { return kv_heads * hd; }
  AttentionSpec spec() const {
    AttentionSpec spec;
    spec.heads = heads;
    spec.kv_heads = kv_heads;
    spec.window = window;
    spec.causal = causal;
    spec.accumulate_q = accumulate && (accumulated & 1) != 0;
    spec.accumulate_k = accumulate && (accumulated & 2) != 0;
    spec.accumulate_v = accumulate && (accumulated & 4) != 0;
    return spec;
  }
  std::string text() const {
    std::string out = "B" + std::to_string(batch) + " L" + std::to_string(length) + " S" + std::to_string(keys) + " H" + std::to_string(heads) +
                      "/" + std::to_string(kv_heads) + " hd" + std::to_string(hd) + " window " + std::to_string(window) + " wanted " +
                      std::to_string(wanted) + (causal ? " causal" : "") + (masked ? " masked" : "") + (accumulate ? " += " + std::to_string(accumulated) : "") + (poisoned ? " poisoned" : "") + (views ? " views" : "");
    for (const int32_t n : counts) out += " count " + std::to_string(n);
    for (const int32_t n : q_start) out += " at " + std::to_string(n);
    return out;
  }
};

// What is stored of x as `dtype`.
inline Values stored(Values x, DType dtype) {
  if (dtype == DType::bf16)
    for (float& value : x) value = to_float(to_bf16(value));
  return x;
}

// One program on one twin: tensors put in, calls, tensors read back.
class OneRun {
 public:
  // `warpgroups`: Stream::warpgroups.
  explicit OneRun(DeviceKind kind, bool warpgroups = false) : program(kind), kind_(kind), warpgroups_(warpgroups) {}

  Tensor put(const Shape& shape, DType dtype, const Values& values) {
    inputs_.emplace_back(program.input(shape, dtype, "input"), values);
    return inputs_.back().first;
  }
  Tensor result(const Shape& shape, DType dtype) {
    const Tensor tensor = program.tensor(shape, dtype);
    program.keep(tensor);
    return tensor;
  }
  void run() {
    memory_ = std::make_unique<TwinMemory>(kind_, program.plan());
    program.bind(memory_->data());
    for (const auto& [tensor, values] : inputs_) {
      const std::vector<char> bytes = encode(values, tensor.dtype);
      if (!bytes.empty()) memory_->write(program.bound(tensor), bytes.data());
    }
    ThreadPool pool(1);
    Stream stream{.device = kind_, .pool = &pool, .warpgroups = warpgroups_};
    program.run(stream);
  }
  Values get(const Tensor& tensor) const {
    std::vector<char> bytes(static_cast<size_t>(tensor.bytes()));
    if (bytes.empty()) return {};
    memory_->read(bytes.data(), program.bound(tensor));
    Values out(static_cast<size_t>(tensor.elements()));
    for (size_t i = 0; i < out.size(); ++i) {
      if (tensor.dtype == DType::bf16) out[i] = to_float(reinterpret_cast<const bf16*>(bytes.data())[i]);
      else std::memcpy(&out[i], bytes.data() + i * sizeof(float), sizeof(float));
    }
    return out;
  }

  Program program;

 private:
  static std::vector<char> encode(const Values& values, DType dtype) {
    std::vector<char> out(values.size() * size_of(dtype));
    for (size_t i = 0; i < values.size(); ++i) {
      char* at = out.data() + i * size_of(dtype);
      const bf16 half = to_bf16(values[i]);
      const auto whole = static_cast<int32_t>(values[i]);
      if (dtype == DType::bf16) std::memcpy(at, &half, sizeof half);
      else if (dtype == DType::i32) std::memcpy(at, &whole, sizeof whole);
      else if (dtype == DType::u8) *at = static_cast<char>(whole);
      else std::memcpy(at, &values[i], sizeof(float));
    }
    return out;
  }

  DeviceKind kind_;
  bool warpgroups_;
  std::vector<std::pair<Tensor, Values>> inputs_;
  std::unique_ptr<TwinMemory> memory_;
};

struct Data {
  Values q, k, v, d_o, dq, dk, dv, mask;  // dq, dk, dv: what is added to
};

inline Data data_of(const Case& c, DType dtype) {
  uint64_t stream = c.seed * 100;
  auto draw = [&](int64_t n, double scale) {
    Values out(static_cast<size_t>(n));
    ++stream;
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(scale * (2 * uniform01(random_words(stream, 0, 0, 98, i).word[0]) - 1));
    return stored(out, dtype);
  };
  const int64_t nq = c.batch * c.length * c.q_width(), nk = c.batch * c.keys * c.kv_width();
  // Scores of some units, so that weights differ by orders of magnitude.
  Data d{draw(nq, 2), draw(nk, 2), draw(nk, 1), draw(nq, 1), draw(nq, 1), draw(nk, 1), draw(nk, 1), {}};
  for (int64_t b = 0; c.poisoned && b < c.batch; ++b)
    for (Values* x : {&d.k, &d.v}) {
      const auto row = [&](int64_t key) { return x->begin() + (b * c.keys + key) * c.kv_width(); };
      std::fill(row(c.counts[static_cast<size_t>(b)]), row(c.keys), NAN);
    }
  for (int64_t i = 0; c.masked && i < c.batch * c.keys; ++i) d.mask.push_back(i % 3 != 1 && i / c.keys % 3 != 2 ? 1.0f : 0.0f);
  return d;
}

inline Values numbers(const std::vector<int32_t>& values) { return Values(values.begin(), values.end()); }

// Columns [from, from + count) of rows that are `width` wide, out of or into `wide`.
inline Values cut(const Values& wide, int64_t width, int64_t from, int64_t count) {
  Values out;
  for (size_t row = 0; row < wide.size(); row += static_cast<size_t>(width))
    out.insert(out.end(), wide.begin() + static_cast<int64_t>(row) + from, wide.begin() + static_cast<int64_t>(row) + from + count);
  return out;
}
inline Values join(const Case& c, const Values& q, const Values& k, const Values& v) {
  Values out;
  for (int64_t row = 0; row < c.batch * c.length; ++row) {
    out.insert(out.end(), q.begin() + row * c.q_width(), q.begin() + (row + 1) * c.q_width());
    for (const Values* x : {&k, &v}) out.insert(out.end(), x->begin() + row * c.kv_width(), x->begin() + (row + 1) * c.kv_width());
  }
  return out;
}

// q, k, v (or their gradients) as tensors of a run: three, or columns of one.
struct Triple {
  Tensor wide, part[3];
};
inline Triple put_triple(OneRun& run, const Case& c, DType dtype, const Values& q, const Values& k, const Values& v) {
  Triple t;
  if (c.views) {
    t.wide = run.put({c.batch, c.length, c.q_width() + 2 * c.kv_width()}, dtype, join(c, q, k, v));
    t.part[0] = t.wide.columns(0, c.q_width());
    t.part[1] = t.wide.columns(c.q_width(), c.kv_width());
    t.part[2] = t.wide.columns(c.q_width() + c.kv_width(), c.kv_width());
    return t;
  }
  t.part[0] = run.put({c.batch, c.length, c.q_width()}, dtype, q);
  t.part[1] = run.put({c.batch, c.keys, c.kv_width()}, dtype, k);
  t.part[2] = run.put({c.batch, c.keys, c.kv_width()}, dtype, v);
  return t;
}

inline Tensor put_ints(OneRun& run, const std::vector<int32_t>& values) {
  return values.empty() ? Tensor{} : run.put({static_cast<int64_t>(values.size())}, DType::i32, numbers(values));
}

struct Forward {
  Values o, lse;
};
inline Forward forward(const Case& c, const Data& d, DeviceKind kind, DType dtype, bool warpgroups = false) {
  OneRun run(kind, warpgroups);
  const Triple x = put_triple(run, c, dtype, d.q, d.k, d.v);
  const Tensor o = run.result({c.batch, c.length, c.q_width()}, dtype), lse = run.result({c.batch, c.heads, c.length}, DType::f32);
  const Tensor counts = put_ints(run, c.counts), q_start = put_ints(run, c.q_start), k_start = put_ints(run, c.k_start);
  const Tensor mask = c.masked ? run.put({c.batch, c.keys}, DType::u8, d.mask) : Tensor{};
  run.program.call<kernels::attention_forward>(o, lse, x.part[0], x.part[1], x.part[2], counts, mask, q_start, k_start, c.spec());
  run.run();
  return {run.get(o), run.get(lse)};
}

struct Backward {
  Values row_dot, gradient[3];
};
inline Backward backward(const Case& c, const Data& d, const Forward& f, DeviceKind kind, DType dtype, bool warpgroups = false) {
  OneRun run(kind, warpgroups);
  const Triple x = put_triple(run, c, dtype, d.q, d.k, d.v), dx = put_triple(run, c, dtype, d.dq, d.dk, d.dv);
  const Tensor o = run.put({c.batch, c.length, c.q_width()}, dtype, f.o), lse = run.put({c.batch, c.heads, c.length}, DType::f32, f.lse);
  const Tensor d_o = run.put(o.shape, dtype, d.d_o), row_dot = run.result(lse.shape, DType::f32);
  const Tensor counts = put_ints(run, c.counts), q_start = put_ints(run, c.q_start), k_start = put_ints(run, c.k_start);
  auto wanted = [&](int i) { return (c.wanted >> i & 1) != 0 ? dx.part[i] : Tensor{}; };
  run.program.call<kernels::attention_backward>(wanted(0), wanted(1), wanted(2), row_dot, d_o, o, lse, x.part[0], x.part[1], x.part[2],
                                                counts, q_start, k_start, c.spec());
  for (const Tensor& part : dx.part) run.program.keep(c.views ? dx.wide : part);
  run.run();
  Backward out{run.get(row_dot), {}};
  int64_t from = 0;
  for (int i = 0; i < 3; ++i) {
    const int64_t width = i == 0 ? c.q_width() : c.kv_width();
    out.gradient[i] = c.views ? cut(run.get(dx.wide), c.q_width() + 2 * c.kv_width(), from, width) : run.get(dx.part[i]);
    from += width;
  }
  return out;
}

// Of each number of a result: the sum of its terms' sizes, of their squares, and of what float32 arithmetic adds up.
struct Terms {
  std::vector<double> sizes, squares, added;
  explicit Terms(size_t n = 0) : sizes(n), squares(n), added(n) {}
  void add(size_t at, double term, double size) {
    sizes[at] += std::abs(term);
    squares[at] += term * term;
    added[at] += size;
  }
};
struct AllTerms {
  Terms o, gradient[3];
};

// The definition, one number at a time, for its terms.
inline AllTerms terms_of(const Case& c, const Data& d, const Values& o) {
  AllTerms t{Terms(d.q.size()), {Terms(d.q.size()), Terms(d.k.size()), Terms(d.v.size())}};
  const bool packed = !c.q_start.empty();
  const size_t sequences = packed ? c.q_start.size() - 1 : static_cast<size_t>(c.batch);
  const double scale = 1 / std::sqrt(static_cast<double>(c.hd));
  for (size_t n = 0; n < sequences; ++n) {
    const int64_t q_from = packed ? c.q_start[n] : static_cast<int64_t>(n) * c.length, k_from = packed ? c.k_start[n] : static_cast<int64_t>(n) * c.keys;
    const int64_t length = packed ? c.q_start[n + 1] - q_from : c.length;
    const int64_t keys = packed ? c.k_start[n + 1] - k_from : c.counts.empty() ? c.keys : c.counts[n];
    for (int64_t i = 0; i < length; ++i)
      for (int h = 0; h < c.heads; ++h) {
        const auto row = static_cast<size_t>((q_from + i) * c.q_width() + h * c.hd);
        auto key_at = [&](int64_t j) { return static_cast<size_t>((k_from + j) * c.kv_width() + h * c.kv_heads / c.heads * c.hd); };
        std::vector<double> weight(static_cast<size_t>(keys));
        double total = 0, dot = 0, dot_size = 0;
        for (int64_t j = 0; j < keys; ++j) {
          if ((c.window >= 0 && std::abs(i - j) > c.window) || (c.causal && j > i) || (c.masked && d.mask[static_cast<size_t>(k_from + j)] == 0)) continue;
          double score = 0;
          for (size_t e = 0; e < static_cast<size_t>(c.hd); ++e) score += double{d.q[row + e]} * d.k[key_at(j) + e];
          total += weight[static_cast<size_t>(j)] = std::exp(score * scale);
        }
        for (size_t e = 0; e < static_cast<size_t>(c.hd); ++e) {
          dot += double{d.d_o[row + e]} * o[row + e];
          dot_size += std::abs(double{d.d_o[row + e]} * o[row + e]);
        }
        for (int64_t j = 0; j < keys; ++j) {
          const double p = total > 0 ? weight[static_cast<size_t>(j)] / total : c.masked ? 1.0 / static_cast<double>(keys) : 0;
          if (p == 0) continue;
          double pull = 0, pull_size = 0;
          for (size_t e = 0; e < static_cast<size_t>(c.hd); ++e) {
            pull += double{d.d_o[row + e]} * d.v[key_at(j) + e];
            pull_size += std::abs(double{d.d_o[row + e]} * d.v[key_at(j) + e]);
          }
          const double ds = scale * p * (pull - dot), ds_size = scale * p * (pull_size + dot_size);
          for (size_t e = 0; e < static_cast<size_t>(c.hd); ++e) {
            const double q = d.q[row + e], k = d.k[key_at(j) + e], v = d.v[key_at(j) + e], up = d.d_o[row + e];
            t.o.add(row + e, p * v, std::abs(p * v));
            t.gradient[0].add(row + e, ds * k, ds_size * std::abs(k));
            t.gradient[1].add(key_at(j) + e, ds * q, ds_size * std::abs(q));
            t.gradient[2].add(key_at(j) + e, p * up, std::abs(p * up));
          }
        }
      }
  }
  return t;
}

}  // namespace ace::test::attention_case
