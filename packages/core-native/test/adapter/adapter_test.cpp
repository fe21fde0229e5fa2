// What an adapter promises beside its gradient: a fresh one changes nothing, merged weights are the adapter, dropout is what
// it says, settings are refused by name.
#include <set>

#include "adapter/one_module.h"

using namespace ace;
using namespace ace::test;

namespace {

std::vector<std::pair<std::string, AdapterConfig>> every_kind() {
  std::vector<std::pair<std::string, AdapterConfig>> out;
  auto add = [&](const std::string& name, AdapterKind kind, int64_t rank, auto set) {
    AdapterConfig config = adapter_config(kind, rank, 3);
    set(config);
    out.emplace_back(name, config);
  };
  auto nothing = [](AdapterConfig&) {};
  add("LoRA", AdapterKind::lora, 3, nothing);
  add("rsLoRA", AdapterKind::lora, 3, [](AdapterConfig& c) { c.rs_lora = true; });
  add("DoRA", AdapterKind::dora, 3, nothing);
  add("LoKr", AdapterKind::lokr, 2, nothing);
  add("LoKr full", AdapterKind::lokr, 1, [](AdapterConfig& c) { c.full_matrix = true; });
  add("LoKr both", AdapterKind::lokr, 1, [](AdapterConfig& c) { c.decompose_both = true; });
  add("LoKr decomposed", AdapterKind::lokr, 2, [](AdapterConfig& c) { c.weight_decompose = true; });
  add("LoHa", AdapterKind::loha, 2, nothing);
  add("LoHa decomposed", AdapterKind::loha, 2, [](AdapterConfig& c) { c.weight_decompose = true; });
  return out;
}

std::vector<double> plain(OneModule& module, const Shape& shape) { return module.output(shape, nullptr, false, 1, false); }

std::vector<AdapterTarget> two_targets(const Storage& weight) {
  return {{"layers.0.self_attn.q_proj", weight.tensor()}, {"layers.0.cross_attn.q_proj", weight.tensor()}, {"layers.1.mlp.up_proj", weight.tensor()}};
}

}  // namespace

TEST("a fresh adapter of any kind changes nothing") {
  for (const auto& [name, config] : every_kind())
    for (const DType dtype : {DType::f32, DType::bf16}) {
      CONTEXT(name << " on " << ace::name(dtype));
      OneModule module(config, 15, 14, dtype, DType::f32);
      const std::vector<double> base = plain(module, {2, 3, 14});
      // Magnitudes start at ||W||: their quotient is 1 to a rounding. Everything else adds exact zeros.
      const bool decomposed = config.kind == AdapterKind::dora || config.weight_decompose;
      CHECK_NEAR(largest_difference(module.output({2, 3, 14}), base), 0, decomposed ? 1e-6 : 0);
      CHECK(largest(base) > 0);
    }
}

TEST("merged weights equal the adapter's output, at full and at any strength") {
  for (const auto& [name, config] : every_kind())
    for (const DType dtype : {DType::f32, DType::bf16})
      for (const double strength : {1.0, 0.35}) {
        CONTEXT(name << " on " << ace::name(dtype) << " at " << strength);
        OneModule module(config, 15, 14, dtype, DType::f32);
        module.disturb();
        const Shape shape{2, 3, 14};
        std::vector<double> x;
        const std::vector<double> adapted = module.output(shape, &x, false, strength), base = plain(module, shape);
        Storage merged({15, 14}, DType::f32, "merged");
        module.adapter().merge(module.target(), strength, merged.tensor());
        std::vector<double> product;
        for (size_t row = 0; row < 6; ++row)
          for (size_t o = 0; o < 15; ++o) {
            double sum = 0;
            for (size_t i = 0; i < 14; ++i) sum += x[row * 14 + i] * number_at(merged.tensor(), static_cast<int64_t>(o * 14 + i));
            product.push_back(sum);
          }
        CHECK_NEAR(largest_difference(product, adapted) / largest(adapted), 0, 1e-5);
        CHECK(largest_difference(adapted, base) > 0.01 * largest(base));  // the adapter does something
      }
}

TEST("merging at strength 0 gives the base weight back") {
  for (const auto& [name, config] : every_kind()) {
    CONTEXT(name);
    OneModule module(config, 15, 14, DType::bf16, DType::f32);
    module.disturb();
    Storage merged({15, 14}, DType::f32, "merged");
    module.adapter().merge(module.target(), 0, merged.tensor());
    for (int64_t i = 0; i < 15 * 14; ++i) CHECK_EQ(merged.tensor().as<float>()[i], to_float(module.weight().as<bf16>()[i]));
  }
}

TEST("two adapters on one linear add their changes to one base product") {
  OneModule first(adapter_config(AdapterKind::lora, 2, 4), 15, 14), second(adapter_config(AdapterKind::lokr, 2, 4), 15, 14);
  first.disturb();
  second.disturb();
  const Shape shape{2, 3, 14};
  OpRun both(DType::f64, {{shape, false}}, [&](OpCase& c) {
    return project(c.tape, OneModule::kPath, first.weight(), c.x[0], {first.use(false, false, 0.5), second.use(false, false)});
  }, false, 1, Recompute::none);
  (void)both.run(cpu_device().pool());
  const std::vector<double> a = first.output(shape, nullptr, false, 0.5), b = second.output(shape), base = plain(first, shape);
  std::vector<double> sum;
  for (size_t i = 0; i < a.size(); ++i) sum.push_back(a[i] + b[i] - base[i]);
  CHECK_NEAR(largest_difference(both.output(), sum), 0, 1e-13);
}

TEST("dropout keeps 1 - p of the inputs, scaled, and leaves the base product alone") {
  AdapterConfig config = adapter_config(AdapterKind::lora, 2, 4);
  config.dropout = 0.3;
  OneModule module(config, 15, 14);
  module.disturb();
  const Shape shape{3, 50, 14};
  Storage ones(shape, DType::f64, "ones"), out(shape, DType::f64, "out");
  for (int64_t i = 0; i < shape.elements(); ++i) set_number(ones.tensor(), i, 1);
  Stream& stream = cpu_device().stream();
  cpu::dropout(stream, out.tensor(), ones.tensor(), module.counters(), 0.3, 0, false);
  int64_t kept = 0;
  for (const double value : numbers_of(out.tensor())) {
    CHECK(value == 0 || std::abs(value - 1 / 0.7) < 1e-15);
    kept += value != 0 ? 1 : 0;
  }
  // 2100 draws: five standard deviations of the mean are 0.05.
  CHECK_NEAR(static_cast<double>(kept) / static_cast<double>(shape.elements()), 0.7, 0.05);
  CHECK(module.output(shape, nullptr, true) != module.output(shape, nullptr, false));
  CHECK(module.output(shape, nullptr, true) == module.output(shape, nullptr, true));
}

TEST("dropout differs between modules, steps and samples, and not between batches that hold the sample") {
  Stream& stream = cpu_device().stream();
  auto mask = [&](std::vector<int64_t> counters, int module) {
    const int64_t batch = static_cast<int64_t>(counters.size()) - 2;
    Storage x({batch, 4, 9}, DType::f32, "x"), y({batch, 4, 9}, DType::f32, "y"), c({batch + 2}, DType::i64, "c");
    for (int64_t i = 0; i < x.tensor().elements(); ++i) set_number(x.tensor(), i, 1);
    std::copy(counters.begin(), counters.end(), c.tensor().as<int64_t>());
    cpu::dropout(stream, y.tensor(), x.tensor(), c.tensor(), 0.5, module, false);
    return numbers_of(y.tensor());
  };
  const std::vector<double> two = mask({1, 2, 10, 11}, 0);
  const std::vector<double> first(two.begin(), two.begin() + 36), second(two.begin() + 36, two.end());
  CHECK(first != second);
  CHECK(mask({1, 2, 10}, 0) == first);
  CHECK(mask({1, 2, 11}, 0) == second);
  CHECK(mask({1, 3, 10}, 0) != first);
  CHECK(mask({2, 2, 10}, 0) != first);
  CHECK(mask({1, 2, 10}, 1) != first);
}

TEST("rank dropout keeps or drops whole output rows, and may divide by the mean it kept") {
  for (const AdapterKind kind : {AdapterKind::lokr, AdapterKind::loha})
    for (const bool scale : {false, true}) {
      AdapterConfig config = adapter_config(kind, 2, 4);
      config.rank_dropout = 0.5;
      config.rank_dropout_scale = scale;
      OneModule module(config, 60, 14);
      module.disturb();
      const Shape shape{2, 3, 14};
      const std::vector<double> base = plain(module, shape), whole = module.output(shape, nullptr, false), dropped = module.output(shape, nullptr, true);
      std::set<double> factors;
      int64_t kept = 0;
      for (size_t o = 0; o < 60; ++o) {
        const double factor = (dropped[o] - base[o]) / (whole[o] - base[o]);
        for (size_t row = 0; row < 6; ++row)
          CHECK_NEAR(dropped[row * 60 + o] - base[row * 60 + o], factor * (whole[row * 60 + o] - base[row * 60 + o]), 1e-9);
        kept += factor > 0.5 ? 1 : 0;
        factors.insert(std::round(factor * 1e6) / 1e6);
      }
      CHECK_EQ(factors.size(), size_t{2});
      CHECK(kept > 10 && kept < 50);
      CHECK_NEAR(*factors.rbegin(), scale ? 60.0 / static_cast<double>(kept) : 1.0, 1e-5);
    }
}

TEST("parameters lie under the ecosystem's names, LyCORIS' alpha beside them") {
  const Storage weight({8, 6}, DType::f32, "w");
  AdapterConfig config = adapter_config(AdapterKind::dora, 2, 4);
  config.target_modules = {"cross_attn.q_proj"};
  const Adapter dora(config, two_targets(weight), 1, DType::f32, cpu_device());
  const auto names = dora.named(dora.parameters());
  CHECK_EQ(names.size(), size_t{3});
  CHECK(names.count("base_model.model.layers.0.cross_attn.q_proj.lora_A.weight") == 1);
  CHECK(names.count("base_model.model.layers.0.cross_attn.q_proj.lora_B.weight") == 1);
  CHECK(names.count("base_model.model.layers.0.cross_attn.q_proj.lora_magnitude_vector") == 1);
  CHECK(dora.alphas().empty());
  config.kind = AdapterKind::lokr;
  config.rank = 64;  // both factors full: the stored alpha equals the rank
  const Adapter lokr(config, two_targets(weight), 1, DType::f32, cpu_device());
  CHECK(lokr.named(lokr.parameters()).count("lycoris_layers_0_cross_attn_q_proj.lokr_w1") == 1);
  CHECK_EQ(lokr.alphas().at("lycoris_layers_0_cross_attn_q_proj.alpha"), 64.0);
}

TEST("rank and alpha are each module's own, the longest name first") {
  const Storage weight({8, 6}, DType::f32, "w");
  AdapterConfig config = adapter_config(AdapterKind::lora, 2, 4);
  config.target_modules = {"q_proj", "up_proj"};
  config.rank_pattern = {{"q_proj", 3}, {"cross_attn.q_proj", 5}};
  config.alpha_pattern = {{"mlp.up_proj", 16}};
  const Adapter adapter(config, two_targets(weight), 1, DType::f32, cpu_device());
  CHECK_EQ(adapter.find("layers.0.self_attn.q_proj")->rank(), 3);
  CHECK_EQ(adapter.find("layers.0.cross_attn.q_proj")->rank(), 5);
  CHECK_EQ(adapter.find("layers.1.mlp.up_proj")->rank(), 2);
  CHECK_EQ(adapter.find("layers.1.mlp.up_proj")->scale(), 8.0);
  CHECK(adapter.find("layers.1.mlp.down_proj") == nullptr);
}

TEST("settings out of range and names that match nothing are refused in one line") {
  const Storage weight({8, 6}, DType::f32, "w");
  auto make = [&](auto set) {
    AdapterConfig config = adapter_config(AdapterKind::lora, 2, 4);
    config.target_modules = {"q_proj"};
    set(config);
    return Adapter(config, two_targets(weight), 1, DType::f32, cpu_device()).parameter_count();
  };
  CHECK_THROWS(make([](AdapterConfig& c) { c.target_modules = {}; }), "targetModules: at least one");
  CHECK_THROWS(make([](AdapterConfig& c) { c.target_modules = {"q_proj", "q_porj"}; }), "targetModules: \"q_porj\" names no linear");
  CHECK_THROWS(make([](AdapterConfig& c) { c.rank_pattern = {{"k_proj", 3}}; }), "rankPattern: \"k_proj\" names no linear");
  CHECK_THROWS(make([](AdapterConfig& c) { c.rank = 0; }), "rank: expected 1 to 4096, got 0");
  CHECK_THROWS(make([](AdapterConfig& c) { c.rank = 4097; }), "rank: expected 1 to 4096, got 4097");
  CHECK(make([](AdapterConfig& c) { c.rank = 4096; }) > 4096);
  for (const int64_t rank : {0, 4097})
    CHECK_THROWS(make([&](AdapterConfig& c) { c.rank_pattern = {{"q_proj", rank}}; }), "rankPattern[\"q_proj\"]: expected 1 to 4096, got " + std::to_string(rank));
  CHECK_THROWS(make([](AdapterConfig& c) { c.alpha_pattern = {{"k_proj", 3}}; }), "alphaPattern: \"k_proj\" names no linear");
  CHECK_THROWS(make([](AdapterConfig& c) { c.alpha = INFINITY; }), "alpha: expected a finite number");
  CHECK_THROWS(make([](AdapterConfig& c) { c.dropout = 1; }), "dropout: expected 0 to below 1");
  CHECK_THROWS(make([](AdapterConfig& c) { c.dropout = -0.1; }), "dropout: expected 0 to below 1");
  CHECK_THROWS(make([](AdapterConfig& c) { c.kind = AdapterKind::lokr, c.rank_dropout = 1; }), "rankDropout: expected 0 to below 1");
  CHECK_THROWS(make([](AdapterConfig& c) { c.kind = AdapterKind::lokr, c.factor = -2; }), "factor: expected -1 or a positive number, got -2");
  CHECK_THROWS(make([](AdapterConfig& c) { c.factor = 0; }), "factor: expected -1 or a positive number, got 0");
  CHECK_THROWS(make([](AdapterConfig& c) { c.kind = AdapterKind::loha, c.rank_dropout = 0.1, c.weight_decompose = true; }), "rankDropout cannot be combined");
  CHECK_THROWS(make([](AdapterConfig& c) { c.kind = AdapterKind::lokr, c.dropout = 0.1; }), "dropout is for lora and dora");
  CHECK_THROWS(make([](AdapterConfig& c) { c.kind = AdapterKind::loha, c.rs_lora = true; }), "rsLora is for lora and dora");
  CHECK_THROWS(make([](AdapterConfig& c) { c.rank_dropout = 0.1; }), "rankDropout is for lokr and loha");
  CHECK_THROWS(make([](AdapterConfig& c) { c.kind = AdapterKind::dora, c.weight_decompose = true; }), "weightDecompose is for lokr and loha");
}

TEST("fresh parameters depend on the seed and nothing else, and follow their law") {
  const Storage weight({64, 48}, DType::f32, "w");
  auto fresh = [&](AdapterKind kind, uint64_t seed) {
    AdapterConfig config = adapter_config(kind, 16, 4);
    config.target_modules = {"q_proj"};
    const Adapter adapter(config, two_targets(weight), seed, DType::f32, cpu_device());
    std::map<std::string, std::vector<double>> out;
    for (const auto& [name, tensor] : adapter.named(adapter.parameters())) out[name] = numbers_of(tensor);
    return out;
  };
  CHECK(fresh(AdapterKind::lora, 1) == fresh(AdapterKind::lora, 1));
  CHECK(fresh(AdapterKind::lora, 1) != fresh(AdapterKind::lora, 2));
  const auto lora = fresh(AdapterKind::lora, 1);
  const std::vector<double>& a = lora.at("base_model.model.layers.0.self_attn.q_proj.lora_A.weight");
  const double bound = 1 / std::sqrt(48.0);
  double sum = 0, square = 0;
  for (const double x : a) {
    sum += x;
    square += x * x;
  }
  const double n = static_cast<double>(a.size());
  CHECK(largest(a) <= bound && largest(a) > 0.98 * bound);
  CHECK_NEAR(sum / n, 0, 5 * bound / std::sqrt(3 * n));
  CHECK_NEAR(square / n, bound * bound / 3, 0.1 * bound * bound / 3);
  CHECK_EQ(largest(lora.at("base_model.model.layers.0.self_attn.q_proj.lora_B.weight")), 0.0);
  const auto loha = fresh(AdapterKind::loha, 1);
  auto deviation = [&](const std::string& suffix) {
    double total = 0;
    const std::vector<double>& v = loha.at("lycoris_layers_0_self_attn_q_proj." + suffix);
    for (const double x : v) total += x * x;
    return std::sqrt(total / static_cast<double>(v.size()));
  };
  CHECK_NEAR(deviation("hada_w1_a"), 0.1, 0.01);
  CHECK_NEAR(deviation("hada_w1_b"), 1, 0.1);
  CHECK_EQ(deviation("hada_w2_a"), 0.0);
}

TEST("a fresh adapter draws each module's and each factor's numbers by themselves") {
  const Storage weight({16, 16}, DType::f32, "w");
  for (const AdapterKind kind : {AdapterKind::lora, AdapterKind::loha}) {
    AdapterConfig config = adapter_config(kind, 4, 4);
    config.target_modules = {"q_proj"};
    const Adapter adapter(config, two_targets(weight), 1, DType::f32, cpu_device());
    std::set<std::vector<double>> drawn;
    size_t count = 0;
    for (const auto& [name, tensor] : adapter.named(adapter.parameters())) {
      if (largest(numbers_of(tensor)) == 0) continue;
      ++count;
      drawn.insert(numbers_of(tensor));
    }
    CHECK_EQ(count, kind == AdapterKind::lora ? size_t{2} : size_t{6});
    CHECK_EQ(drawn.size(), count);
  }
}

TEST("a LoKr factor is low-rank where that is smaller, and whole from half its larger side on") {
  const Storage weight({64, 36}, DType::f32, "w");  // 64 = 8 x 8, 36 = 6 x 6: w1 and w2 are [8, 6]
  auto factors = [&](int64_t rank, bool both) {
    AdapterConfig config = adapter_config(AdapterKind::lokr, rank, 4);
    config.target_modules = {"up_proj"};
    config.decompose_both = both;
    const Adapter adapter(config, two_targets(weight), 1, DType::f32, cpu_device());
    std::string out;
    for (const AdapterParameter& p : adapter.modules().at(0)->parameters()) out += p.suffix.substr(5) + p.shape.text() + " ";
    return out;
  };
  CHECK_EQ(factors(3, false), std::string("w1[8, 6] w2_a[8, 3] w2_b[3, 6] "));
  CHECK_EQ(factors(4, false), std::string("w1[8, 6] w2[8, 6] "));
  CHECK_EQ(factors(3, true), std::string("w1_a[8, 3] w1_b[3, 6] w2_a[8, 3] w2_b[3, 6] "));
  CHECK_EQ(factors(4, true), std::string("w1[8, 6] w2[8, 6] "));
}
