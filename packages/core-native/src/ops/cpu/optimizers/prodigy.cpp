#include "ops/cpu/optimizers/tiles.h"
#include "ops/kernels.h"

namespace ace {

void cpu::prodigy(Stream& stream, Tensor params, Tensor exp_avg, Tensor exp_avg_sq, Tensor s, Tensor initial, Tensor grads, Tensor state,
                  Tensor spans, Tensor tiles, Tensor sums, Tensor shadow, ProdigySpec spec) {
  auto* step = state.as<OptimizerState>();
  if (step->skipped != 0) return;
  double* partial = sums.as<double>();
  if (step->learning_rate > 0) {
    with_float(params.dtype, [&](auto type) {
      using T = decltype(type);
      const T *w = params.as<T>(), *g = grads.as<T>(), *w0 = initial.as<T>();
      T *m = exp_avg.as<T>(), *v = exp_avg_sq.as<T>(), *sum = s.as<T>();
      const auto rule = ProdigyMoments<T>::of(*step, spec);
      for_tiles(stream, tiles, [&](int64_t number, const OptimizerTile& tile) {
        double product = 0, magnitude = 0;
        for (int64_t i = tile.begin; i < tile.begin + tile.count; ++i) {
          T slot[4] = {m[i], v[i], sum[i], w0[i]};
          rule.apply(w[i], slot, g[i], product, magnitude);
          m[i] = slot[0];
          v[i] = slot[1];
          sum[i] = slot[2];
        }
        partial[2 * number] = product;
        partial[2 * number + 1] = magnitude;
      });
    });
  }
  double product = 0, magnitude = 0;
  for (int64_t tile = 0; tile < tiles.shape[0]; ++tile) {
    product += partial[2 * tile];
    magnitude += partial[2 * tile + 1];
  }
  spec.estimate(*step, product, magnitude);
  update_numbers<ProdigyRule>(stream, params, std::array{exp_avg, exp_avg_sq}, grads, state, spans, tiles, shadow);
}

}  // namespace ace
