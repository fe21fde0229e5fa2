#include "optim/dynamic_codes.h"

#include <algorithm>
#include <cmath>

namespace ace {

std::vector<float> dynamic_codes(bool with_sign) {
  constexpr int kDecades = 7;
  std::vector<float> out = {0, 1};
  for (int decade = 0; decade < kDecades; ++decade) {
    const int pieces = 1 << (with_sign ? decade : decade + 1);
    for (int piece = 0; piece < pieces; ++piece) {
      const double middle = 0.1 + 0.9 * (piece + 0.5) / pieces;  // of its piece of [0.1, 1]
      const auto value = static_cast<float>(middle * std::pow(10.0, decade - (kDecades - 1)));
      out.push_back(value);
      if (with_sign) out.push_back(-value);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace ace
