#include <cmath>
#include <vector>

#include "ops/cpu/optimizers/tiles.h"
#include "ops/kernels.h"

namespace ace {

namespace {

template <class T>
class Span {
 public:
  Span(const OptimizerSpan& span, const AdafactorSpec& spec, const OptimizerState& s, T* w, const T* g, T* second)
      : span_(span), spec_(spec), s_(s), w_(w), g_(g), second_(second), scale_(clip_scale(s)) {}

  // Folds the gradient's squares into the second moments and returns the mean of the rows' (1 for a vector).
  double moments() {
    const double beta2 = spec_.beta2(s_);
    auto fold = [&](int64_t i, double mean) { second_[i] = T(beta2 * static_cast<double>(second_[i]) + (1 - beta2) * mean); };
    if (span_.matrix == 0) {
      for (int64_t i = 0; i < span_.count(); ++i) fold(i, square(i));
      return 1;
    }
    std::vector<double> columns(static_cast<size_t>(span_.columns));
    double all = 0;
    for (int64_t row = 0; row < span_.rows; ++row) {
      double sum = 0;
      for (int64_t column = 0; column < span_.columns; ++column) {
        const double x = square(row * span_.columns + column);
        sum += x;
        columns[static_cast<size_t>(column)] += x;
      }
      fold(row, sum / static_cast<double>(span_.columns));
      all += static_cast<double>(second_[row]);
    }
    for (int64_t column = 0; column < span_.columns; ++column)
      fold(span_.rows + column, columns[static_cast<size_t>(column)] / static_cast<double>(span_.rows));
    return all / static_cast<double>(span_.rows);
  }

  // The update but for one factor of the whole tensor.
  T raw(int64_t i) const {
    const T g = g_[i] * T(scale_);
    if (span_.matrix == 0) return g / root_of(second_[i]);
    return g / root_of(second_[i / span_.columns]) / root_of(second_[span_.rows + i % span_.columns]);
  }

  void update(T* exp_avg) {
    const double row_mean = moments();
    double updates = 0, weights = 0;
    for (int64_t i = 0; i < span_.count(); ++i) {
      updates += static_cast<double>(raw(i)) * static_cast<double>(raw(i));
      weights += static_cast<double>(w_[i]) * static_cast<double>(w_[i]);
    }
    const T factor = T(spec_.factor(s_, span_, updates, weights, row_mean));
    const T decay = T(1 - spec_.rate(s_, span_) * s_.weight_decay * span_.decay);
    const T beta1 = T(spec_.beta1), rest1 = T(1 - spec_.beta1);
    for (int64_t i = 0; i < span_.count(); ++i) {
      T step = raw(i) * factor;
      if (exp_avg != nullptr) step = exp_avg[i] = beta1 * exp_avg[i] + rest1 * step;
      w_[i] = w_[i] * decay - step;
    }
  }

 private:
  double square(int64_t i) const {
    const double g = static_cast<double>(g_[i]) * scale_;
    return g * g + spec_.squares_epsilon;
  }

  const OptimizerSpan& span_;
  const AdafactorSpec& spec_;
  const OptimizerState& s_;
  T* w_;
  const T* g_;
  T* second_;
  double scale_;
};

}  // namespace

void cpu::adafactor(Stream& stream, Tensor params, Tensor second, Tensor exp_avg, Tensor grads, Tensor state, Tensor spans, Tensor, Tensor,
                    Tensor, Tensor, Tensor shadow, AdafactorSpec spec) {
  const auto* s = state.as<OptimizerState>();
  if (s->skipped != 0) return;
  with_float(params.dtype, [&](auto type) {
    using T = decltype(type);
    stream.pool->run(spans.shape[0], [&](int64_t index) {
      const OptimizerSpan& span = spans.as<OptimizerSpan>()[index];
      T* w = params.as<T>() + span.begin;
      Span<T>(span, spec, *s, w, grads.as<T>() + span.begin, second.as<T>() + span.second)
          .update(exp_avg.given() ? exp_avg.as<T>() + span.begin : nullptr);
      write_shadow(shadow, params.as<T>(), span.begin, span.begin + span.count());
    });
  });
}

}  // namespace ace
