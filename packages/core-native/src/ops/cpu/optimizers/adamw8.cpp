#include <algorithm>
#include <cmath>

#include "ops/cpu/optimizers/tiles.h"
#include "ops/kernels.h"
#include "ops/optimizer/quantise.h"

namespace ace {

namespace {

template <class T>
float largest(const T* x, int64_t count) {
  float out = 0;
  for (int64_t i = 0; i < count; ++i) out = std::max(out, static_cast<float>(std::abs(x[i])));
  return out;
}

}  // namespace

void cpu::adamw8(Stream& stream, Tensor params, Tensor exp_avg, Tensor exp_avg_scale, Tensor exp_avg_sq, Tensor exp_avg_sq_scale, Tensor grads,
                 Tensor state, Tensor spans, Tensor tiles, Tensor codes, Tensor shadow) {
  const auto* s = state.as<OptimizerState>();
  if (s->skipped != 0) return;
  const float *means = codes.as<float>(), *squares = means + kCodes;
  with_float(params.dtype, [&](auto type) {
    using T = decltype(type);
    T* w = params.as<T>();
    const T* g = grads.as<T>();
    auto *m = exp_avg.as<uint8_t>(), *v = exp_avg_sq.as<uint8_t>();
    for_tiles(stream, tiles, [&](int64_t, const OptimizerTile& tile) {
      const AdamwRule<T> rule = AdamwRule<T>::of(*s, spans.as<OptimizerSpan>()[tile.span]);
      for (int64_t from = 0, block = tile.block; from < tile.count; from += kQuantBlock, ++block) {
        const int64_t count = std::min(kQuantBlock, tile.count - from), begin = tile.begin + from;
        float *m_scale = exp_avg_scale.as<float>() + block, *v_scale = exp_avg_sq_scale.as<float>() + block;
        T held[2][kQuantBlock];
        for (int64_t i = 0; i < count; ++i) {
          T slot[2] = {T(means[m[begin + i]]) * T(*m_scale), T(squares[v[begin + i]]) * T(*v_scale)};
          rule.apply(w[begin + i], slot, g[begin + i]);
          held[0][i] = slot[0];
          held[1][i] = slot[1];
        }
        *m_scale = largest(held[0], count);
        *v_scale = largest(held[1], count);
        const T m_unit = *m_scale > 0 ? T(*m_scale) : T(1), v_unit = *v_scale > 0 ? T(*v_scale) : T(1);
        for (int64_t i = 0; i < count; ++i) {
          m[begin + i] = static_cast<uint8_t>(nearest_code(held[0][i] / m_unit, means));
          v[begin + i] = static_cast<uint8_t>(nearest_positive_code(held[1][i] / v_unit, squares));
        }
      }
      write_shadow(shadow, w, tile.begin, tile.begin + tile.count);
    });
  });
}

}  // namespace ace
