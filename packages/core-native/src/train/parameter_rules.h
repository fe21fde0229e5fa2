#pragma once
#include <string>
#include <utility>
#include <vector>

#include "adapter/adapter.h"
#include "optim/table.h"

namespace ace {

// Which parameters learn faster, and which decay.
struct ParameterRules {
  double b_ratio = 1;  // LoRA+ (Hayou et al. 2024): the B factors' learning rate over the others'
  // Factors of the learning rate by module, the longest name that fits.
  std::vector<std::pair<std::string, double>> rates;
  bool decay_vectors = false;  // weight decay for magnitudes as well
};

// Errors: ERR_CONFIG when a rule is out of range or fits nothing.
std::vector<OptimizerParameter> optimizer_parameters(const Adapter& adapter, const ParameterRules& rules);

}  // namespace ace
