#include <cmath>
#include <cstring>

#include "ops/cpu/loops.h"
#include "ops/kernels.h"

namespace ace {

void cpu::fill(Stream& stream, Tensor to, double value) {
  with_float(to.dtype, [&](auto type) {
    using T = decltype(type);
    T* out = to.as<T>();
    for_ranges(stream, to.elements(), 1, [&](int64_t begin, int64_t end) { std::fill(out + begin, out + end, T(value)); });
  });
}

void cpu::copy(Stream& stream, Tensor to, Tensor from) {
  char* out = to.as<char>();
  const char* in = from.as<char>();
  if (!to.contiguous() || !from.contiguous()) {
    const int64_t size = static_cast<int64_t>(size_of(to.dtype)), width = to.shape.last();
    return for_ranges(stream, to.shape.rows(), width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        std::memcpy(out + row * to.row_stride() * size, in + row * from.row_stride() * size, static_cast<size_t>(width * size));
    });
  }
  for_ranges(stream, to.bytes(), 1, [&](int64_t begin, int64_t end) { std::memcpy(out + begin, in + begin, end - begin); });
}

void cpu::add_to(Stream& stream, Tensor to, Tensor from) {
  with_float(to.dtype, [&](auto type) {
    using T = decltype(type);
    T* out = to.as<T>();
    const T* in = from.as<T>();
    for_ranges(stream, to.elements(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) out[i] += in[i];
    });
  });
}

void cpu::silu(Stream& stream, Tensor y, Tensor x) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    T* out = y.as<T>();
    const T* in = x.as<T>();
    for_ranges(stream, y.elements(), 4, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) out[i] = in[i] / (T(1) + std::exp(-in[i]));
    });
  });
}

void cpu::add_rows(Stream& stream, Tensor y, Tensor table, Tensor mod) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t batch = y.shape[0], rows = y.shape[1], width = y.shape[2];
    const bool shared = mod.shape.rank() == 2;
    for_ranges(stream, batch * rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        T* out = y.as<T>() + i * width;
        const T* t = table.as<T>() + (i % rows) * width;
        const T* m = mod.as<T>() + (shared ? i / rows : i) * width;
        for (int64_t d = 0; d < width; ++d) out[d] = t[d] + m[d];
      }
    });
  });
}

void cpu::select_rows(Stream& stream, Tensor y, Tensor x, Tensor alternative, Tensor choose) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t batch = y.shape[0], width = y.shape.last(), rows = y.shape.rows();
    const int32_t* chosen = choose.as<int32_t>();
    for_ranges(stream, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const bool other = chosen[row / (rows / batch)] != 0;
        const T* from = other ? alternative.as<T>() : x.as<T>() + row * width;
        std::copy(from, from + width, y.as<T>() + row * width);
      }
    });
  });
}

void cpu::multiply(Stream& stream, Tensor c, Tensor a, Tensor b, double alpha, bool accumulate) {
  with_float(c.dtype, [&](auto type) {
    using T = decltype(type);
    T* out = c.as<T>();
    const T *x = a.as<T>(), *y = b.as<T>();
    const T factor = T(alpha);
    for_ranges(stream, c.elements(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) out[i] = (accumulate ? out[i] : T(0)) + factor * x[i] * y[i];
    });
  });
}

}  // namespace ace
