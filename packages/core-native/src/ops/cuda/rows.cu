#include "ops/cuda/eights.cuh"
#include "ops/kernels.h"

// Copies and sums of whole rows.
namespace ace {

namespace {

template <class T>
__global__ void load_rows_kernel(T* to, const int64_t* sources, int64_t each, int64_t width, bool vector) {
  const int64_t* source = sources + 2 * blockIdx.y;
  const T* from = reinterpret_cast<const T*>(static_cast<uintptr_t>(source[0]));
  const int64_t i = cuda::first_of_eight(), count = each - i, real = source[1] * width - i;
  if (from == nullptr || count <= 0) return;
  float row[cuda::kEight] = {};
  if (real > 0) cuda::load_eight(row, from + i, real < count ? real : count, vector && source[0] % 16 == 0);
  cuda::store_eight(to + blockIdx.y * each + i, row, count, vector);
}

template <class T>
__global__ void add_rows_kernel(T* y, const float* table, const float* mod, int64_t each, int64_t width, bool shared, bool vector) {
  const int64_t i = cuda::first_of_eight(), count = each - i, at = blockIdx.y * each + i;
  if (count <= 0) return;
  float a[cuda::kEight], b[cuda::kEight];
  cuda::load_eight(a, table + i, count, vector);
  if (!shared) {
    cuda::load_eight(b, mod + at, count, vector);
  } else {
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) b[j] = j < count ? mod[blockIdx.y * width + (i + j) % width] : 0.0f;
  }
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) a[j] += b[j];
  cuda::store_eight(y + at, a, count, vector);
}

// Row blockIdx.x.
template <class T, class A>
__global__ void select_rows_kernel(T* y, const T* x, const A* alternative, const int32_t* choose, int64_t width, int64_t per_sample, bool vector) {
  const int64_t row = blockIdx.x;
  const bool other = choose[row / per_sample] != 0;
  for (int64_t i = threadIdx.x * cuda::kEight; i < width; i += cuda::kThreads * cuda::kEight) {
    float value[cuda::kEight];
    if (other) cuda::load_eight(value, alternative + i, width - i, vector);
    else cuda::load_eight(value, x + row * width + i, width - i, vector);
    cuda::store_eight(y + row * width + i, value, width - i, vector);
  }
}

// Row blockIdx.x of y, whose sequences are one longer than x's.
template <class T, class A>
__global__ void prepend_token_kernel(T* y, const A* token, const T* x, int64_t length, int64_t width, bool vector) {
  const int64_t n = blockIdx.x / length, l = blockIdx.x % length;
  for (int64_t i = threadIdx.x * cuda::kEight; i < width; i += cuda::kThreads * cuda::kEight) {
    float value[cuda::kEight];
    if (l == 0) cuda::load_eight(value, token + i, width - i, vector);
    else cuda::load_eight(value, x + (n * (length - 1) + l - 1) * width + i, width - i, vector);
    cuda::store_eight(y + blockIdx.x * width + i, value, width - i, vector);
  }
}

template <class T>
__global__ void first_token_kernel(T* y, const T* x, int64_t length, int64_t width, bool vector) {
  const int64_t n = blockIdx.x;
  for (int64_t i = threadIdx.x * cuda::kEight; i < width; i += cuda::kThreads * cuda::kEight) {
    float value[cuda::kEight];
    cuda::load_eight(value, x + n * length * width + i, width - i, vector);
    cuda::store_eight(y + n * width + i, value, width - i, vector);
  }
}

}  // namespace

void cuda::load_rows(Stream& stream, Tensor to, Tensor sources) {
  if (to.elements() == 0) return;
  const int64_t batch = to.shape[0], each = to.elements() / batch;
  with_activation(to.dtype, [&](auto type) {
    using T = decltype(type);
    launch("load_rows", to.shape, stream, load_rows_kernel<T>, sample_grid(batch, each), kThreads, 0, to.as<T>(), sources.as<int64_t>(),
           each, to.shape.last(), aligned_flat(to) && each % kEight == 0);
  });
}

void cuda::add_rows(Stream& stream, Tensor y, Tensor table, Tensor mod) {
  if (y.elements() == 0) return;
  const int64_t batch = y.shape[0], each = y.elements() / batch;
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    launch("add_rows", y.shape, stream, add_rows_kernel<T>, sample_grid(batch, each), kThreads, 0, y.as<T>(), table.as<float>(),
           mod.as<float>(), each, y.shape.last(), mod.shape.rank() == 2, aligned_flat(y, table, mod) && each % kEight == 0);
  });
}

void cuda::select_rows(Stream& stream, Tensor y, Tensor x, Tensor alternative, Tensor choose) {
  if (y.elements() == 0) return;
  const int64_t rows = y.shape.rows();
  with_activation(y.dtype, [&](auto type) {
    with_activation(alternative.dtype, [&](auto other) {
      using T = decltype(type);
      using A = decltype(other);
      launch("select_rows", y.shape, stream, select_rows_kernel<T, A>, static_cast<unsigned>(rows), kThreads, 0, y.as<T>(), x.as<T>(),
             alternative.as<A>(), choose.as<int32_t>(), y.shape.last(), rows / y.shape[0], aligned_rows(y, x, alternative));
    });
  });
}

void cuda::prepend_token(Stream& stream, Tensor y, Tensor token, Tensor x) {
  if (y.elements() == 0) return;
  with_activation(y.dtype, [&](auto type) {
    with_activation(token.dtype, [&](auto other) {
      using T = decltype(type);
      using A = decltype(other);
      launch("prepend_token", y.shape, stream, prepend_token_kernel<T, A>, static_cast<unsigned>(y.shape.rows()), kThreads, 0, y.as<T>(), token.as<A>(), x.as<T>(), y.shape[1], y.shape[2], aligned_rows(y, token, x));
    });
  });
}

void cuda::first_token(Stream& stream, Tensor y, Tensor x) {
  if (y.elements() == 0) return;
  with_activation(y.dtype, [&](auto type) {
    using T = decltype(type);
    launch("first_token", y.shape, stream, first_token_kernel<T>, static_cast<unsigned>(x.shape[0]), kThreads, 0, y.as<T>(), x.as<T>(),
           x.shape[1], x.shape[2], aligned_rows(y, x));
  });
}

}  // namespace ace
