// Several adapters on one linear, several linears under one adapter, and what each of them is told apart by.
#include "adapter/project.h"

#include <array>

#include "adapter/one_module.h"

using namespace ace;
using namespace ace::test;

namespace {

const Shape kShape{2, 3, 14};

std::vector<std::pair<std::string, AdapterConfig>> mixed_kinds() {
  AdapterConfig lokr = adapter_config(AdapterKind::lokr, 2, 3);
  lokr.weight_decompose = true;
  return {{"LoRA", adapter_config(AdapterKind::lora, 3, 4)},
          {"DoRA", adapter_config(AdapterKind::dora, 3, 4)},
          {"LoHa", adapter_config(AdapterKind::loha, 2, 4)},
          {"LoKr decomposed", lokr}};
}

std::vector<double> together(const Tensor& weight, const std::vector<AdapterUse>& uses) {
  OpRun run(DType::f64, {{kShape, false}}, [&](OpCase& c) { return project(c.tape, OneModule::kPath, weight, c.x[0], uses); }, false, 1, Recompute::none);
  (void)run.run(cpu_device().pool());
  return run.output();
}

// base + the change of each.
std::vector<double> sum_of_changes(const std::vector<double>& base, const std::vector<std::vector<double>>& outputs) {
  std::vector<double> out = base;
  for (const std::vector<double>& one : outputs)
    for (size_t i = 0; i < out.size(); ++i) out[i] += one[i] - base[i];
  return out;
}

constexpr const char* kQ = "layers.0.self_attn.q_proj";
constexpr const char* kK = "layers.0.self_attn.k_proj";
constexpr const char* kV = "layers.0.self_attn.v_proj";

// Three linears of one input under one adapter, each with the same weight.
struct Three {
  explicit Three(AdapterConfig config, uint64_t seed = 1, const std::string& stack = "qkv") : weight({15, 14}, DType::f64, "weight") {
    Numbers numbers(23);
    for (int64_t i = 0; i < 15 * 14; ++i) set_number(weight.tensor(), i, numbers.next() / 4);
    config.target_modules = {"*_proj"};
    adapter = std::make_unique<Adapter>(config, std::vector<AdapterTarget>{{kQ, weight.tensor(), stack}, {kK, weight.tensor(), stack}, {kV, weight.tensor(), stack}}, seed,
                                        DType::f64, cpu_device());
    Numbers others(seed);
    for (const auto& module : adapter->modules())
      for (const AdapterParameter& p : module->parameters())
        if (p.init != Init::row_norm)
          for (int64_t i = 0; i < p.shape.elements(); ++i) set_number(adapter->parameters(), p.offset + i, others.next() / 2);
  }
  AdapterUse use(std::vector<double> strengths = {}) const { return {adapter.get(), adapter->pass(), std::move(strengths)}; }

  Storage weight;
  std::unique_ptr<Adapter> adapter;
};

// The three outputs behind one another.
std::vector<double> outputs(const Three& three, const std::vector<AdapterUse>& uses, bool stacked) {
  std::vector<double> out;
  for (size_t part = 0; part < 3; ++part) {
    OpRun run(DType::f64, {{kShape, false}}, [&](OpCase& c) {
      const Tensor weight = three.weight.tensor();
      if (!stacked) return project(c.tape, part == 0 ? kQ : part == 1 ? kK : kV, weight, c.x[0], uses);
      return project_stacked(c.tape, {{kQ, weight}, {kK, weight}, {kV, weight}}, {}, c.x[0], uses)[part];
    }, false, 1, Recompute::none);
    (void)run.run(cpu_device().pool());
    const std::vector<double> numbers = run.output();
    out.insert(out.end(), numbers.begin(), numbers.end());
  }
  return out;
}

}  // namespace

TEST("adapters of any two kinds on one linear add their changes, whichever is named first, at any strength") {
  for (const auto& [first_name, first_config] : mixed_kinds())
    for (const auto& [second_name, second_config] : mixed_kinds())
      for (const double strength : {1.0, 0.5}) {
        CONTEXT(first_name << ", then " << second_name << " at " << strength);
        OneModule first(first_config, 15, 14), second(second_config, 15, 14);
        first.disturb();
        second.disturb();
        const std::vector<double> base = first.output(kShape, nullptr, false, 1, false);
        const std::vector<double> expected = sum_of_changes(base, {first.output(kShape), second.output(kShape, nullptr, false, strength)});
        const std::vector<double> got = together(first.weight(), {first.use(false, false), second.use(false, false, strength)});
        CHECK_NEAR(largest_difference(got, expected) / largest(expected), 0, 1e-13);
        CHECK(largest_difference(got, base) > 0.01 * largest(base));
      }
}

TEST("three adapters that each rescale the weight bring the frozen product along once") {
  OneModule a(mixed_kinds()[1].second, 15, 14), b(mixed_kinds()[3].second, 15, 14), c(mixed_kinds()[0].second, 15, 14);
  for (OneModule* each : {&a, &b, &c}) each->disturb();
  const std::vector<double> base = a.output(kShape, nullptr, false, 1, false);
  const std::vector<double> expected = sum_of_changes(base, {a.output(kShape), b.output(kShape), a.output(kShape, nullptr, false, 0.5), c.output(kShape)});
  const std::vector<double> got = together(a.weight(), {c.use(false, false), a.use(false, false), b.use(false, false), a.use(false, false, 0.5)});
  CHECK_NEAR(largest_difference(got, expected) / largest(expected), 0, 1e-13);
}

TEST("a module's own strength multiplies the adapter's, and one of 0 leaves the linear alone") {
  for (const auto& [name, config] : mixed_kinds()) {
    CONTEXT(name);
    OneModule module(config, 15, 14);
    module.disturb();
    AdapterUse use = module.use(false, false, 0.5);
    use.strengths = {0.25};
    CHECK_NEAR(largest_difference(together(module.weight(), {use}), module.output(kShape, nullptr, false, 0.125)), 0, 1e-13);
    use.strengths = {0};
    CHECK(together(module.weight(), {use}) == module.output(kShape, nullptr, false, 1, false));
  }
}

TEST("dropout draws for each module of an adapter by itself") {
  for (const AdapterKind kind : {AdapterKind::lora, AdapterKind::dora, AdapterKind::lokr, AdapterKind::loha}) {
    CONTEXT("kind " << static_cast<int>(kind));
    AdapterConfig config = adapter_config(kind, 2, 4);
    (Adapter::is_peft(kind) ? config.dropout : config.rank_dropout) = 0.5;
    const Three three(config);
    // The same numbers for all modules: nothing but the draws can tell them apart.
    const auto& modules = three.adapter->modules();
    const Tensor numbers = three.adapter->parameters();
    for (size_t p = 0; p < modules[0]->parameters().size(); ++p) {
      const AdapterParameter& from = modules[0]->parameters()[p];
      for (const size_t m : {1, 2})
        for (int64_t i = 0; i < from.shape.elements(); ++i) set_number(numbers, modules[m]->parameters()[p].offset + i, number_at(numbers, from.offset + i));
    }
    auto parts = [&](const AdapterUse& use) {
      const std::vector<double> all = outputs(three, {use}, false);
      const auto third = static_cast<std::ptrdiff_t>(all.size() / 3);
      return std::array{std::vector<double>(all.begin(), all.begin() + third), std::vector<double>(all.begin() + third, all.begin() + 2 * third),
                        std::vector<double>(all.begin() + 2 * third, all.end())};
    };
    const auto whole = parts(three.use());
    CHECK(whole[0] == whole[1] && whole[1] == whole[2]);
    Storage counters({4}, DType::i64, "counters");
    for (int64_t i = 0; i < 4; ++i) counters.tensor().as<int64_t>()[i] = 17 * i + 3;
    AdapterUse training = three.use();
    training.pass.counters = counters.tensor();
    const auto dropped = parts(training);
    CHECK(dropped[0] != dropped[1] && dropped[1] != dropped[2] && dropped[0] != dropped[2]);
  }
}

TEST("linears of one input give the same numbers stacked as apart, whose factors do not lie below each other or are of two adapters") {
  for (const AdapterKind kind : {AdapterKind::lora, AdapterKind::dora}) {
    const AdapterConfig config = adapter_config(kind, 2, 4);
    const Three one(config, 1), other(config, 2), scattered(config, 3, "");
    // Each linear under one adapter, at the places a single one would have; then a stack with a gap.
    const std::vector<std::vector<AdapterUse>> cases = {
        {one.use({1, 0, 0}), other.use({0, 1, 1})}, {one.use({1, 0, 1}), other.use({0, 1, 0})}, {one.use({1, 0, 1})}, {one.use(), other.use()}, {scattered.use()}};
    for (size_t i = 0; i < cases.size(); ++i) {
      CONTEXT("case " << i);
      const std::vector<double> apart = outputs(one, cases[i], false);
      CHECK_NEAR(largest_difference(outputs(one, cases[i], true), apart) / largest(apart), 0, 1e-13);
    }
  }
}
