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

// How much is packed at once, and why. kernel.depth steps of k: a panel of B (512 x 32 floats: 64 KiB) and a group's dozen
// of A (28 KiB each) then stay in a second cache of 512 KiB or more. All threads share the panels in the last cache: at most
// 4 MiB of A and 4 MiB of B, twice, since the next panels are packed while these are used: one meeting of the threads a
// block instead of two. One thread alone meets nobody and needs no second set: 336 KiB and 1 MiB.
struct Parallel {
  static constexpr int64_t kRows = 2048, kCols = 2048;
  ThreadPool& pool;
  Scratch& panels() { return pool.shared_scratch(); }
  bool ahead() const { return pool.threads() > 1; }
  template <class F> void run(int64_t parts, F&& body) { pool.run(parts, body); }
};

struct Serial {
  static constexpr int64_t kRows = 168, kCols = 512;
  Scratch& scratch;
  Scratch& panels() { return scratch; }
  static constexpr bool ahead() { return false; }
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

// One block of C's rows and columns, and one of k.
template <class T> struct Block {
  int64_t row0, row_end, row_panels, col0, col_end, col_panels, k0, steps;
  T *a, *b;  // its panels
};

template <class T, class Executor> class Blocked {
 public:
  Blocked(Executor executor, const Kernels<T>& kernel, const GemmArgs& g)
      : kernel_(kernel), g_(g), depth_(block_depth(g.k, kernel.depth)),
        rows_(round_up(ceil_div(g.m, ceil_div(g.m, Executor::kRows)), kernel.rows)),
        cols_(round_up(ceil_div(g.n, ceil_div(g.n, Executor::kCols)), kernel.cols)) {
    const int sets = executor.ahead() ? 2 : 1;
    Scratch::Frame frame(executor.panels());
    for (int set = 0; set < sets; ++set) {
      a_[set] = frame.template take<T>(rows_ / kernel.rows * panel_size(depth_, kernel.rows));
      b_[set] = frame.template take<T>(cols_ / kernel.cols * panel_size(depth_, kernel.cols));
    }
    const int64_t blocks = ceil_div(g.n, cols_) * ceil_div(g.m, rows_) * ceil_div(g.k, depth_);
    Block<T> next = block(0, 0);
    executor.run(pack_parts(next), [&](int64_t part, Scratch&) { pack(next, part); });
    for (int64_t i = 0; i < blocks; ++i) {
      const Block<T> now = next;
      const Groups groups(now.row_panels, now.col_panels);
      const bool more = i + 1 < blocks;
      if (more) next = block(i + 1, (i + 1) % sets);
      const int64_t ahead = more && sets == 2 ? pack_parts(next) : 0;
      executor.run(ahead + groups.row_groups * groups.col_groups, [&](int64_t part, Scratch&) {
        if (part < ahead) pack(next, part);
        else multiply(now, groups, part - ahead);
      });
      if (more && sets == 1) executor.run(pack_parts(next), [&](int64_t part, Scratch&) { pack(next, part); });
    }
  }

 private:
  static constexpr int64_t kRowPanels = 8, kColPanels = 4;  // packed in one part: some 10 microseconds

  // k runs fastest: a block of C is finished before the next.
  Block<T> block(int64_t index, int64_t set) const {
    const int64_t k_blocks = ceil_div(g_.k, depth_), row_blocks = ceil_div(g_.m, rows_);
    Block<T> x;
    x.k0 = index % k_blocks * depth_;
    x.row0 = index / k_blocks % row_blocks * rows_;
    x.col0 = index / k_blocks / row_blocks * cols_;
    x.steps = std::min(depth_, g_.k - x.k0);
    x.row_end = std::min(g_.m, x.row0 + rows_);
    x.col_end = std::min(g_.n, x.col0 + cols_);
    x.row_panels = ceil_div(x.row_end - x.row0, kernel_.rows);
    x.col_panels = ceil_div(x.col_end - x.col0, kernel_.cols);
    x.a = a_[set];
    x.b = b_[set];
    return x;
  }

  static int64_t pack_parts(const Block<T>& x) { return ceil_div(x.row_panels, kRowPanels) + ceil_div(x.col_panels, kColPanels); }

  void pack(const Block<T>& x, int64_t part) const {
    const int64_t a_parts = ceil_div(x.row_panels, kRowPanels);
    if (part < a_parts) {
      const int64_t first = part * kRowPanels;
      pack_a_panels(kernel_, x.a, g_.a, x.row0, x.row_end, x.k0, x.steps, first, std::min(kRowPanels, x.row_panels - first));
    } else {
      const int64_t first = (part - a_parts) * kColPanels;
      pack_b_panels(kernel_, x.b, g_.b, x.col0, x.col_end, x.k0, x.steps, first, std::min(kColPanels, x.col_panels - first));
    }
  }

  void multiply(const Block<T>& x, const Groups& groups, int64_t part) const {
    const int64_t i_first = part % groups.row_groups * groups.rows, i_end = std::min(x.row_panels, i_first + groups.rows);
    const int64_t j_first = part / groups.row_groups * groups.cols, j_end = std::min(x.col_panels, j_first + groups.cols);
    const bool opening = x.k0 == 0;  // beta and bias once; the later blocks of k add to what it left
    for (int64_t j = j_first; j < j_end; ++j) {
      const int64_t col = x.col0 + j * kernel_.cols;
      const int cols = static_cast<int>(std::min<int64_t>(kernel_.cols, x.col_end - col));
      for (int64_t i = i_first; i < i_end; ++i) {
        const int64_t row = x.row0 + i * kernel_.rows;
        const Output<T> out{.c = static_cast<T*>(g_.c) + row * g_.ldc + col,
                            .ldc = g_.ldc,
                            .alpha = static_cast<T>(g_.alpha),
                            .beta = opening ? static_cast<T>(g_.beta) : T(1),
                            .bias = opening && g_.bias ? static_cast<const T*>(g_.bias) + col : nullptr};
        kernel_.tile(static_cast<int>(std::min<int64_t>(kernel_.rows, x.row_end - row)), cols, x.steps,
                     x.a + i * panel_size(x.steps, kernel_.rows), x.b + j * panel_size(x.steps, kernel_.cols), kernel_.cols, out);
      }
    }
  }

  const Kernels<T>& kernel_;
  const GemmArgs& g_;
  const int64_t depth_, rows_, cols_;  // of a block
  T *a_[2] = {}, *b_[2] = {};
};

template <class T, class Executor> void gemm_blocked(Executor executor, const Kernels<T>& kernel, const GemmArgs& g) {
  Blocked<T, Executor>(executor, kernel, g);
}

}  // namespace ace::cpu
