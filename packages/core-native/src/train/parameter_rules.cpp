#include "train/parameter_rules.h"

#include <algorithm>
#include <cmath>

namespace ace {

std::vector<OptimizerParameter> optimizer_parameters(const Adapter& adapter, const ParameterRules& rules) {
  auto positive = [](const std::string& field, double value) {
    if (!(value > 0) || !std::isfinite(value)) throw Error(ErrorCode::config, field + ": expected a number above 0, got " + std::to_string(value));
  };
  positive("loraPlusRatio", rules.b_ratio);
  if (rules.b_ratio != 1 && !Adapter::is_peft(adapter.config().kind))
    throw Error(ErrorCode::config, "loraPlusRatio is for lora and dora, whose changes have a factor B");
  for (const auto& [pattern, rate] : rules.rates) {
    positive("learningRatePattern[\"" + pattern + "\"]", rate);
    const auto& modules = adapter.modules();
    if (std::none_of(modules.begin(), modules.end(), [&, &name = pattern](const auto& module) { return names_module(name, module->path()); }))
      throw Error(ErrorCode::config, "learningRatePattern: \"" + pattern + "\" names no module of the adapter");
  }
  std::vector<OptimizerParameter> out;
  for (const auto& module : adapter.modules()) {
    const double* rate = best_match(rules.rates, module->path());
    for (const AdapterParameter& p : module->parameters()) {
      const bool matrix = p.init != Init::row_norm;
      OptimizerParameter parameter{adapter.file_name(*module, p.suffix), p.offset, p.shape, matrix};
      parameter.rate = (rate != nullptr ? *rate : 1) * (p.suffix == "lora_B.weight" ? rules.b_ratio : 1);
      parameter.decay = matrix || rules.decay_vectors ? 1 : 0;
      out.push_back(parameter);
    }
  }
  return out;
}

}  // namespace ace
