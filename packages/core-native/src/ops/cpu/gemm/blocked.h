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

// The sizes of blocks, and why. A tile's call takes kernel.depth steps of k: a panel of B (512 x 32 floats: 64 KiB) and a
// dozen of A (28 KiB each) then stay in a second cache of 512 KiB or more, beside the group's sums (172 KiB). kChain such
// calls follow each other before C is touched: C's rows lie powers of two apart, so they push each other out of the caches.
constexpr int64_t kChain = 4;

// All threads share the packed panels, in the last cache: 1024 rows of A over a chain are 8 MiB, 512 columns of B 4 MiB.
struct Parallel {
  static constexpr int64_t kRows = 1024, kCols = 512;
  ThreadPool& pool;
  Scratch& panels() { return pool.shared_scratch(); }
  template <class F> void run(int64_t parts, F&& body) { pool.run(parts, body); }
};

// One thread alone: 1.4 MiB and 2.1 MiB at the most.
struct Serial {
  static constexpr int64_t kRows = 168, kCols = 256;
  Scratch& scratch;
  Scratch& panels() { return scratch; }
  template <class F> void run(int64_t parts, F&& body) {
    for (int64_t part = 0; part < parts; ++part) body(part, scratch);
  }
};

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
    while (ceil_div(row_panels, rows) * ceil_div(col_panels, cols) < 32 && (rows > 3 || cols > 1)) {
      if (rows > cols) rows = ceil_div(rows, 2);
      else cols = ceil_div(cols, 2);
    }
    row_groups = ceil_div(row_panels, rows);
    col_groups = ceil_div(col_panels, cols);
    rows = ceil_div(row_panels, row_groups);
    cols = ceil_div(col_panels, col_groups);
  }
};

template <class T, class Executor> class Blocked {
 public:
  Blocked(Executor executor, const Kernels<T>& kernel, const GemmArgs& g) : executor_(executor), kernel_(kernel), g_(g) {
    // Equal blocks of k, whole pairs of vectors. They depend on k alone, so every way to compute a product adds in the
    // same order.
    depth_ = round_up(ceil_div(g.k, ceil_div(g.k, kernel.depth)), 32);
    const int64_t chain = std::min(kChain, ceil_div(g.k, depth_));
    const int64_t block_rows = round_up(ceil_div(g.m, ceil_div(g.m, Executor::kRows)), kernel.rows);
    const int64_t block_cols = round_up(ceil_div(g.n, ceil_div(g.n, Executor::kCols)), kernel.cols);
    a_block_ = block_rows / kernel.rows * panel_size(depth_, kernel.rows);
    b_block_ = block_cols / kernel.cols * panel_size(depth_, kernel.cols);

    Scratch::Frame frame(executor_.panels());
    packed_a_ = frame.template take<T>(chain * a_block_);
    packed_b_ = frame.template take<T>(chain * b_block_);
    for (k0_ = 0; k0_ < g.k; k0_ += chain * depth_) {
      k_end_ = std::min(g.k, k0_ + chain * depth_);
      blocks_ = ceil_div(k_end_ - k0_, depth_);
      for (row0_ = 0; row0_ < g.m; row0_ += block_rows) {
        row_end_ = std::min(g.m, row0_ + block_rows);
        row_panels_ = ceil_div(row_end_ - row0_, kernel.rows);
        for (col0_ = 0; col0_ < g.n; col0_ += block_cols) {
          col_end_ = std::min(g.n, col0_ + block_cols);
          col_panels_ = ceil_div(col_end_ - col0_, kernel.cols);
          pack(col0_ == 0);
          multiply();
        }
      }
    }
  }

 private:
  int64_t steps(int64_t block) const { return std::min(depth_, k_end_ - k0_ - block * depth_); }

  void pack(bool with_a) {
    constexpr int64_t a_together = 8, b_together = 4;  // panels in a part: some 10 microseconds
    const int64_t a_parts = with_a ? ceil_div(row_panels_, a_together) : 0, b_parts = ceil_div(col_panels_, b_together);
    executor_.run((a_parts + b_parts) * blocks_, [&](int64_t part, Scratch&) {
      const int64_t block = part % blocks_, which = part / blocks_, k0 = k0_ + block * depth_;
      if (which < a_parts) {
        const int64_t first = which * a_together;
        pack_a_panels(kernel_, packed_a_ + block * a_block_, g_.a, row0_, row_end_, k0, steps(block), first,
                      std::min(a_together, row_panels_ - first));
      } else {
        const int64_t first = (which - a_parts) * b_together;
        pack_b_panels(kernel_, packed_b_ + block * b_block_, g_.b, col0_, col_end_, k0, steps(block), first,
                      std::min(b_together, col_panels_ - first));
      }
    });
  }

  void multiply() {
    const Groups groups(row_panels_, col_panels_);
    executor_.run(groups.row_groups * groups.col_groups, [&](int64_t part, Scratch& scratch) {
      const int64_t i_first = part % groups.row_groups * groups.rows, i_end = std::min(row_panels_, i_first + groups.rows);
      const int64_t j_first = part / groups.row_groups * groups.cols, j_end = std::min(col_panels_, j_first + groups.cols);
      const int64_t tile_size = int64_t{kernel_.rows} * kernel_.cols;
      Scratch::Frame frame(scratch);
      T* partial = blocks_ > 1 ? frame.template take<T>((i_end - i_first) * (j_end - j_first) * tile_size) : nullptr;
      for (int64_t block = 0; block < blocks_; ++block) {
        T* sums = partial;
        for (int64_t j = j_first; j < j_end; ++j) {
          for (int64_t i = i_first; i < i_end; ++i) {
            tile(i, j, block, sums);
            if (sums) sums += tile_size;
          }
        }
      }
    });
  }

  void tile(int64_t i, int64_t j, int64_t block, T* partial) const {
    const int64_t row = row0_ + i * kernel_.rows, col = col0_ + j * kernel_.cols;
    const bool opening = k0_ == 0;  // only the first chain applies beta and bias, the others add to what it left
    const Output<T> out{.c = static_cast<T*>(g_.c) + row * g_.ldc + col,
                        .ldc = g_.ldc,
                        .alpha = static_cast<T>(g_.alpha),
                        .beta = opening ? static_cast<T>(g_.beta) : T(1),
                        .bias = opening && g_.bias ? static_cast<const T*>(g_.bias) + col : nullptr,
                        .partial = partial,
                        .first = block == 0,
                        .last = block == blocks_ - 1};
    kernel_.tile(static_cast<int>(std::min<int64_t>(kernel_.rows, row_end_ - row)),
                 static_cast<int>(std::min<int64_t>(kernel_.cols, col_end_ - col)), steps(block),
                 packed_a_ + block * a_block_ + i * panel_size(steps(block), kernel_.rows),
                 packed_b_ + block * b_block_ + j * panel_size(steps(block), kernel_.cols), kernel_.cols, out);
  }

  Executor executor_;
  const Kernels<T>& kernel_;
  const GemmArgs& g_;
  int64_t depth_, a_block_, b_block_;  // steps of k in a block, elements of a block's panels
  T *packed_a_, *packed_b_;
  // The chain and the block at work.
  int64_t k0_, k_end_, blocks_, row0_, row_end_, row_panels_, col0_, col_end_, col_panels_;
};

template <class T, class Executor> void gemm_blocked(Executor executor, const Kernels<T>& kernel, const GemmArgs& g) {
  Blocked<T, Executor>(executor, kernel, g);
}

}  // namespace ace::cpu
