// An adapter on a single frozen linear, its parameters away from their start so that every gradient is alive.
#pragma once
#include "adapter/adapter.h"
#include "cpu_device.h"
#include "model/decoder.h"
#include "ops/check_op.h"

namespace ace::test {

class OneModule {
 public:
  static constexpr const char* kPath = "layers.0.self_attn.q_proj";

  OneModule(AdapterConfig config, int64_t out, int64_t in, DType weight_dtype = DType::f64, DType dtype = DType::f64)
      : weight_({out, in}, weight_dtype, "weight") {
    Numbers numbers(23);
    for (int64_t i = 0; i < out * in; ++i) {
      const float value = static_cast<float>(numbers.next() / std::sqrt(static_cast<double>(in)));
      if (weight_dtype == DType::bf16) weight_.tensor().as<bf16>()[i] = to_bf16(value);
      else set_number(weight_.tensor(), i, value);
    }
    config.target_modules = {"q_proj"};
    adapter_ = std::make_unique<Adapter>(config, std::vector<AdapterTarget>{target()}, 5, dtype, cpu_device());
    gradients_ = Storage({adapter_->parameter_count()}, dtype, "gradients");
    counters_ = Storage({2 + kMaxBatch}, DType::i64, "counters");
    for (int64_t i = 0; i < 2 + kMaxBatch; ++i) counters_.tensor().as<int64_t>()[i] = 17 * i + 3;
  }

  // Moves every parameter; magnitudes stay near the row norms they start from.
  void disturb() {
    Numbers numbers(29);
    for (const auto& [name, value] : adapter_->named(adapter_->parameters())) {
      const bool magnitude = name.find("magnitude") != std::string::npos || name.find("dora_scale") != std::string::npos;
      for (int64_t i = 0; i < value.elements(); ++i)
        set_number(value, i, magnitude ? number_at(value, i) * (1 + 0.2 * numbers.next()) : 0.5 * numbers.next());
    }
  }

  AdapterTarget target() const { return {kPath, weight_.tensor()}; }
  Tensor weight() const { return weight_.tensor(); }
  const Adapter& adapter() const { return *adapter_; }
  const AdapterModule& module() const { return *adapter_->modules().at(0); }
  Tensor counters() const { return counters_.tensor(); }
  Tensor parameter(const std::string& suffix) const { return find(adapter_->parameters(), suffix); }
  Tensor gradient(const std::string& suffix) const { return find(gradients_.tensor(), suffix); }

  AdapterUse use(bool training, bool gradients = true, double strength = 1) const {
    AdapterUse out{adapter_.get(), {}};
    out.pass.parameters = adapter_->parameters();
    if (gradients) out.pass.gradients = gradients_.tensor();
    if (training) out.pass.counters = counters_.tensor();
    out.pass.strength = strength;
    return out;
  }
  OpBody body(bool training) const {
    return [this, training](OpCase& c) { return project(c.tape, kPath, weight(), c.x[0], {use(training)}); };
  }
  std::vector<Tracked> tracked() const {
    std::vector<Tracked> out;
    const auto gradients = adapter_->named(gradients_.tensor());
    for (const auto& [name, value] : adapter_->named(adapter_->parameters())) out.push_back({name, value, gradients.at(name)});
    return out;
  }

  // y for x [batch, rows, in], nothing recorded.
  std::vector<double> output(const Shape& shape, std::vector<double>* x = nullptr, bool training = false, double strength = 1, bool adapted = true) {
    OpRun run(adapter_->parameters().dtype, {{shape, false}}, [&](OpCase& c) {
      const AdapterUse with = use(training, false, strength);
      return project(c.tape, kPath, weight(), c.x[0], adapted ? std::vector<AdapterUse>{with} : std::vector<AdapterUse>{});
    }, false, 1, Recompute::none);
    (void)run.run(cpu_device().pool());
    if (x != nullptr) *x = run.values(0);
    return run.output();
  }

 private:
  static constexpr int64_t kMaxBatch = 8;
  Tensor find(const Tensor& flat, const std::string& suffix) const {
    for (const auto& [name, tensor] : adapter_->named(flat))
      if (name.size() >= suffix.size() && name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0) return tensor;
    throw Error(ErrorCode::internal, "no parameter " + suffix);
  }

  Storage weight_;
  std::unique_ptr<Adapter> adapter_;
  Storage gradients_, counters_;
};

inline AdapterConfig adapter_config(AdapterKind kind, int64_t rank, double alpha) {
  AdapterConfig config;
  config.kind = kind;
  config.rank = rank;
  config.alpha = alpha;
  return config;
}

}  // namespace ace::test
