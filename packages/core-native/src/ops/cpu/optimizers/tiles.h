#pragma once
#include <algorithm>
#include <array>

#include "ops/cpu/loops.h"
#include "ops/optimizer/state.h"

namespace ace::cpu {

// f(tile number, tile) for every tile, some to a piece of work.
template <class F>
void for_tiles(Stream& stream, const Tensor& tiles, F&& f) {
  const auto* all = tiles.as<OptimizerTile>();
  for_ranges(stream, tiles.shape[0], kTileElements, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i, all[i]);
  });
}

template <class T>
void write_shadow(const Tensor& shadow, const T* w, int64_t begin, int64_t end) {
  if (!shadow.given()) return;
  for (int64_t i = begin; i < end; ++i) shadow.as<bf16>()[i] = to_bf16(static_cast<float>(w[i]));
}

// One of ops/optimizer/rules.h over the flat buffers.
template <template <class> class Rule, size_t N>
void update_numbers(Stream& stream, const Tensor& params, const std::array<Tensor, N>& slots, const Tensor& grads, const Tensor& state,
                    const Tensor& spans, const Tensor& tiles, const Tensor& shadow) {
  const auto* s = state.as<OptimizerState>();
  with_float(params.dtype, [&](auto type) {
    using T = decltype(type);
    using R = Rule<T>;
    static_assert(R::kSlots == static_cast<int>(N));
    if (s->skipped != 0 && R::kRestore < 0) return;
    T* w = params.as<T>();
    const T* g = grads.as<T>();
    T* from[N];
    for (size_t slot = 0; slot < N; ++slot) from[slot] = slots[slot].template as<T>();
    for_tiles(stream, tiles, [&](int64_t, const OptimizerTile& tile) {
      const int64_t end = tile.begin + tile.count;
      if constexpr (R::kRestore >= 0) {
        if (s->skipped != 0) {
          std::copy(from[R::kRestore] + tile.begin, from[R::kRestore] + end, w + tile.begin);
          return write_shadow(shadow, w, tile.begin, end);
        }
      }
      const R rule = R::of(*s, spans.as<OptimizerSpan>()[tile.span]);
      for (int64_t i = tile.begin; i < end; ++i) {
        T held[N];
        for (size_t slot = 0; slot < N; ++slot) held[slot] = from[slot][i];
        rule.apply(w[i], held, g[i]);
        for (size_t slot = 0; slot < N; ++slot) from[slot][i] = held[slot];
      }
      write_shadow(shadow, w, tile.begin, end);
    });
  });
}

}  // namespace ace::cpu
