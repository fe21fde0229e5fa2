#include "adapter/adapter.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "ops/ops.h"
#include "ops/philox.h"

namespace ace {

namespace {

std::unique_ptr<AdapterModule> make_module(const AdapterConfig& config, const AdapterTarget& target, int index,
                                           int64_t rank, double alpha) {
  const int64_t out = target.weight.shape[0], in = target.weight.shape[1];
  switch (config.kind) {
    case AdapterKind::lora:
    case AdapterKind::dora: return make_lora(target.path, index, config, rank, alpha, out, in);
    case AdapterKind::lokr: return make_lokr(target.path, index, config, rank, alpha, out, in);
    case AdapterKind::loha: return make_loha(target.path, index, config, rank, alpha, out, in);
    case AdapterKind::probe: return make_probe(target.path, index, config, out, in);
  }
  throw Error(ErrorCode::internal, "an adapter of unknown kind");
}

}  // namespace

Adapter::Adapter(const AdapterConfig& config, const std::vector<AdapterTarget>& targets, uint64_t seed, DType activations,
                 Device& device)
    : config_(config), device_(device) {
  check(config);
  choose(targets);
  build();
  allocate(activations);
  if (!device.planning()) initialise(seed);
}

Adapter::Adapter(const Adapter& other, Device& device) : config_(other.config_), device_(device), targets_(other.targets_) {
  build();
  allocate(other.parameters().dtype);
  upload(device, parameters(), download(other.device_, other.parameters()).tensor());
}

void Adapter::allocate(DType activations) {
  storage_ = Storage(device_, {count_}, wide(activations), "adapter parameters");
  if (activations != wide(activations)) shadow_ = Storage(device_, {count_}, activations, "adapter parameters");
}

void Adapter::refresh_shadow() {
  if (shadow().given()) upload(device_, shadow(), converted(download(device_, parameters()).tensor(), shadow().dtype).tensor());
}

void Adapter::choose(const std::vector<AdapterTarget>& targets) {
  const AdapterConfig& config = config_;
  for (const AdapterTarget& target : targets) {
    const bool wanted = std::any_of(config.target_modules.begin(), config.target_modules.end(),
                                    [&](const std::string& name) { return names_module(name, target.path); });
    if (wanted) targets_.push_back(target);
  }
  auto must_match = [&](const char* field, const std::string& name) {
    if (std::none_of(targets.begin(), targets.end(), [&](const AdapterTarget& t) { return names_module(name, t.path); }))
      throw Error(ErrorCode::config, std::string(field) + ": \"" + name +
                                         "\" names no linear of the decoder; try q_proj, cross_attn.k_proj or layers.0.mlp.up_proj");
  };
  for (const std::string& name : config.target_modules) must_match("targetModules", name);
  for (const auto& entry : config.rank_pattern) must_match("rankPattern", entry.first);
  for (const auto& entry : config.alpha_pattern) must_match("alphaPattern", entry.first);
}

void Adapter::build() {
  const AdapterConfig& config = config_;
  for (const AdapterTarget& target : targets_) {
    const int64_t* rank = best_match(config.rank_pattern, target.path);
    const double* alpha = best_match(config.alpha_pattern, target.path);
    auto module = make_module(config, target, static_cast<int>(modules_.size()), rank != nullptr ? *rank : config.rank,
                              alpha != nullptr ? *alpha : config.alpha);
    by_path_[target.path] = module.get();
    modules_.push_back(std::move(module));
  }
  lay_out();
}

void Adapter::lay_out() {
  auto to_cache_line = [this] { count_ = (count_ + 15) / 16 * 16; };
  std::set<std::string> stacks;
  std::set<const AdapterParameter*> placed;
  auto place = [&](AdapterParameter& parameter) {
    if (!placed.insert(&parameter).second) return;
    parameter.offset = count_;
    count_ += parameter.shape.elements();
  };
  for (size_t m = 0; m < modules_.size(); ++m) {
    const std::string& stack = targets_[m].stack;
    if (!stack.empty() && stacks.insert(stack).second) {
      for (size_t other = m; other < modules_.size(); ++other)
        for (AdapterParameter& parameter : modules_[other]->parameters())
          if (targets_[other].stack == stack && &parameter == modules_[other]->first_factor({})) place(parameter);
      to_cache_line();
    }
    for (AdapterParameter& parameter : modules_[m]->parameters()) {
      place(parameter);
      to_cache_line();  // where the next one begins
    }
  }
}

void Adapter::check(const AdapterConfig& config) const {
  auto refuse = [](const std::string& message) { throw Error(ErrorCode::config, message); };
  if (config.target_modules.empty()) refuse("targetModules: at least one module name is needed");
  if (config.rank < 1 || config.rank > 4096) refuse("rank: expected 1 to 4096, got " + std::to_string(config.rank));
  for (const auto& [name, rank] : config.rank_pattern)
    if (rank < 1 || rank > 4096) refuse("rankPattern[\"" + name + "\"]: expected 1 to 4096, got " + std::to_string(rank));
  if (!std::isfinite(config.alpha)) refuse("alpha: expected a finite number");
  if (!(config.dropout >= 0 && config.dropout < 1)) refuse("dropout: expected 0 to below 1, got " + std::to_string(config.dropout));
  if (!(config.rank_dropout >= 0 && config.rank_dropout < 1))
    refuse("rankDropout: expected 0 to below 1, got " + std::to_string(config.rank_dropout));
  // A setting of another kind would do nothing, and LyCORIS files cannot carry a rank-stabilised scale.
  const bool peft = is_peft(config.kind);
  if (!peft && config.dropout > 0) refuse("dropout is for lora and dora; lokr and loha have rankDropout");
  if (!peft && config.rs_lora) refuse("rsLora is for lora and dora");
  if (peft && config.rank_dropout > 0) refuse("rankDropout is for lokr and loha; lora and dora have dropout");
  if (peft && config.weight_decompose) refuse("weightDecompose is for lokr and loha; for lora it is the kind dora");
  if (config.weight_decompose && config.rank_dropout > 0)
    refuse("rankDropout cannot be combined with weightDecompose: choose one");
  if (config.factor == 0 || config.factor < -1) refuse("factor: expected -1 or a positive number, got " + std::to_string(config.factor));
}

const AdapterModule* Adapter::find(const std::string& path) const {
  auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : found->second;
}

void Adapter::initialise(uint64_t seed) {
  Stream host_stream{DeviceKind::cpu, device_.stream().pool};
  const Storage host({count_}, parameters().dtype, "adapter parameters");
  for (size_t m = 0; m < modules_.size(); ++m) {
    const auto& all = modules_[m]->parameters();
    for (size_t p = 0; p < all.size(); ++p) {
      const AdapterParameter& parameter = all[p];
      Tensor value = host.tensor().slice(parameter.offset, parameter.shape.elements()).reshaped(parameter.shape);
      if (parameter.init == Init::row_norm) {
        const Storage weight = download(device_, targets_[m].weight);
        cpu::row_norm(host_stream, value.reshaped({value.elements()}), weight.tensor(), Tensor{});
        continue;
      }
      if (parameter.init == Init::zero) continue;
      // torch's kaiming_uniform_(a = sqrt 5) is uniform within 1 / sqrt(fan in), fan in = the second axis.
      const double bound = 1.0 / std::sqrt(static_cast<double>(parameter.shape[1]));
      for (int64_t i = 0; i < value.elements(); ++i) {
        const Philox words = random_words(seed, 0, (static_cast<uint64_t>(m) << 8) | p,
                                          static_cast<uint32_t>(Purpose::adapter_init), static_cast<uint64_t>(i));
        double number;
        if (parameter.init == Init::kaiming_uniform) {
          number = (2 * uniform01(words.word[0]) - 1) * bound;
        } else {
          double unused;
          normal_pair(words.word[0], words.word[1], number, unused);
          number *= parameter.deviation;
        }
        set_element(value, i, static_cast<float>(number));
      }
    }
  }
  upload(device_, parameters(), host.tensor());
  refresh_shadow();
}

std::string Adapter::file_name(const AdapterModule& module, const std::string& suffix) const {
  if (is_peft(config_.kind) || config_.kind == AdapterKind::probe) return "base_model.model." + module.path() + "." + suffix;
  std::string flat = module.path();
  std::replace(flat.begin(), flat.end(), '.', '_');
  return "lycoris_" + flat + "." + suffix;
}

std::map<std::string, Tensor> Adapter::named(Tensor flat) const {
  std::map<std::string, Tensor> out;
  for (const auto& module : modules_)
    for (const AdapterParameter& p : module->parameters())
      out[file_name(*module, p.suffix)] = flat.reshaped({flat.elements()}).slice(p.offset, p.shape.elements()).reshaped(p.shape);
  return out;
}

std::map<std::string, double> Adapter::alphas() const {
  std::map<std::string, double> out;
  if (is_peft(config_.kind)) return out;
  for (const auto& module : modules_) out[file_name(*module, "alpha")] = module->alpha();
  return out;
}

void Adapter::merge(const AdapterTarget& target, double strength, Tensor out) const {
  if (device_.kind() != DeviceKind::cpu) throw Error(ErrorCode::internal, "merge: the adapter is not in main memory");
  const AdapterModule* module = find(target.path);
  if (module == nullptr) throw Error(ErrorCode::config, "the adapter has no module " + target.path);
  Program program;
  Tape tape(program, Recompute::none, false);
  AdapterPass pass;
  pass.parameters = parameters();
  Tensor merged = module->merged(tape, program.fixed(target.weight, target.path), pass);
  Tensor result = program.fixed(out, "merged");
  if (strength == 1) {
    program.call<kernels::copy>(result, merged);
  } else {  // W + strength (W' - W)
    Tensor zero = tape.empty(merged.shape, merged.dtype), base = tape.empty(merged.shape, merged.dtype);
    program.call<kernels::fill>(zero, 0.0);
    program.call<kernels::add_weight>(base, program.fixed(target.weight), zero);
    program.call<kernels::blend>(result, base, merged, strength);
  }
  Storage arena({program.plan()}, DType::u8, "merging " + target.path);
  program.bind(arena.data());
  program.run(device_.stream());
}

}  // namespace ace
