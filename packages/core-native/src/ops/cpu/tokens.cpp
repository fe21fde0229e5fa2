#include <algorithm>
#include <cstring>

#include "ops/cpu/loops.h"
#include "ops/kernels.h"

namespace ace {

void cpu::prepend_token(Stream& stream, Tensor y, Tensor token, Tensor x) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t length = y.shape[1], width = y.shape[2];
    for_ranges(stream, y.shape[0] * length, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t n = row / length, l = row % length;
        const T* from = l == 0 ? token.as<T>() : x.as<T>() + (n * (length - 1) + l - 1) * width;
        std::copy_n(from, width, y.as<T>() + row * width);
      }
    });
  });
}

void cpu::first_token(Stream& stream, Tensor y, Tensor x) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t length = x.shape[1], width = x.shape[2];
    for_ranges(stream, x.shape[0], width, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) std::copy_n(x.as<T>() + n * length * width, width, y.as<T>() + n * width);
    });
  });
}

void cpu::load_rows(Stream& stream, Tensor to, Tensor sources) {
  const int64_t batch = to.shape[0], length = to.shape[1];
  const int64_t row_bytes = to.shape[2] * static_cast<int64_t>(size_of(to.dtype));
  for_ranges(stream, batch * length, to.shape[2], [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t* source = sources.as<int64_t>() + row / length * 2;
      const char* first = reinterpret_cast<const char*>(static_cast<intptr_t>(source[0]));
      if (first == nullptr) continue;
      char* out = to.as<char>() + row * row_bytes;
      if (const int64_t at = row % length; at < source[1]) std::memcpy(out, first + at * row_bytes, static_cast<size_t>(row_bytes));
      else std::memset(out, 0, static_cast<size_t>(row_bytes));
    }
  });
}

}  // namespace ace
