// Moments in eight bits: a byte names one of 256 rising values in [-1, 1] or [0, 1], times the block's largest magnitude
// (block-wise dynamic quantisation, Dettmers et al. 2022).
#pragma once
#include "ops/host_device.h"

namespace ace {

constexpr int kCodes = 256;

// The code nearest to x in [-1, 1]. `codes` is anything that takes an index.
template <class T, class Codes>
ACE_HOST_DEVICE inline int nearest_code(T x, const Codes& codes) {
  int low = 0;
  for (int step = kCodes / 2; step > 0; step /= 2) {
    const float below = codes[low + step - 1], above = codes[low + step];
    if (x > T(below) + (T(above) - T(below)) / 2) low += step;
  }
  return low;
}

// A mean of squares never falls to zero: the mean of gradients beside it, divided by its root, would run away.
template <class T, class Codes>
ACE_HOST_DEVICE inline int nearest_positive_code(T x, const Codes& codes) {
  const int code = nearest_code(x, codes);
  return code == 0 && x > T(0) ? 1 : code;
}

}  // namespace ace
