#include <cmath>
#include <utility>

#include "ops/cpu/optimizers/tiles.h"
#include "ops/kernels.h"

namespace ace {

namespace {

// Momentum, and the direction that is to be orthogonalised, its shorter side first, of norm 1.
template <class T>
void begin(const OptimizerSpan& span, const MuonSpec& spec, const OptimizerState& s, const T* g, T* momentum, T* iterate) {
  const T scale = T(clip_scale(s)), keep = T(spec.momentum), rest = T(1 - spec.momentum);
  const bool across = span.rows > span.columns;
  double sum = 0;
  auto place = [&](int64_t i) { return across ? i % span.columns * span.rows + i / span.columns : i; };
  for (int64_t i = 0; i < span.count(); ++i) {
    const T gradient = g[i] * scale;
    momentum[i] = keep * momentum[i] + rest * gradient;
    const T direction = spec.nesterov ? keep * momentum[i] + rest * gradient : momentum[i];
    iterate[place(i)] = direction;
    sum += static_cast<double>(direction) * static_cast<double>(direction);
  }
  const T unit = T(1 / (std::sqrt(sum) + kMuonEpsilon));
  for (int64_t i = 0; i < span.count(); ++i) iterate[i] *= unit;
}

Tensor matrix(void* data, DType dtype, int64_t rows, int64_t columns) {
  return Tensor{.data = data, .dtype = dtype, .shape = {rows, columns}};
}

}  // namespace

void cpu::muon(Stream& stream, Tensor params, Tensor momentum, Tensor exp_avg_sq, Tensor grads, Tensor state, Tensor spans, Tensor, Tensor, Tensor,
               Tensor iterate, Tensor grams, Tensor, Tensor, Tensor shadow, MuonSpec spec) {
  const auto* s = state.as<OptimizerState>();
  if (s->skipped != 0) return;
  with_float(params.dtype, [&](auto type) {
    using T = decltype(type);
    for (int64_t index = 0; index < spans.shape[0]; ++index) {
      const OptimizerSpan& span = spans.as<OptimizerSpan>()[index];
      const int64_t n = span.count(), r = span.shorter(), c = span.longer();
      T *w = params.as<T>() + span.begin, *m = momentum.as<T>() + span.begin;
      const T* g = grads.as<T>() + span.begin;
      if (span.matrix == 0) {
        const AdamwRule<T> rule = AdamwRule<T>::of(*s, span);
        T* v = exp_avg_sq.as<T>() + span.second;
        for (int64_t i = 0; i < n; ++i) {
          T slot[2] = {m[i], v[i]};
          rule.apply(w[i], slot, g[i]);
          m[i] = slot[0];
          v[i] = slot[1];
        }
      } else {
        T *x = iterate.as<T>() + span.begin, *next = x + params.elements();
        T *gram = grams.as<T>() + span.gram, *polynomial = gram + grams.elements() / 2;
        begin(span, spec, *s, g, m, x);
        for (int step = 0; step < MuonSpec::kSteps; ++step) {
          const Tensor a = matrix(gram, params.dtype, r, r), b = matrix(polynomial, params.dtype, r, r);
          const Tensor from = matrix(x, params.dtype, r, c), to = matrix(next, params.dtype, r, c);
          cpu::matmul(stream, a, from, from, Tensor{}, {.transpose_b = true});
          for (int64_t i = 0; i < r * r; ++i) polynomial[i] = T(MuonSpec::kB) * gram[i];
          cpu::matmul(stream, b, a, a, Tensor{}, {.accumulate = true, .alpha = MuonSpec::kC});
          for (int64_t i = 0; i < n; ++i) next[i] = T(MuonSpec::kA) * x[i];
          cpu::matmul(stream, to, b, from, Tensor{}, {.accumulate = true});
          std::swap(x, next);
        }
        const double rate = s->learning_rate * span.rate;
        const T decay = T(1 - rate * s->weight_decay * span.decay), size = T(rate * spec.adjustment(span));
        const bool across = span.rows > span.columns;
        for (int64_t i = 0; i < n; ++i) w[i] = w[i] * decay - size * x[across ? i % span.columns * span.rows + i / span.columns : i];
      }
      write_shadow(shadow, params.as<T>(), span.begin, span.begin + n);
    }
  });
}

}  // namespace ace
