#pragma once
#include "ops/optimizer/state.h"

namespace ace {

// An exponential average of what an optimiser trains: average += (1 - d) (weight - average), after each update but a
// skipped one. The n-th update has d = min(decay, (1 + n) / (10 + n)): a run shorter than 1 / (1 - decay) steps would
// otherwise end near where it began, which for an adapter is no effect at all.
template <class T>
struct AverageRule {
  T rest;
  bool skipped;

  static ACE_HOST_DEVICE AverageRule of(const OptimizerState& s, double decay) {
    const double n = s.updates + 1, early = (1 + n) / (10 + n);
    return {T(1 - (early < decay ? early : decay)), s.skipped != 0};
  }
  // The weight and its average change places.
  ACE_HOST_DEVICE void apply(T& weight, T& average) const {
    const T trained = weight;
    weight = skipped ? average : average + rest * (trained - average);
    average = trained;
  }
};

}  // namespace ace
