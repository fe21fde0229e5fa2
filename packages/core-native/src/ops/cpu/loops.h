#pragma once
#include <algorithm>
#include <cstdint>

#include "autograd/program.h"

// The loops every CPU kernel is made of. Partitions depend on sizes only, never on the number of threads, and sums run
// over sixteen lanes in a fixed order: the same bits for any number of threads.
namespace ace::cpu {

// Calls f(T{}) with the compute type of `dtype`.
template <class F>
void with_float(DType dtype, F&& f) {
  if (dtype == DType::f32) return f(float{});
  if (dtype == DType::f64) return f(double{});
  throw Error(ErrorCode::internal, std::string("a CPU kernel was given a ") + name(dtype) + " tensor");
}

constexpr int64_t kGrainElements = 1 << 14;

// f(begin, end) over [0, n) in pieces of about kGrainElements / width items.
template <class F>
void for_ranges(Stream& stream, int64_t n, int64_t width, F&& f) {
  const int64_t grain = std::max<int64_t>(1, kGrainElements / std::max<int64_t>(1, width));
  const int64_t parts = (n + grain - 1) / grain;
  if (parts <= 0) return;
  if (parts == 1) return f(int64_t{0}, n);
  stream.pool->run(parts, [&](int64_t part) { f(part * grain, std::min(n, (part + 1) * grain)); });
}

constexpr int kLanes = 16;

// Sum of term(i) for i in [0, n).
template <class T, class F>
inline T lane_sum(int64_t n, F&& term) {
  T lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += term(i + lane);
  for (int lane = 0; i < n; ++i, ++lane) lanes[lane] += term(i);
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

}  // namespace ace::cpu
