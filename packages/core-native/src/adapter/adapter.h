#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapter/module.h"
#include "tensor/storage.h"

namespace ace {

// A linear of the decoder that an adapter may sit on.
struct AdapterTarget {
  std::string path;  // "layers.0.self_attn.q_proj"
  Tensor weight;     // [out, in]
  std::string stack = {};  // targets of one stack have one input x; empty: alone with it
};

// All trainable parameters of one adapter in one flat buffer, module after module; only the first factors of a stack lie
// below each other, so that their products with x can be one (see project_stacked).
class Adapter {
 public:
  // Wraps exactly the targets that config.target_modules names. Fresh parameters come from Philox(seed); on a planning
  // device there are none. `activations`: the decoder's dtype; parameters are wide(activations), with a copy in
  // `activations` beside them where that is narrower. Errors: ERR_CONFIG when a name matches nothing, or a setting is out
  // of range.
  Adapter(const AdapterConfig& config, const std::vector<AdapterTarget>& targets, uint64_t seed, DType activations, Device& device);
  // The same adapter with the same numbers on another device.
  Adapter(const Adapter& other, Device& device);

  Device& device() const { return device_; }
  const AdapterConfig& config() const { return config_; }
  int64_t parameter_count() const { return count_; }
  Tensor parameters() const { return storage_.tensor(); }
  // The parameters in the activations' dtype, laid out alike; not given where that is the parameters' own.
  Tensor shadow() const { return shadow_.tensor(); }
  // What a pass reads of this adapter: without gradients or dropout unless the caller adds them.
  AdapterPass pass() const { return {parameters(), shadow(), {}, {}, 1}; }
  // Makes the shadow anew: after parameters() was written to.
  void refresh_shadow();
  const std::vector<std::unique_ptr<AdapterModule>>& modules() const { return modules_; }
  // The module on `path`, or null.
  const AdapterModule* find(const std::string& path) const;

  // The ecosystem's name of one tensor.
  std::string file_name(const AdapterModule& module, const std::string& suffix) const;
  // Every tensor under the ecosystem's file name; `flat` is parameters() or a buffer laid out like it (gradients,
  // optimiser state). LyCORIS' `alpha` scalars are not parameters: see alphas().
  std::map<std::string, Tensor> named(Tensor flat) const;
  // File name -> value of the alpha scalars that a LyCORIS file carries; empty for PEFT.
  std::map<std::string, double> alphas() const;
  static bool is_peft(AdapterKind kind) { return kind == AdapterKind::lora || kind == AdapterKind::dora; }

  // W' of one module in the compute type, written to `out` [out, in]. All three in main memory, so is the adapter.
  void merge(const AdapterTarget& target, double strength, Tensor out) const;

 private:
  void choose(const std::vector<AdapterTarget>& targets);
  void build();
  void check(const AdapterConfig& config) const;
  void lay_out();
  void allocate(DType activations);
  void initialise(uint64_t seed);

  AdapterConfig config_;
  Device& device_;
  std::vector<AdapterTarget> targets_;  // one a module, in their order
  std::vector<std::unique_ptr<AdapterModule>> modules_;
  std::map<std::string, const AdapterModule*> by_path_;
  int64_t count_ = 0;
  Storage storage_, shadow_;
};

}  // namespace ace
