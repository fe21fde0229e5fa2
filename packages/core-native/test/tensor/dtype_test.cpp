#include "tensor/dtype.h"

#include <cmath>
#include <limits>

#include "check.h"

using namespace ace;

namespace {

// The nearest of all 2^16 values of a 16-bit float, ties to the even one, by looking at its two neighbours.
template <class Half, class From> uint16_t nearest(float x, From from) {
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  const double magnitude = std::abs(static_cast<double>(x));
  uint32_t low = 0, high = 0x8000;  // from(low) <= magnitude < from(high), where the format is monotonous in its bits
  while (high - low > 1) {
    const uint32_t middle = (low + high) / 2;
    const double value = from(Half{static_cast<uint16_t>(middle)});
    if (!std::isnan(value) && value <= magnitude) low = middle;
    else high = middle;
  }
  double above = from(Half{static_cast<uint16_t>(low + 1)});
  const double below = from(Half{static_cast<uint16_t>(low)});
  if (std::isinf(below)) return static_cast<uint16_t>(sign | low);
  if (std::isinf(above)) above = below + (below - static_cast<double>(from(Half{static_cast<uint16_t>(low - 1)})));  // where the next would be
  const double down = magnitude - below, up = above - magnitude;
  const bool round_up = up < down || (up == down && (low & 1));
  return static_cast<uint16_t>(sign | (low + (round_up ? 1 : 0)));
}

// Floats that matter: a walk through the bit patterns, and the neighbourhood of every 16-bit value's midpoint.
template <class F> void walk(F&& body) {
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 65521 * 3) body(float_of(static_cast<uint32_t>(bits)));
  for (uint32_t top = 0; top < 0x7f800000u; top += 0x00371000u) {
    for (const uint32_t low : {0x0fffu, 0x1000u, 0x1001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) body(float_of(top | low));
  }
}

}  // namespace

TEST("sizes and names of dtypes are what files call them") {
  CHECK_EQ(size_of(DType::bf16), size_t{2});
  CHECK_EQ(size_of(DType::f64), size_t{8});
  CHECK_EQ(size_of(DType::u8), size_t{1});
  CHECK_EQ(std::string(name(DType::bf16)), std::string("bf16"));
  CHECK_EQ(std::string(name(DType::i64)), std::string("i64"));
}

TEST("a float becomes the nearest bf16, ties to even") {
  walk([](float x) {
    if (!std::isnan(x)) CHECK_EQ(to_bf16(x).bits, (nearest<bf16>(x, [](bf16 h) { return static_cast<double>(to_float(h)); })));
  });
}

TEST("a float becomes the nearest f16, ties to even, subnormals too") {
  walk([](float x) {
    if (!std::isnan(x)) CHECK_EQ(to_f16(x).bits, (nearest<f16>(x, [](f16 h) { return static_cast<double>(to_float(h)); })));
  });
}

TEST("every 16-bit value survives the way to float and back, NaN as a NaN") {
  for (uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const bf16 b{static_cast<uint16_t>(bits)};
    const f16 h{static_cast<uint16_t>(bits)};
    if (std::isnan(to_float(b))) CHECK(std::isnan(to_float(to_bf16(to_float(b)))));
    else CHECK_EQ(to_bf16(to_float(b)).bits, b.bits);
    if (std::isnan(to_float(h))) CHECK(std::isnan(to_float(to_f16(to_float(h)))));
    else CHECK_EQ(to_f16(to_float(h)).bits, h.bits);
  }
}

TEST("known values of f16 and bf16 are right") {
  CHECK_EQ(to_float(f16{0x3c00}), 1.0f);
  CHECK_EQ(to_float(f16{0x0001}), 0x1p-24f);
  CHECK_EQ(to_float(f16{0x7bff}), 65504.0f);
  CHECK_EQ(to_float(f16{0xc000}), -2.0f);
  CHECK(std::isinf(to_float(f16{0x7c00})));
  CHECK_EQ(to_f16(65520.0f).bits, uint16_t{0x7c00});
  CHECK_EQ(to_f16(65519.0f).bits, uint16_t{0x7bff});
  CHECK_EQ(to_float(bf16{0x3f80}), 1.0f);
  CHECK_EQ(to_bf16(std::numeric_limits<float>::max()).bits, uint16_t{0x7f80});
  CHECK(std::isnan(to_float(to_bf16(float_of(0x7f800001u)))));
}
