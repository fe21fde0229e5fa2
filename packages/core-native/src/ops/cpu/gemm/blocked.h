// The product in blocks that fit the caches, from packed panels.
#pragma once
#include <algorithm>
#include <cstdint>

#include "ops/cpu/gemm/gemm.h"
#include "ops/cpu/gemm/kernels.h"

namespace ace::cpu {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

inline const void* at(const Operand& x, int64_t row, int64_t col) {
  return static_cast<const char*>(x.data) + (row * x.row_stride + col * x.col_stride) * static_cast<int64_t>(size_of(x.dtype));
}

inline void advance(Operand& x, int64_t elements) {
  x.data = static_cast<const char*>(x.data) + elements * static_cast<int64_t>(size_of(x.dtype));
}

// What is packed at once. The panels of all threads share the last cache: 2048 x 384 floats are 3 MiB, 384 x 4096 are
// 6 MiB. One thread alone keeps its rows in half of a 1 MiB cache.
struct Parallel {
  static constexpr int64_t kRows = 2048, kCols = 4096;
  ThreadPool& pool;
  Scratch& panels() { return pool.shared_scratch(); }
  template <class F> void run(int64_t parts, F&& body) { pool.run(parts, body); }
};

struct Serial {
  static constexpr int64_t kRows = 168, kCols = 512;
  Scratch& scratch;
  Scratch& panels() { return scratch; }
  template <class F> void run(int64_t parts, F&& body) {
    for (int64_t part = 0; part < parts; ++part) body(part, scratch);
  }
};

// Steps of k packed at once: equal blocks, whole vectors of pairs. It depends on k alone, so every way to compute a
// product adds in the same order.
inline int64_t block_depth(int64_t k, int64_t depth) { return round_up(ceil_div(k, ceil_div(k, depth)), 32); }

// Panels [first, first + count) of A: rows from row0 up to row_end, steps [k0, k0 + depth).
template <class T>
void pack_a_panels(const Kernels<T>& kernel, T* packed, const Operand& a, int64_t row0, int64_t row_end, int64_t k0,
                   int64_t depth, int64_t first, int64_t count) {
  for (int64_t panel = first; panel < first + count; ++panel) {
    const int64_t row = row0 + panel * kernel.rows;
    const int lanes = static_cast<int>(std::min<int64_t>(kernel.rows, row_end - row));
    kernel.pack_a(packed + panel * panel_size(depth, kernel.rows), at(a, row, k0), a.dtype, a.row_stride, a.col_stride, lanes, depth);
  }
}

template <class T>
void pack_b_panels(const Kernels<T>& kernel, T* packed, const Operand& b, int64_t col0, int64_t col_end, int64_t k0,
                   int64_t depth, int64_t first, int64_t count) {
  for (int64_t panel = first; panel < first + count; ++panel) {
    const int64_t col = col0 + panel * kernel.cols;
    const int lanes = static_cast<int>(std::min<int64_t>(kernel.cols, col_end - col));
    kernel.pack_b(packed + panel * panel_size(depth, kernel.cols), at(b, k0, col), b.dtype, b.col_stride, b.row_stride, lanes, depth);
  }
}

// How the tiles of one block are dealt out: groups of panels, small enough to share among many threads, large enough
// that a group's panels are used several times once they are near.
struct Groups {
  int64_t rows, cols;  // panels in a group
  int64_t row_groups, col_groups;

  Groups(int64_t row_panels, int64_t col_panels) : rows(12), cols(8) {
    while (ceil_div(row_panels, rows) * ceil_div(col_panels, cols) < 64 && (rows > 2 || cols > 1)) {
      if (rows > cols) rows = ceil_div(rows, 2);
      else cols = ceil_div(cols, 2);
    }
    row_groups = ceil_div(row_panels, rows);
    col_groups = ceil_div(col_panels, cols);
    rows = ceil_div(row_panels, row_groups);
    cols = ceil_div(col_panels, col_groups);
  }
};

template <class T, class Executor> void gemm_blocked(Executor executor, const Kernels<T>& kernel, const GemmArgs& g) {
  const int64_t depth = block_depth(g.k, kernel.depth);
  const int64_t block_rows = round_up(ceil_div(g.m, ceil_div(g.m, Executor::kRows)), kernel.rows);
  const int64_t block_cols = round_up(ceil_div(g.n, ceil_div(g.n, Executor::kCols)), kernel.cols);
  const int64_t a_size = panel_size(depth, kernel.rows), b_size = panel_size(depth, kernel.cols);
  constexpr int64_t kPackedTogether = 4;  // panels of B, or as many rows of A: some 10 microseconds

  Scratch::Frame frame(executor.panels());
  T* packed_a = frame.template take<T>(block_rows / kernel.rows * a_size);
  T* packed_b = frame.template take<T>(block_cols / kernel.cols * b_size);

  for (int64_t col0 = 0; col0 < g.n; col0 += block_cols) {
    const int64_t col_end = std::min(g.n, col0 + block_cols), col_panels = ceil_div(col_end - col0, kernel.cols);
    for (int64_t row0 = 0; row0 < g.m; row0 += block_rows) {
      const int64_t row_end = std::min(g.m, row0 + block_rows), row_panels = ceil_div(row_end - row0, kernel.rows);
      const Groups groups(row_panels, col_panels);
      for (int64_t k0 = 0; k0 < g.k; k0 += depth) {
        const int64_t steps = std::min(depth, g.k - k0);
        const int64_t a_stride = panel_size(steps, kernel.rows), b_stride = panel_size(steps, kernel.cols);
        const int64_t a_parts = ceil_div(row_panels, 2 * kPackedTogether), b_parts = ceil_div(col_panels, kPackedTogether);
        executor.run(a_parts + b_parts, [&](int64_t part, Scratch&) {
          if (part < a_parts) {
            const int64_t first = part * 2 * kPackedTogether;
            pack_a_panels(kernel, packed_a, g.a, row0, row_end, k0, steps, first, std::min(2 * kPackedTogether, row_panels - first));
          } else {
            const int64_t first = (part - a_parts) * kPackedTogether;
            pack_b_panels(kernel, packed_b, g.b, col0, col_end, k0, steps, first, std::min(kPackedTogether, col_panels - first));
          }
        });
        const bool opening = k0 == 0;
        const T beta = opening ? static_cast<T>(g.beta) : T(1);
        const T* bias = opening ? static_cast<const T*>(g.bias) : nullptr;
        executor.run(groups.row_groups * groups.col_groups, [&](int64_t part, Scratch&) {
          const int64_t i_first = part % groups.row_groups * groups.rows, i_end = std::min(row_panels, i_first + groups.rows);
          const int64_t j_first = part / groups.row_groups * groups.cols, j_end = std::min(col_panels, j_first + groups.cols);
          for (int64_t j = j_first; j < j_end; ++j) {
            const int64_t col = col0 + j * kernel.cols;
            const int cols = static_cast<int>(std::min<int64_t>(kernel.cols, col_end - col));
            for (int64_t i = i_first; i < i_end; ++i) {
              const int64_t row = row0 + i * kernel.rows;
              const int rows = static_cast<int>(std::min<int64_t>(kernel.rows, row_end - row));
              const Output<T> out{static_cast<T*>(g.c) + row * g.ldc + col, g.ldc, static_cast<T>(g.alpha), beta, bias ? bias + col : nullptr};
              kernel.tile(rows, cols, steps, packed_a + i * a_stride, packed_b + j * b_stride, kernel.cols, out);
            }
          }
        });
      }
    }
  }
}

}  // namespace ace::cpu
