// Products with few rows on one side, written once over a vector type V (see simd/): nothing is packed.
// Include after one simd header only.
#pragma once
#include <type_traits>
#include <utility>

#include "ops/cpu/gemm/kernels.h"

namespace ace::cpu {
namespace {

template <class V, int Rows, int Cols, int Stride, class Source>
void dots_of(int64_t k, int64_t items, const typename V::T* a, int64_t a_row, int64_t a_item, const Source* b, int64_t b_row,
             int64_t b_item, typename V::T* sums) {
  using Reg = typename V::Reg;
  Reg acc[Rows][Cols];
  ACE_UNROLL for (int i = 0; i < Rows; ++i) {
    ACE_UNROLL for (int j = 0; j < Cols; ++j) acc[i][j] = V::zero();
  }
  const int64_t whole = k / V::W * V::W;
  const int rest = static_cast<int>(k - whole);
  for (int64_t t = 0; t < items; ++t, a += a_item, b += b_item) {
    for (int64_t p = 0; p < whole; p += V::W) {
      Reg x[Rows];
      ACE_UNROLL for (int i = 0; i < Rows; ++i) x[i] = V::load(a + i * a_row + p);
      ACE_UNROLL for (int j = 0; j < Cols; ++j) {
        const Reg y = V::load(b + j * b_row + p);
        ACE_UNROLL for (int i = 0; i < Rows; ++i) acc[i][j] = V::fma(x[i], y, acc[i][j]);
      }
    }
    if (rest != 0) {
      Reg x[Rows];
      ACE_UNROLL for (int i = 0; i < Rows; ++i) x[i] = V::load_first(a + i * a_row + whole, rest);
      ACE_UNROLL for (int j = 0; j < Cols; ++j) {
        const Reg y = V::load_first(b + j * b_row + whole, rest);
        ACE_UNROLL for (int i = 0; i < Rows; ++i) acc[i][j] = V::fma(x[i], y, acc[i][j]);
      }
    }
  }
  ACE_UNROLL for (int i = 0; i < Rows; ++i) {
    ACE_UNROLL for (int j = 0; j < Cols; ++j) sums[i * Stride + j] = V::sum(acc[i][j]);
  }
}

template <class V, int MaxRows, int MaxCols> struct Dots {
  using T = typename V::T;
  template <class Source>
  using Call = void (*)(int64_t, int64_t, const T*, int64_t, int64_t, const Source*, int64_t, int64_t, T*);

  template <class Source> struct Table { Call<Source> at[MaxRows * MaxCols]; };
  template <class Source, int... Both> static constexpr Table<Source> table(std::integer_sequence<int, Both...>) {
    return {{dots_of<V, Both / MaxCols + 1, Both % MaxCols + 1, MaxCols, Source>...}};
  }
  template <class Source> static constexpr auto kTable = table<Source>(std::make_integer_sequence<int, MaxRows * MaxCols>{});

  static void dots(int rows, int cols, int64_t k, int64_t items, const T* a, int64_t a_row, int64_t a_item, const void* b,
                   DType b_dtype, int64_t b_row, int64_t b_item, T* sums) {
    const int which = (rows - 1) * MaxCols + cols - 1;
    if constexpr (std::is_same_v<T, float>) {
      if (b_dtype == DType::bf16) {
        return kTable<bf16>.at[which](k, items, a, a_row, a_item, static_cast<const bf16*>(b), b_row, b_item, sums);
      }
    }
    kTable<T>.at[which](k, items, a, a_row, a_item, static_cast<const T*>(b), b_row, b_item, sums);
  }
};

template <class V, int Rows, class Source>
void stream_of(int64_t cols, int64_t k, const typename V::T* a, int64_t a_row, const Source* b, int64_t b_row,
               typename V::T* acc, int64_t acc_row) {
  using Reg = typename V::Reg;
  constexpr int steps = 4;      // of k, to one load and store of acc
  constexpr int64_t ahead = 8;  // rows of B fetched early: each is too short for the hardware to see a stream
  const auto add = [&]<int count>(int64_t p) {
    Reg x[Rows][count];
    ACE_UNROLL for (int i = 0; i < Rows; ++i) {
      ACE_UNROLL for (int s = 0; s < count; ++s) x[i][s] = V::set1(a[i * a_row + p + s]);
    }
    int64_t j = 0;
    for (; j + V::W <= cols; j += V::W) {
      Reg y[count];
      ACE_UNROLL for (int s = 0; s < count; ++s) {
        ACE_PREFETCH(b + (p + s + ahead) * b_row + j);
        y[s] = V::load(b + (p + s) * b_row + j);
      }
      ACE_UNROLL for (int i = 0; i < Rows; ++i) {
        Reg sum = V::load(acc + i * acc_row + j);
        ACE_UNROLL for (int s = 0; s < count; ++s) sum = V::fma(x[i][s], y[s], sum);
        V::store(acc + i * acc_row + j, sum);
      }
    }
    if (j == cols) return;
    const int rest = static_cast<int>(cols - j);
    ACE_UNROLL for (int i = 0; i < Rows; ++i) {
      Reg sum = V::load_first(acc + i * acc_row + j, rest);
      ACE_UNROLL for (int s = 0; s < count; ++s) sum = V::fma(x[i][s], V::load_first(b + (p + s) * b_row + j, rest), sum);
      V::store(acc + i * acc_row + j, sum, V::first(rest));
    }
  };
  int64_t p = 0;
  for (; p + steps <= k; p += steps) add.template operator()<steps>(p);
  for (; p < k; ++p) add.template operator()<1>(p);
}

template <class V, class Source>
void stream_rows(int rows, int64_t cols, int64_t k, const typename V::T* a, int64_t a_row, const Source* b, int64_t b_row,
                 typename V::T* acc, int64_t acc_row) {
  switch (rows) {
    case 1: return stream_of<V, 1>(cols, k, a, a_row, b, b_row, acc, acc_row);
    case 2: return stream_of<V, 2>(cols, k, a, a_row, b, b_row, acc, acc_row);
    case 3: return stream_of<V, 3>(cols, k, a, a_row, b, b_row, acc, acc_row);
    default: return stream_of<V, kStreamRows>(cols, k, a, a_row, b, b_row, acc, acc_row);
  }
}

template <class V>
void stream(int rows, int64_t cols, int64_t k, const typename V::T* a, int64_t a_row, const void* b, DType b_dtype,
            int64_t b_row, typename V::T* acc, int64_t acc_row) {
  using T = typename V::T;
  if constexpr (std::is_same_v<T, float>) {
    if (b_dtype == DType::bf16) return stream_rows<V>(rows, cols, k, a, a_row, static_cast<const bf16*>(b), b_row, acc, acc_row);
  }
  stream_rows<V>(rows, cols, k, a, a_row, static_cast<const T*>(b), b_row, acc, acc_row);
}

}  // namespace
}  // namespace ace::cpu
