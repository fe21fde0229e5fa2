#include <algorithm>

#include "ops/cpu/gemm/one.h"

namespace ace::cpu {

namespace {

// Work for one thread at a time: some 20 microseconds at 200 GFLOP/s.
constexpr int64_t kPartProducts = int64_t{1} << 21;

template <class T> GemmArgs item(const BatchedGemmArgs& g, int64_t i) {
  GemmArgs one = g;
  advance(one.a, i * g.a_stride);
  advance(one.b, i * g.b_stride);
  one.c = static_cast<T*>(g.c) + i * g.c_stride;
  return one;
}

// Items small enough for one block of k: an operand that all items share is packed once, a B whose rows are contiguous is
// read where it lies, the rest is packed per item.
template <class T> class SmallItems {
 public:
  static bool fit(const Kernels<T>& kernel, const BatchedGemmArgs& g) {
    return g.k <= kernel.depth && g.m <= Serial::kRows && g.n <= Serial::kCols;
  }

  SmallItems(ThreadPool& pool, const Kernels<T>& kernel, const BatchedGemmArgs& g)
      : kernel_(kernel), g_(g), row_panels_(ceil_div(g.m, kernel.rows)), col_panels_(ceil_div(g.n, kernel.cols)),
        a_size_(panel_size(g.k, kernel.rows)), b_size_(panel_size(g.k, kernel.cols)), b_in_place_(in_place()) {
    Scratch::Frame frame(pool.shared_scratch());
    if (g.a_stride == 0) {
      shared_a_ = frame.take<T>(row_panels_ * a_size_);
      pack_a_panels(kernel, shared_a_, g.a, 0, g.m, 0, g.k, 0, row_panels_);
    }
    if (g.b_stride == 0 && !b_in_place_) {
      shared_b_ = frame.take<T>(col_panels_ * b_size_);
      pack_b_panels(kernel, shared_b_, g.b, 0, g.n, 0, g.k, 0, col_panels_);
    }
    const int64_t together = std::max<int64_t>(1, kPartProducts / (g.m * g.n * g.k));
    pool.run(ceil_div(g.batch, together), [&](int64_t part, Scratch& scratch) {
      const int64_t end = std::min(g.batch, (part + 1) * together);
      for (int64_t i = part * together; i < end; ++i) compute(item<T>(g, i), scratch);
    });
  }

 private:
  bool in_place() const {
    return g_.b.col_stride == 1 && g_.b.dtype == (sizeof(T) == sizeof(float) ? DType::f32 : DType::f64);
  }

  void compute(const GemmArgs& one, Scratch& scratch) const {
    Scratch::Frame frame(scratch);
    const T* a = shared_a_;
    if (!a) {
      T* packed = frame.take<T>(row_panels_ * a_size_);
      pack_a_panels(kernel_, packed, one.a, 0, one.m, 0, one.k, 0, row_panels_);
      a = packed;
    }
    const T* b = shared_b_;
    if (!b && !b_in_place_) {
      T* packed = frame.take<T>(col_panels_ * b_size_);
      pack_b_panels(kernel_, packed, one.b, 0, one.n, 0, one.k, 0, col_panels_);
      b = packed;
    }
    if (b_in_place_) bring_near(one);
    // All of B is near, so a row of C is finished before the next: memory is then written in order.
    for (int64_t i = 0; i < row_panels_; ++i) {
      const int64_t row = i * kernel_.rows;
      const int rows = static_cast<int>(std::min<int64_t>(kernel_.rows, one.m - row));
      for (int64_t j = 0; j < col_panels_; ++j) {
        const int64_t col = j * kernel_.cols;
        const Output<T> out{.c = static_cast<T*>(one.c) + row * one.ldc + col, .ldc = one.ldc, .alpha = static_cast<T>(one.alpha),
                            .beta = static_cast<T>(one.beta), .bias = one.bias ? static_cast<const T*>(one.bias) + col : nullptr};
        kernel_.tile(rows, static_cast<int>(std::min<int64_t>(kernel_.cols, one.n - col)), one.k, a + i * a_size_,
                     b_in_place_ ? static_cast<const T*>(at(one.b, 0, col)) : b + j * b_size_,
                     b_in_place_ ? one.b.row_stride : kernel_.cols, out);
      }
    }
  }

  // Batches are longer than the caches. Reading every line of B once in order lets the hardware fetch ahead, which it
  // does not for the tile's short rows (64 x 96 by 64 items: 118 GFLOP/s without, 168 with).
  static void bring_near(const GemmArgs& one) {
    constexpr int64_t line = 64 / static_cast<int64_t>(sizeof(T));
    for (int64_t p = 0; p < one.k; ++p) {
      const volatile T* row = static_cast<const T*>(one.b.data) + p * one.b.row_stride;
      for (int64_t j = 0; j < one.n; j += line) (void)row[j];
    }
  }

  const Kernels<T>& kernel_;
  const BatchedGemmArgs& g_;
  const int64_t row_panels_, col_panels_, a_size_, b_size_;
  const bool b_in_place_;
  T* shared_a_ = nullptr;
  T* shared_b_ = nullptr;
};

template <class T> void batched(ThreadPool& pool, Compute compute, const BatchedGemmArgs& g) {
  if (g.batch <= 0 || g.m <= 0 || g.n <= 0) return;
  if (g.b_stride == 0 && g.a_stride == g.m * g.a.row_stride && g.c_stride == g.m * g.ldc) {
    GemmArgs stacked = g;  // the items' rows follow each other: one tall product
    stacked.m = g.m * g.batch;
    return gemm(pool, compute, stacked);
  }
  const Kernels<T>& kernel = kernels<T>();
  if (g.k > 0 && SmallItems<T>::fit(kernel, g)) {
    SmallItems<T>(pool, kernel, g);
    return;
  }
  if (g.m * g.n * g.k > 16 * kPartProducts) {
    for (int64_t i = 0; i < g.batch; ++i) gemm_one<T>(Parallel{pool}, item<T>(g, i));
    return;
  }
  pool.run(g.batch, [&](int64_t i, Scratch& scratch) { gemm_one<T>(Serial{scratch}, item<T>(g, i)); });
}

}  // namespace

void gemm_batched(ThreadPool& pool, Compute compute, const BatchedGemmArgs& args) {
  check_operands(args);
  if (compute == Compute::f32) batched<float>(pool, compute, args);
  else batched<double>(pool, compute, args);
}

}  // namespace ace::cpu
