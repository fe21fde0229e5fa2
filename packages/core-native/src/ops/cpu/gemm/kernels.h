// What a matrix product asks of an instruction set: one table of inner loops per compute type.
#pragma once
#include <cstdint>

#include "tensor/dtype.h"

namespace ace::cpu {

// Where a tile's product goes: c = alpha * product + beta * c + bias; beta == 0 does not read c.
template <class T> struct Output {
  T* c;
  int64_t ldc;
  T alpha, beta;
  const T* bias;  // per column, or null
};

// A panel holds `width` rows of A (or columns of B) side by side: panel[p * width + lane] for p in [0, k).
// Packing may write up to kPanelSlack elements past a panel, so panels lie panel_size apart.
constexpr int64_t kPanelSlack = 16;
constexpr int64_t panel_size(int64_t k, int width) { return (k * width + kPanelSlack + 15) / 16 * 16; }

template <class T> struct Kernels {
  int rows, cols;  // the register tile: rows of A times columns of B
  int64_t depth;   // steps of k in one call of tile: a panel of B of that depth, and some of A, stay in the nearer caches

  // Packs `lanes` rows (columns) of k elements; element (lane, p) is at source[lane * lane_stride + p * k_stride].
  // Missing lanes of a panel are unspecified.
  using Pack = void (*)(T* panel, const void* source, DType dtype, int64_t lane_stride, int64_t k_stride, int lanes, int64_t k);
  Pack pack_a, pack_b;

  // The product of a packed panel of A and a panel of B, packed or as it lies in memory: b[p * b_stride + j].
  // Of an unpacked B no element past cols is read.
  void (*tile)(int rows, int cols, int64_t k, const T* a, const T* b, int64_t b_stride, const Output<T>& out);

  // sums[i * dot_cols + j] = sum over items t and p of a[t * a_item + i * a_row + p] * b[t * b_item + j * b_row + p],
  // for i < rows <= dot_rows, j < cols <= dot_cols. Nothing is packed: both operands must be contiguous along k.
  // b_dtype: T's own or, in float, bf16.
  int dot_rows, dot_cols;
  void (*dots)(int rows, int cols, int64_t k, int64_t items, const T* a, int64_t a_row, int64_t a_item, const void* b,
               DType b_dtype, int64_t b_row, int64_t b_item, T* sums);

  // acc[i * acc_row + j] += sum over p of a[i * a_row + p] * b[p * b_row + j], for i < rows <= kStreamRows, j < cols:
  // few rows times a B that is contiguous along its rows and read once. b_dtype as above.
  void (*stream)(int rows, int64_t cols, int64_t k, const T* a, int64_t a_row, const void* b, DType b_dtype, int64_t b_row,
                 T* acc, int64_t acc_row);
};

constexpr int kStreamRows = 4;

// The active instruction set's.
template <class T> const Kernels<T>& kernels();

// For packed products with a bf16 operand, where the user asked for it and this CPU can; else null. It packs pairs of bf16,
// and has no dots and no stream.
const Kernels<float>* bf16_kernels();

const Kernels<float>& scalar_kernels_f32();
const Kernels<double>& scalar_kernels_f64();
const Kernels<float>& avx2_kernels_f32();
const Kernels<double>& avx2_kernels_f64();
const Kernels<float>& avx512_kernels_f32();
const Kernels<double>& avx512_kernels_f64();
const Kernels<float>& avx512_bf16_kernels();
const Kernels<float>& neon_kernels_f32();
const Kernels<double>& neon_kernels_f64();

}  // namespace ace::cpu
