#include <cmath>

#include "ops/cpu/loops.h"
#include "ops/kernels.h"

// Finite scalar quantisation (Mentzer et al. 2023): each of a few numbers is rounded to one of its levels, evenly spaced
// over [-1, 1], and the levels together, first number fastest, are the index of a code.
namespace ace {

void cpu::fsq_quantise(Stream& stream, Tensor codes, Tensor index, Tensor z, Tensor levels) {
  with_float(z.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t count = levels.elements();
    for_ranges(stream, index.elements(), 16 * count, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        int32_t sum = 0, basis = 1;
        for (int64_t d = 0; d < count; ++d) {
          const int32_t level_count = levels.as<int32_t>()[d];
          const T last = T(level_count - 1);
          // The outermost levels must be reachable, so the squashing goes a little past 1.
          const T reach = T(1) + T(1) / last;
          const T squashed = std::tanh(z.as<T>()[row * count + d] / reach) * reach;
          // Written so that a NaN becomes -1: the caller finds it in z, and no index leaves its range.
          const T clamped = squashed > T(-1) ? std::min(squashed, T(1)) : T(-1);
          const T level = std::floor(last * (clamped + T(1)) / T(2) + T(0.5));
          codes.as<T>()[row * count + d] = T(2) / last * level - T(1);
          sum += static_cast<int32_t>(level) * basis;
          basis *= level_count;
        }
        index.as<int32_t>()[row] = sum;
      }
    });
  });
}

void cpu::fsq_codes(Stream& stream, Tensor codes, Tensor index, Tensor levels) {
  with_float(codes.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t count = levels.elements();
    for_ranges(stream, index.elements(), 4 * count, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        int32_t rest = index.as<int32_t>()[row];
        for (int64_t d = 0; d < count; ++d) {
          const int32_t level_count = levels.as<int32_t>()[d];
          codes.as<T>()[row * count + d] = T(rest % level_count) * (T(2) / T(level_count - 1)) - T(1);
          rest /= level_count;
        }
      }
    });
  });
}

}  // namespace ace
