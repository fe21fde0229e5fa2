#include <cmath>

#include "ops/cpu/loops.h"
#include "ops/kernels.h"
#include "optim/adamw.h"

namespace ace {

void cpu::grad_norm(Stream& stream, Tensor state, Tensor grads, Tensor) {
  auto* s = state.as<OptimizerState>();
  with_float(grads.dtype, [&](auto type) {
    using T = decltype(type);
    // Fixed pieces, summed in their order: the norm does not depend on the number of threads.
    constexpr int64_t kPieces = 256;
    double partial[kPieces] = {};
    const int64_t n = grads.elements(), each = (n + kPieces - 1) / kPieces;
    const T* g = grads.as<T>();
    stream.pool->run(kPieces, [&](int64_t piece) {
      const int64_t from = std::min(n, piece * each), to = std::min(n, from + each);
      partial[piece] = lane_sum<double>(to - from, [&](int64_t i) {
        const double value = static_cast<double>(g[from + i]);
        return value * value;
      });
    });
    double sum = 0;
    for (double p : partial) sum += p;
    s->grad_norm = std::sqrt(sum);
    s->skipped = std::isfinite(s->grad_norm) && s->loss_finite != 0 ? 0 : 1;
  });
}

void cpu::adamw(Stream& stream, Tensor params, Tensor exp_avg, Tensor exp_avg_sq, Tensor grads, Tensor state, Tensor shadow) {
  auto* s = state.as<OptimizerState>();
  if (s->skipped != 0) return;
  with_float(params.dtype, [&](auto type) {
    using T = decltype(type);
    const double step = s->updates + 1;
    // torch clips by max_norm / (norm + 1e-6), capped at 1.
    const double clip = s->max_grad_norm > 0 ? std::min(1.0, s->max_grad_norm / (s->grad_norm + 1e-6)) : 1.0;
    const T decay = T(1 - s->learning_rate * s->weight_decay), beta1 = T(s->beta1), beta2 = T(s->beta2);
    const T rest1 = T(1 - s->beta1), rest2 = T(1 - s->beta2), epsilon = T(s->epsilon), scale = T(clip);
    const T step_size = T(s->learning_rate / (1 - std::pow(s->beta1, step)));
    const T root_correction = T(std::sqrt(1 - std::pow(s->beta2, step)));
    T *w = params.as<T>(), *m = exp_avg.as<T>(), *v = exp_avg_sq.as<T>();
    const T* g = grads.as<T>();
    for_ranges(stream, params.elements(), 4, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T gradient = g[i] * scale;
        m[i] = beta1 * m[i] + rest1 * gradient;
        v[i] = beta2 * v[i] + rest2 * gradient * gradient;
        w[i] = w[i] * decay - step_size * m[i] / (std::sqrt(v[i]) / root_correction + epsilon);
      }
      if (!shadow.given()) return;
      for (int64_t i = begin; i < end; ++i) shadow.as<bf16>()[i] = to_bf16(static_cast<float>(w[i]));
    });
    s->updates = step;
  });
}

void cpu::shadow(Stream& stream, Tensor to, Tensor from) {
  with_float(from.dtype, [&](auto type) {
    using T = decltype(type);
    for_ranges(stream, from.elements(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to.as<bf16>()[i] = to_bf16(static_cast<float>(from.as<T>()[i]));
    });
  });
}

}  // namespace ace
