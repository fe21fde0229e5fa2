#include <cmath>

#include "ops/cpu/optimizers/tiles.h"
#include "ops/kernels.h"
#include "ops/optimizer/average.h"

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

void cpu::span_squares(Stream& stream, Tensor squares, Tensor grads, Tensor spans) {
  with_float(grads.dtype, [&](auto type) {
    using T = decltype(type);
    const auto* all = spans.as<OptimizerSpan>();
    for_ranges(stream, spans.shape[0], kTileElements, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* g = grads.as<T>() + all[i].begin;
        squares.as<double>()[i] = lane_sum<double>(all[i].count(), [&](int64_t j) {
          const double value = static_cast<double>(g[j]);
          return value * value;
        });
      }
    });
  });
}

void cpu::count_update(Stream&, Tensor state) { advance(*state.as<OptimizerState>()); }

void cpu::adamw(Stream& stream, Tensor params, Tensor exp_avg, Tensor exp_avg_sq, Tensor grads, Tensor state, Tensor spans, Tensor tiles,
                Tensor shadow) {
  update_numbers<AdamwRule>(stream, params, std::array{exp_avg, exp_avg_sq}, grads, state, spans, tiles, shadow);
}

void cpu::lion(Stream& stream, Tensor params, Tensor exp_avg, Tensor grads, Tensor state, Tensor spans, Tensor tiles, Tensor shadow) {
  update_numbers<LionRule>(stream, params, std::array{exp_avg}, grads, state, spans, tiles, shadow);
}

void cpu::schedule_free_begin(Stream& stream, Tensor params, Tensor z, Tensor average, Tensor state, Tensor shadow) {
  with_float(params.dtype, [&](auto type) {
    using T = decltype(type);
    const T beta1 = T(state.as<OptimizerState>()->beta1);
    T *w = params.as<T>(), *x = average.as<T>();
    const T* step = z.as<T>();
    for_ranges(stream, params.elements(), 3, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        x[i] = w[i];
        w[i] = step[i] + beta1 * (x[i] - step[i]);
      }
      write_shadow(shadow, w, begin, end);
    });
  });
}

void cpu::schedule_free(Stream& stream, Tensor params, Tensor z, Tensor exp_avg_sq, Tensor average, Tensor grads, Tensor state, Tensor spans,
                        Tensor tiles, Tensor shadow) {
  update_numbers<ScheduleFreeRule>(stream, params, std::array{z, exp_avg_sq, average}, grads, state, spans, tiles, shadow);
}

void cpu::exchange(Stream& stream, Tensor params, Tensor other, Tensor shadow) {
  with_float(params.dtype, [&](auto type) {
    using T = decltype(type);
    T *w = params.as<T>(), *kept = other.as<T>();
    for_ranges(stream, params.elements(), 2, [&](int64_t begin, int64_t end) {
      std::swap_ranges(w + begin, w + end, kept + begin);
      write_shadow(shadow, w, begin, end);
    });
  });
}

void cpu::average(Stream& stream, Tensor params, Tensor other, Tensor state, Tensor shadow, double decay) {
  with_float(params.dtype, [&](auto type) {
    using T = decltype(type);
    const auto rule = AverageRule<T>::of(*state.as<OptimizerState>(), decay);
    T *w = params.as<T>(), *kept = other.as<T>();
    for_ranges(stream, params.elements(), 3, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) rule.apply(w[i], kept[i]);
      write_shadow(shadow, w, begin, end);
    });
  });
}

void cpu::shadow(Stream& stream, Tensor to, Tensor from) {
  with_float(from.dtype, [&](auto type) {
    using T = decltype(type);
    for_ranges(stream, from.elements(), 1, [&](int64_t begin, int64_t end) { write_shadow(to, from.as<T>(), begin, end); });
  });
}

}  // namespace ace
