// Which parameters learn faster, and which decay.
#include "train/parameter_rules.h"

#include <limits>

#include "adapter/one_module.h"

using namespace ace;
using namespace ace::test;

namespace {

Adapter adapter_of(AdapterKind kind, const Storage& weight, bool weight_decompose = false) {
  AdapterConfig config = adapter_config(kind, 2, 4);
  config.target_modules = {"q_proj", "up_proj"};
  config.weight_decompose = weight_decompose;
  return {config,
          {{"layers.0.self_attn.q_proj", weight.tensor()}, {"layers.0.cross_attn.q_proj", weight.tensor()}, {"layers.1.mlp.up_proj", weight.tensor()}},
          1,
          DType::f32,
          cpu_device()};
}

// The rules of the parameters whose name ends so, module after module.
template <class F>
std::vector<double> of(const Adapter& adapter, const ParameterRules& rules, const std::string& suffix, F field) {
  std::vector<double> out;
  for (const OptimizerParameter& p : optimizer_parameters(adapter, rules))
    if (p.name.ends_with(suffix)) out.push_back(field(p));
  return out;
}

double rate(const OptimizerParameter& p) { return p.rate; }
double decay(const OptimizerParameter& p) { return p.decay; }

using Three = std::vector<double>;

}  // namespace

TEST("LoRA+ raises the rate of the B factors alone, and a module's own rate multiplies it, the longest name first") {
  const Storage weight({8, 6}, DType::f32, "w");
  const Adapter dora = adapter_of(AdapterKind::dora, weight);
  ParameterRules rules;
  CHECK(of(dora, rules, "", rate) == Three(9, 1.0));
  rules.b_ratio = 16;
  rules.rates = {{"q_proj", 2}, {"cross_attn.q_proj", 0.5}};
  CHECK(of(dora, rules, "lora_A.weight", rate) == (Three{2, 0.5, 1}));
  CHECK(of(dora, rules, "lora_B.weight", rate) == (Three{32, 8, 16}));
  CHECK(of(dora, rules, "lora_magnitude_vector", rate) == (Three{2, 0.5, 1}));
}

TEST("matrices decay, and magnitudes where they are asked to; each rule is of its tensor's own place") {
  const Storage weight({8, 6}, DType::f32, "w");
  for (const bool peft : {true, false}) {
    const Adapter adapter = peft ? adapter_of(AdapterKind::dora, weight) : adapter_of(AdapterKind::loha, weight, true);
    const std::string matrix = peft ? "lora_A.weight" : "hada_w1_a", vector = peft ? "lora_magnitude_vector" : "dora_scale";
    ParameterRules rules;
    CHECK(of(adapter, rules, matrix, decay) == Three(3, 1.0));
    CHECK(of(adapter, rules, vector, decay) == Three(3, 0.0));
    CHECK(of(adapter, rules, vector, [](const OptimizerParameter& p) { return p.matrix ? 1.0 : 0.0; }) == Three(3, 0.0));
    rules.decay_vectors = true;
    CHECK(of(adapter, rules, matrix, decay) == Three(3, 1.0));
    CHECK(of(adapter, rules, vector, decay) == Three(3, 1.0));
    const auto named = adapter.named(adapter.parameters());
    for (const OptimizerParameter& p : optimizer_parameters(adapter, rules)) {
      CHECK(named.at(p.name).shape == p.shape);
      CHECK_EQ(named.at(p.name).as<float>() - adapter.parameters().as<float>(), p.begin);
    }
  }
}

TEST("rules out of range, or that fit nothing, are refused by name") {
  const Storage weight({8, 6}, DType::f32, "w");
  const Adapter lora = adapter_of(AdapterKind::lora, weight), lokr = adapter_of(AdapterKind::lokr, weight);
  auto rules = [](const Adapter& adapter, double b_ratio, std::vector<std::pair<std::string, double>> rates) {
    ParameterRules out;
    out.b_ratio = b_ratio;
    out.rates = std::move(rates);
    return optimizer_parameters(adapter, out).size();
  };
  for (const double bad : {0.0, -1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_THROWS(rules(lora, bad, {}), "loraPlusRatio: expected a number above 0");
    CHECK_THROWS(rules(lora, 1, {{"q_proj", bad}}), "learningRatePattern[\"q_proj\"]: expected a number above 0");
  }
  CHECK_THROWS(rules(lokr, 2, {}), "loraPlusRatio is for lora and dora");
  CHECK_THROWS(rules(lora, 1, {{"q_proj", 2}, {"k_proj", 2}}), "learningRatePattern: \"k_proj\" names no module of the adapter");
  CHECK(rules(lokr, 1, {{"layers.1.*", 2}, {"mlp.up_proj", 2}}) > 0);
}
