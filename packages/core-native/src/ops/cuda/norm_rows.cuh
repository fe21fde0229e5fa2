// The rows of a norm, forward and backward, with or without the gated sum before it.
#pragma once
#include "ops/cuda/row_threads.cuh"

namespace ace::cuda {

// What a reader of the stored sum sees.
__device__ inline float as_stored(float x, float) { return x; }
__device__ inline float as_stored(float x, bf16) { return __uint_as_float(pack_bf16(x, 0.0f) << 16); }

// y = x1 rstd weight (1 + scale) + shift; kAdds: x1 = x + b gate is formed and stored, else x is x1.
template <class T, bool kAdds, bool kWhole>
__global__ void __launch_bounds__(kRowThreads, kWhole ? 2 : 1) norm_forward_kernel(T* x1, T* y, float* rstd, const T* x, const T* b, ModRow gate_row, const float* weight, ModRow scale_row,
                                    ModRow shift_row, int64_t rows, int64_t width, int64_t per_sample, float eps, RowGrid grid, bool vector) {
  const RowThread<kWhole> mine(grid, rows);
  if (mine.begin >= rows) return;
  const int first = mine.first;
  const float *gate = nullptr, *scale = nullptr, *shift = nullptr;
  float factor[kEight], plus[kEight], gates[kEight], next[kEight], next_branch[kEight];  // of the first group
  auto fetch = [&](int64_t row) {
    load_eight(next, x + row * width + first, width - first, vector);
    if constexpr (kAdds) load_eight(next_branch, b + row * width + first, width - first, vector);
  };
  // `sum` becomes x1 at group i of the row, and is stored.
  auto add = [&](float(&sum)[kEight], const float(&branch)[kEight], const float(&by)[kEight], int64_t at, int64_t i) {
#pragma unroll
    for (int j = 0; j < kEight; ++j) sum[j] = as_stored(sum[j] + branch[j] * by[j], T{});
    store_eight(x1 + at + i, sum, width - i, vector);
  };
  fetch(mine.begin);
  mine.each_row(
      per_sample,
      [&](int64_t sample) {
        gate = gate_row.of(sample, width), scale = scale_row.of(sample, width), shift = shift_row.of(sample, width);
        load_factor(factor, weight, scale, first, width, vector);
        load_or(0, plus, shift, first, width, vector);
        if constexpr (kAdds) load_or(1, gates, gate, first, width, vector);
      },
      [&](int64_t row, bool last) {
        const int64_t at = row * width;
        float held[kEight], branch[kEight], square = 0;
        copy_eight(held, next);
        if constexpr (kAdds) copy_eight(branch, next_branch);
        if (!last) fetch(row + 1);
        if constexpr (kAdds) add(held, branch, gates, at, first);
#pragma unroll
        for (int j = 0; j < kEight; ++j) square += held[j] * held[j];
        mine.each_other(width, [&](int64_t i) {
          float v[kEight];
          load_eight(v, x + at + i, width - i, vector);
          if constexpr (kAdds) {
            float by[kEight];
            load_eight(branch, b + at + i, width - i, vector);
            load_or(1, by, gate, i, width, vector);
            add(v, branch, by, at, i);
          }
#pragma unroll
          for (int j = 0; j < kEight; ++j) square += v[j] * v[j];
        });
        const float r = 1.0f / sqrtf(mine.sum(square) / static_cast<float>(width) + eps);
        if (first == 0) rstd[row] = r;
#pragma unroll
        for (int j = 0; j < kEight; ++j) held[j] = held[j] * r * factor[j] + plus[j];
        store_eight(y + at + first, held, width - first, vector);
        mine.each_other(width, [&](int64_t i) {
          float v[kEight], more[kEight], shifted[kEight];
          load_eight(v, (kAdds ? x1 : x) + at + i, width - i, vector);  // x1: written by this very thread
          load_factor(more, weight, scale, i, width, vector);
          load_or(0, shifted, shift, i, width, vector);
#pragma unroll
          for (int j = 0; j < kEight; ++j) v[j] = v[j] * r * more[j] + shifted[j];
          store_eight(y + at + i, v, width - i, vector);
        });
      });
}

// With u = dy weight (1 + scale): dx (+)= rstd (u - x rstd^2 mean(u x)); kGates: db (+)= dx gate. dx may be dy: each element
// is read before it is written, by the thread that writes it.
template <class T, bool kGates, bool kWhole>
__global__ void __launch_bounds__(kRowThreads, kWhole ? 2 : 1) norm_backward_kernel(T* dx, T* db, const T* dy, const T* x, const float* rstd, const float* weight, ModRow scale_row,
                                     ModRow gate_row, int64_t rows, int64_t width, int64_t per_sample, bool accumulate, bool accumulate_b,
                                     RowGrid grid, bool vector) {
  const RowThread<kWhole> mine(grid, rows);
  if (mine.begin >= rows) return;
  const int first = mine.first;
  const float *scale = nullptr, *gate = nullptr;
  float factor[kEight], next_x[kEight], next_u[kEight];  // of the first group; the gate's would not fit in registers
  auto fetch = [&](int64_t row) {
    load_eight(next_x, x + row * width + first, width - first, vector);
    load_eight(next_u, dy + row * width + first, width - first, vector);
  };
  // u from dy, in place.
  auto weigh = [](float(&u)[kEight], const float(&by)[kEight]) {
#pragma unroll
    for (int j = 0; j < kEight; ++j) u[j] *= by[j];
  };
  auto finish = [&](const float(&u)[kEight], const float(&v)[kEight], float(&total)[kEight], float r, float pull, int64_t at, int64_t i) {
#pragma unroll
    for (int j = 0; j < kEight; ++j) total[j] += r * (u[j] - v[j] * pull);
    store_eight(dx + at + i, total, width - i, vector);
    if constexpr (kGates) {
      float branch[kEight] = {}, by[kEight];
      load_eight(by, gate + i, width - i, vector);
      if (accumulate_b) load_eight(branch, db + at + i, width - i, vector);
#pragma unroll
      for (int j = 0; j < kEight; ++j) branch[j] += total[j] * by[j];
      store_eight(db + at + i, branch, width - i, vector);
    }
  };
  fetch(mine.begin);
  mine.each_row(
      per_sample,
      [&](int64_t sample) {
        scale = scale_row.of(sample, width);
        load_factor(factor, weight, scale, first, width, vector);
        gate = gate_row.of(sample, width);
      },
      [&](int64_t row, bool last) {
        const int64_t at = row * width;
        float v[kEight], u[kEight], total[kEight] = {}, dot = 0;
        copy_eight(v, next_x);
        copy_eight(u, next_u);
        if (accumulate) load_eight(total, dx + at + first, width - first, vector);
        if (!last) fetch(row + 1);
        weigh(u, factor);
#pragma unroll
        for (int j = 0; j < kEight; ++j) dot += u[j] * v[j];
        float other_v[kEight], other_u[kEight];
        auto load_other = [&](int64_t i) {
          float by[kEight];
          load_eight(other_v, x + at + i, width - i, vector);
          load_eight(other_u, dy + at + i, width - i, vector);
          load_factor(by, weight, scale, i, width, vector);
          weigh(other_u, by);
        };
        mine.each_other(width, [&](int64_t i) {
          load_other(i);
#pragma unroll
          for (int j = 0; j < kEight; ++j) dot += other_u[j] * other_v[j];
        });
        const float r = rstd[row], pull = mine.sum(dot) * r * r / static_cast<float>(width);
        finish(u, v, total, r, pull, at, first);
        mine.each_other(width, [&](int64_t i) {
          float sum[kEight] = {};
          load_other(i);
          if (accumulate) load_eight(sum, dx + at + i, width - i, vector);
          finish(other_u, other_v, sum, r, pull, at, i);
        });
      });
}

}  // namespace ace::cuda
