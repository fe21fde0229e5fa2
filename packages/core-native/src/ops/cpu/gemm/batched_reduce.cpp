#include <algorithm>

#include "ops/cpu/gemm/one.h"

namespace ace::cpu {

namespace {

constexpr int64_t kMaxChunks = 64;
constexpr int64_t kChunkProducts = int64_t{1} << 22;      // at least: some 40 microseconds
constexpr int64_t kPartialBytes = int64_t{8} << 20;       // at most, for all partial sums
constexpr int64_t kResidentBytes = int64_t{256} << 10;    // of operands read again and again: a quarter of a usual L2
constexpr int64_t kLargeOutput = int64_t{256} * 256;      // elements; from here a product alone feeds every thread
constexpr int64_t kMaxRows = 512;                         // that a thread can pack beside everything else

template <class T> bool contiguous_along_k(const BatchedGemmArgs& g) {
  const DType own = sizeof(T) == sizeof(float) ? DType::f32 : DType::f64;
  return g.a.dtype == own && g.b.dtype == own && g.a.col_stride == 1 && g.b.row_stride == 1;
}

// partial [m, n] = sum of items [first, end), with dot products straight from memory.
template <class T> void sum_by_dots(const Kernels<T>& kernel, const BatchedGemmArgs& g, int64_t first, int64_t end, T* partial) {
  T sums[64];
  const int64_t together = std::max<int64_t>(1, kResidentBytes / static_cast<int64_t>(sizeof(T)) / ((g.m + g.n) * g.k));
  std::fill_n(partial, g.m * g.n, T(0));
  for (int64_t t = first; t < end; t += together) {
    const int64_t items = std::min(together, end - t);
    const T* a = static_cast<const T*>(g.a.data) + t * g.a_stride;
    const T* b = static_cast<const T*>(g.b.data) + t * g.b_stride;
    for (int64_t i = 0; i < g.m; i += kernel.dot_rows) {
      const int rows = static_cast<int>(std::min<int64_t>(kernel.dot_rows, g.m - i));
      for (int64_t j = 0; j < g.n; j += kernel.dot_cols) {
        const int cols = static_cast<int>(std::min<int64_t>(kernel.dot_cols, g.n - j));
        kernel.dots(rows, cols, g.k, items, a + i * g.a.row_stride, g.a.row_stride, g.a_stride, b + j * g.b.col_stride, g.b.dtype,
                    g.b.col_stride, g.b_stride, sums);
        for (int r = 0; r < rows; ++r) {
          for (int s = 0; s < cols; ++s) partial[(i + r) * g.n + j + s] += sums[r * kernel.dot_cols + s];
        }
      }
    }
  }
}

// The same from panels that several items fill one after the other; k <= kernel.depth.
template <class T>
void sum_by_panels(const Kernels<T>& kernel, const BatchedGemmArgs& g, int64_t first, int64_t end, T* partial, Scratch& scratch) {
  const int64_t together = std::max<int64_t>(1, kernel.depth / g.k);
  const int64_t row_panels = ceil_div(g.m, kernel.rows), col_panels = ceil_div(g.n, kernel.cols);
  const int64_t a_size = panel_size(together * g.k, kernel.rows), b_size = panel_size(together * g.k, kernel.cols);
  Scratch::Frame frame(scratch);
  T* packed_a = frame.take<T>(row_panels * a_size);
  T* packed_b = frame.take<T>(b_size);
  for (int64_t t = first; t < end; t += together) {
    const int64_t items = std::min(together, end - t);
    for (int64_t i = 0; i < row_panels; ++i) {
      const int lanes = static_cast<int>(std::min<int64_t>(kernel.rows, g.m - i * kernel.rows));
      for (int64_t s = 0; s < items; ++s) {
        Operand a = g.a;
        advance(a, (t + s) * g.a_stride + i * kernel.rows * a.row_stride);
        kernel.pack_a(packed_a + i * a_size + s * g.k * kernel.rows, a.data, a.dtype, a.row_stride, a.col_stride, lanes, g.k);
      }
    }
    for (int64_t j = 0; j < col_panels; ++j) {
      const int64_t col = j * kernel.cols;
      const int cols = static_cast<int>(std::min<int64_t>(kernel.cols, g.n - col));
      for (int64_t s = 0; s < items; ++s) {
        Operand b = g.b;
        advance(b, (t + s) * g.b_stride + col * b.col_stride);
        kernel.pack_b(packed_b + s * g.k * kernel.cols, b.data, b.dtype, b.col_stride, b.row_stride, cols, g.k);
      }
      for (int64_t i = 0; i < row_panels; ++i) {
        const int64_t row = i * kernel.rows;
        const Output<T> out{.c = partial + row * g.n + col, .ldc = g.n, .alpha = T(1), .beta = t == first ? T(0) : T(1), .bias = nullptr};
        kernel.tile(static_cast<int>(std::min<int64_t>(kernel.rows, g.m - row)), cols, items * g.k, packed_a + i * a_size, packed_b,
                    kernel.cols, out);
      }
    }
  }
}

template <class T> void reduce_in_chunks(ThreadPool& pool, const Kernels<T>& kernel, const BatchedGemmArgs& g) {
  const int64_t size = g.m * g.n;
  const int64_t wanted = std::min({g.batch, kMaxChunks, kPartialBytes / static_cast<int64_t>(sizeof(T)) / size,
                                   ceil_div(g.batch * size * g.k, kChunkProducts)});
  const int64_t length = ceil_div(g.batch, std::max<int64_t>(1, wanted)), chunks = ceil_div(g.batch, length);
  Scratch::Frame frame(pool.shared_scratch());
  T* partials = frame.take<T>(chunks * size);
  pool.run(chunks, [&](int64_t chunk, Scratch& scratch) {
    const int64_t first = chunk * length, end = std::min(g.batch, first + length);
    if (contiguous_along_k<T>(g)) sum_by_dots(kernel, g, first, end, partials + chunk * size);
    else sum_by_panels(kernel, g, first, end, partials + chunk * size, scratch);
  });
  for (int64_t chunk = 1; chunk < chunks; ++chunk) {
    for (int64_t e = 0; e < size; ++e) partials[e] += partials[chunk * size + e];
  }
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; ++j) write(g, i, j, partials[i * g.n + j]);
  }
}

template <class T> void batched_reduce(ThreadPool& pool, Compute compute, const BatchedGemmArgs& g) {
  if (g.m <= 0 || g.n <= 0) return;
  if (g.batch <= 0 || g.k <= 0) return scale_only<T>(g);
  const bool large = g.m * g.n >= kLargeOutput || g.m > kMaxRows;
  if (g.batch == 1 || (large && g.a_stride == g.k * g.a.col_stride && g.b_stride == g.k * g.b.row_stride)) {
    GemmArgs joined = g;  // the items' steps of k follow each other
    joined.k = g.k * g.batch;
    return gemm(pool, compute, joined);
  }
  const Kernels<T>& kernel = kernels<T>();
  if (!large && (g.k <= kernel.depth || contiguous_along_k<T>(g))) return reduce_in_chunks(pool, kernel, g);
  for (int64_t t = 0; t < g.batch; ++t) {
    GemmArgs one = g;
    advance(one.a, t * g.a_stride);
    advance(one.b, t * g.b_stride);
    if (t > 0) one.beta = 1, one.bias = nullptr;
    gemm(pool, compute, one);
  }
}

}  // namespace

void gemm_batched_reduce(ThreadPool& pool, Compute compute, const BatchedGemmArgs& args) {
  check_operands(args);
  if (compute == Compute::f32) batched_reduce<float>(pool, compute, args);
  else batched_reduce<double>(pool, compute, args);
}

}  // namespace ace::cpu
