#include <cmath>
#include <limits>

#include "ops/cpu/gemm/gemm.h"
#include "ops/cpu/loops.h"
#include "ops/cpu/vector_math.h"
#include "ops/kernels.h"

// Attention by tiles of query rows: a tile's scores over all keys it can see are held at once (they fit a cache), so the
// softmax is the plain two-pass one and needs no rescaling.
namespace ace {

namespace {

// Rows of queries in a tile: 64, fewer where the scores over very many keys would not fit a thread's working memory
// (two tiles of 4 MiB). Depends on the shapes alone.
template <class T>
int64_t tile_rows(int64_t keys) {
  constexpr int64_t kTileBytes = int64_t{4} << 20;
  return std::clamp<int64_t>(kTileBytes / (std::max<int64_t>(1, keys) * static_cast<int64_t>(sizeof(T))), 1, 64);
}

// One sample, or one of the sequences packed into it. Positions count from its start.
struct Sequence {
  int64_t q_from, k_from;  // its first row in q and in k
  int64_t statistics;      // where head 0 starts in lse and row_dot
  int64_t length, keys, count;  // query rows; key rows; those of them that may be seen
};

template <class T>
struct Problem {
  int64_t batch, length, keys, heads, kv_heads, hd, sequences;
  int window;
  bool causal;
  const int32_t *key_count, *q_start, *k_start;
  const uint8_t* key_mask;
  T scale;

  // n < sequences. The rows behind the last packed sequence count as one more, which sees nothing.
  Sequence sequence(int64_t n) const {
    if (q_start == nullptr)
      return {n * length, n * keys, n * heads * length, length, keys, key_count == nullptr ? keys : std::min<int64_t>(keys, key_count[n])};
    const bool behind = n == sequences - 1;
    const int64_t own_keys = (behind ? keys : k_start[n + 1]) - k_start[n];
    return {q_start[n], k_start[n], q_start[n], (behind ? length : q_start[n + 1]) - q_start[n], own_keys, behind ? 0 : own_keys};
  }
  // Keys that some row of [row0, row1) can see.
  std::pair<int64_t, int64_t> key_range(const Sequence& s, int64_t row0, int64_t row1) const {
    int64_t from = 0, to = s.count;
    if (window >= 0) {
      from = std::max<int64_t>(0, row0 - window);
      to = std::min<int64_t>(to, row1 + window);
    }
    if (causal) to = std::min<int64_t>(to, row1);
    return {from, std::max(from, to)};
  }
  // The part of a tile's key range that one row sees; within the range even where it is empty.
  std::pair<int64_t, int64_t> row_range(int64_t row, std::pair<int64_t, int64_t> tile) const {
    int64_t from = tile.first, to = tile.second;
    if (window >= 0) {
      from = std::min(std::max(from, row - window), tile.second);
      to = std::min<int64_t>(to, row + window + 1);
    }
    if (causal) to = std::min<int64_t>(to, row + 1);
    return {from, std::max(from, to)};
  }
};

template <class T>
Problem<T> describe(const Tensor& q, const Tensor& k, const Tensor& key_count, const Tensor& key_mask, const Tensor& q_start,
                    const Tensor& k_start, const AttentionSpec& spec) {
  Problem<T> p;
  p.batch = q.shape[0];
  p.length = q.shape[1];
  p.keys = k.shape[1];
  p.heads = spec.heads;
  p.kv_heads = spec.kv_heads;
  p.hd = q.shape[2] / p.heads;
  p.sequences = q_start.given() ? q_start.elements() : p.batch;
  p.window = spec.window;
  p.causal = spec.causal;
  p.key_count = key_count.given() ? key_count.as<int32_t>() : nullptr;
  p.q_start = q_start.given() ? q_start.as<int32_t>() : nullptr;
  p.k_start = q_start.given() ? k_start.as<int32_t>() : nullptr;
  p.key_mask = key_mask.given() ? key_mask.as<uint8_t>() : nullptr;
  p.scale = T(1) / std::sqrt(T(p.hd));
  return p;
}

template <class T>
constexpr cpu::Compute compute_of() {
  return std::is_same_v<T, double> ? cpu::Compute::f64 : cpu::Compute::f32;
}

template <class T>
cpu::Operand rows_of(const T* data, int64_t stride) {
  return {data, std::is_same_v<T, double> ? DType::f64 : DType::f32, stride, 1};
}
template <class T>
cpu::Operand columns_of(const T* data, int64_t stride) {
  return {data, std::is_same_v<T, double> ? DType::f64 : DType::f32, 1, stride};
}

template <class T>
void product(Scratch& scratch, int64_t m, int64_t n, int64_t k, cpu::Operand a, cpu::Operand b, T* c, int64_t ldc,
             double alpha, bool accumulate) {
  cpu::GemmArgs args{};
  args.m = m;
  args.n = n;
  args.k = k;
  args.a = a;
  args.b = b;
  args.c = c;
  args.ldc = ldc;
  args.alpha = alpha;
  args.beta = accumulate ? 1 : 0;
  cpu::gemm_serial(scratch, compute_of<T>(), args);
}

template <class T>
T top_of(const T* x, int64_t n) {
  T top = -std::numeric_limits<T>::infinity();
  for (int64_t j = 0; j < n; ++j) top = std::max(top, x[j]);
  return top;
}
template <>
float top_of(const float* x, int64_t n) {
  return cpu::row_max(x, n);
}

// x = exp(x - shift); returns the sum.
template <class T>
T exponentials(T* x, int64_t n, T shift) {
  for (int64_t j = 0; j < n; ++j) x[j] = std::exp(x[j] - shift);
  return cpu::lane_sum<T>(n, [&](int64_t j) { return x[j]; });
}
template <>
float exponentials(float* x, int64_t n, float shift) {
  return cpu::exp_sub_sum(x, n, shift);
}

// Softmax of one row over [from, to) of `scores` (relative to the tile), zero elsewhere in [0, columns).
// Returns the log-sum-exp; +infinity where nothing is visible.
template <class T>
T softmax_row(T* scores, int64_t columns, int64_t from, int64_t to, const uint8_t* visible) {
  constexpr T kNothing = -std::numeric_limits<T>::infinity();
  std::fill(scores, scores + from, T(0));
  std::fill(scores + to, scores + columns, T(0));
  if (visible != nullptr)
    for (int64_t j = from; j < to; ++j)
      if (visible[j] == 0) scores[j] = kNothing;
  const T top = top_of(scores + from, to - from);
  if (top == kNothing) {
    std::fill(scores + from, scores + to, T(0));
    return std::numeric_limits<T>::infinity();
  }
  const T sum = exponentials(scores + from, to - from, top);
  const T inverse = T(1) / sum;
  for (int64_t j = from; j < to; ++j) scores[j] *= inverse;
  return top + std::log(sum);
}

}  // namespace

void cpu::attention_forward(Stream& stream, Tensor o, Tensor lse, Tensor q, Tensor k, Tensor v, Tensor key_count,
                            Tensor key_mask, Tensor q_start, Tensor k_start, AttentionSpec spec) {
  with_float(q.dtype, [&](auto type) {
    using T = decltype(type);
    const Problem<T> p = describe<T>(q, k, key_count, key_mask, q_start, k_start, spec);
    const int64_t tile_size = tile_rows<T>(p.keys), tiles = (p.length + tile_size - 1) / tile_size;
    const int64_t q_row = q.row_stride(), k_row = k.row_stride(), v_row = v.row_stride(), o_row = o.row_stride();
    stream.pool->run(p.sequences * p.heads * tiles, [&](int64_t item, Scratch& scratch) {
      const int64_t n = item / (p.heads * tiles), h = item / tiles % p.heads, tile = item % tiles;
      const Sequence s = p.sequence(n);
      const int64_t row0 = tile * tile_size, row1 = std::min(s.length, row0 + tile_size), rows = row1 - row0;
      if (rows <= 0) return;
      const int64_t g = h * p.kv_heads / p.heads;
      const T* queries = q.as<T>() + (s.q_from + row0) * q_row + h * p.hd;
      const T* keys = k.as<T>() + s.k_from * k_row + g * p.hd;
      const T* values = v.as<T>() + s.k_from * v_row + g * p.hd;
      T* out = o.as<T>() + (s.q_from + row0) * o_row + h * p.hd;
      T* lses = lse.as<T>() + s.statistics + h * p.length + row0;
      const auto range = p.key_range(s, row0, row1);
      const int64_t columns = range.second - range.first;
      Scratch::Frame frame(scratch);
      T* scores = frame.template take<T>(rows * std::max<int64_t>(1, columns));
      const uint8_t* mask = p.key_mask == nullptr ? nullptr : p.key_mask + n * p.keys + range.first;
      product<T>(scratch, rows, columns, p.hd, rows_of(queries, q_row),
                 columns_of(keys + range.first * k_row, k_row), scores, columns, p.scale, false);
      bool blind = false;
      for (int64_t i = 0; i < rows; ++i) {
        const auto seen = p.row_range(row0 + i, range);
        const T l = softmax_row(scores + i * columns, columns, seen.first - range.first, seen.second - range.first, mask);
        lses[i] = l;
        blind = blind || l == std::numeric_limits<T>::infinity();
      }
      product<T>(scratch, rows, p.hd, columns, rows_of(scores, columns),
                 rows_of(values + range.first * v_row, v_row), out, o_row, 1, false);
      // A row of a masked batch that sees no key at all averages every value: what a softmax over equal, very negative
      // scores gives. It is padding, but its numbers travel on in the reference.
      if (!blind || p.key_mask == nullptr) return;
      for (int64_t i = 0; i < rows; ++i) {
        if (lses[i] != std::numeric_limits<T>::infinity()) continue;
        for (int64_t d = 0; d < p.hd; ++d) {
          T sum = 0;
          for (int64_t j = 0; j < p.keys; ++j) sum += values[j * v_row + d];
          out[i * o_row + d] = sum / T(p.keys);
        }
      }
    });
  });
}

void cpu::attention_backward(Stream& stream, Tensor dq, Tensor dk, Tensor dv, Tensor row_dot, Tensor d_o, Tensor o, Tensor lse,
                             Tensor q, Tensor k, Tensor v, Tensor key_count, Tensor q_start, Tensor k_start, AttentionSpec spec) {
  with_float(q.dtype, [&](auto type) {
    using T = decltype(type);
    const Problem<T> p = describe<T>(q, k, key_count, Tensor{}, q_start, k_start, spec);
    const int64_t group = p.heads / p.kv_heads;
    const int64_t tile_size = tile_rows<T>(p.keys), tiles = (p.length + tile_size - 1) / tile_size;
    const int64_t q_row = q.row_stride(), k_row = k.row_stride(), v_row = v.row_stride(), o_row = o.row_stride(), do_row = d_o.row_stride();
    // One part a (sequence, kv head): it alone writes its dK and dV, so that no sum needs an atomic.
    stream.pool->run(p.sequences * p.kv_heads, [&](int64_t item, Scratch& scratch) {
      const Sequence s = p.sequence(item / p.kv_heads);
      const int64_t g = item % p.kv_heads;
      // Row j of the sequence's keys in a tensor like k.
      auto kv_rows = [&](const Tensor& tensor, int64_t j) { return tensor.as<T>() + (s.k_from + j) * tensor.row_stride() + g * p.hd; };
      const T *keys = kv_rows(k, 0), *values = kv_rows(v, 0);
      auto clear = [&](Tensor& target, bool accumulate) {
        if (!target.given() || accumulate) return;
        for (int64_t j = 0; j < s.keys; ++j) std::fill(kv_rows(target, j), kv_rows(target, j) + p.hd, T(0));
      };
      clear(dk, spec.accumulate_k);
      clear(dv, spec.accumulate_v);
      for (int64_t h = g * group; h < (g + 1) * group; ++h) {
        for (int64_t tile = 0; tile < tiles; ++tile) {
          const int64_t row0 = tile * tile_size, row1 = std::min(s.length, row0 + tile_size), rows = row1 - row0;
          if (rows <= 0) break;
          auto q_rows = [&](const Tensor& tensor) { return tensor.as<T>() + (s.q_from + row0) * tensor.row_stride() + h * p.hd; };
          const T *queries = q_rows(q), *upstream = q_rows(d_o), *out = q_rows(o);
          const int64_t statistics = s.statistics + h * p.length + row0;
          const auto range = p.key_range(s, row0, row1);
          const int64_t columns = range.second - range.first;
          const T *tile_keys = keys + range.first * k_row, *tile_values = values + range.first * v_row;
          Scratch::Frame frame(scratch);
          T* weights = frame.template take<T>(rows * std::max<int64_t>(1, columns));
          T* dscores = frame.template take<T>(rows * std::max<int64_t>(1, columns));
          product<T>(scratch, rows, columns, p.hd, rows_of(queries, q_row), columns_of(tile_keys, k_row), weights,
                     columns, p.scale, false);
          product<T>(scratch, rows, columns, p.hd, rows_of(upstream, do_row), columns_of(tile_values, v_row),
                     dscores, columns, 1, false);
          for (int64_t i = 0; i < rows; ++i) {
            const auto seen = p.row_range(row0 + i, range);
            const int64_t from = seen.first - range.first, to = seen.second - range.first;
            T *w = weights + i * columns, *ds = dscores + i * columns;
            const T l = lse.as<T>()[statistics + i];
            const T dot = lane_sum<T>(p.hd, [&](int64_t d) { return upstream[i * do_row + d] * out[i * o_row + d]; });
            row_dot.as<T>()[statistics + i] = dot;
            for (int64_t j = 0; j < from; ++j) w[j] = ds[j] = 0;
            for (int64_t j = to; j < columns; ++j) w[j] = ds[j] = 0;
            if (l == std::numeric_limits<T>::infinity()) {  // a padding row that sees nothing
              std::fill(w + from, w + to, T(0));
              std::fill(ds + from, ds + to, T(0));
              continue;
            }
            exponentials(w + from, to - from, l);
            for (int64_t j = from; j < to; ++j) ds[j] = w[j] * (ds[j] - dot);
          }
          if (dq.given())
            product<T>(scratch, rows, p.hd, columns, rows_of(dscores, columns), rows_of(tile_keys, k_row),
                       q_rows(dq), dq.row_stride(), p.scale, spec.accumulate_q);
          if (dk.given())
            product<T>(scratch, columns, p.hd, rows, columns_of(dscores, columns), rows_of(queries, q_row),
                       kv_rows(dk, range.first), dk.row_stride(), p.scale, true);
          if (dv.given())
            product<T>(scratch, columns, p.hd, rows, columns_of(weights, columns), rows_of(upstream, do_row),
                       kv_rows(dv, range.first), dv.row_stride(), 1, true);
        }
      }
    });
  });
}

}  // namespace ace
