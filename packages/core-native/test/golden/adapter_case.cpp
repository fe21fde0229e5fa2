// adapter_*: velocity, gradients and activations' gradients of step 0, then AdamW updates with the tensors along the way.
#include <algorithm>

#include "flow_batch.h"
#include "optim/optimizer.h"
#include "train/parameter_rules.h"

namespace ace::golden {

namespace {

double number(const Json& object, const char* key) {
  const Json* value = object.find(key);
  if (value == nullptr || !value->is(Json::Kind::number)) throw Error(ErrorCode::file, std::string("optimizer: \"") + key + "\" is not a number");
  return value->number();
}

AdapterConfig config_of(const Case& c) {
  AdapterConfig config;
  const std::string& kind = c.metadata("adapter");
  const std::map<std::string, AdapterKind> known = {
      {"lora", AdapterKind::lora}, {"dora", AdapterKind::dora}, {"lokr", AdapterKind::lokr}, {"loha", AdapterKind::loha}};
  if (known.count(kind) == 0) throw Error(ErrorCode::file, "adapter: \"" + kind + "\" is not a known kind");
  config.kind = known.at(kind);
  config.rank = std::stoll(c.metadata("rank"));
  config.alpha = std::stod(c.metadata("alpha"));
  const Json targets = c.metadata_json("targets");
  for (const Json& target : targets.items()) config.target_modules.push_back(target.string());
  const Json options = c.metadata_json("options");
  for (const auto& [key, value] : options.members()) {
    if (key == "rs") config.rs_lora = value.boolean();
    else if (key == "factor") config.factor = static_cast<int64_t>(value.number());
    else if (key == "decompose_both") config.decompose_both = value.boolean();
    else if (key == "full_matrix") config.full_matrix = value.boolean();
    else if (key == "dora") config.weight_decompose = value.boolean();
    else throw Error(ErrorCode::file, "options: \"" + key + "\" is not a known option");
  }
  return config;
}

OptimizerConfig optimizer_of(Case& c) {
  const Json settings = c.metadata_json("optimizer");
  const Json* betas = settings.find("betas");
  if (betas == nullptr || betas->items().size() != 2) throw Error(ErrorCode::file, "optimizer: \"betas\" is not a pair");
  OptimizerConfig config;
  config.beta1 = betas->items()[0].number();
  config.beta2 = betas->items()[1].number();
  config.epsilon = number(settings, "eps");
  config.weight_decay = number(settings, "weight_decay");
  const Json* clip = settings.find("clip_grad_norm");
  config.max_grad_norm = clip != nullptr && clip->is(Json::Kind::number) ? clip->number() : 0;
  return config;
}

// Adapter, gradients and optimiser, as a training session keeps them. The reference decays magnitudes too.
class Trained {
 public:
  Trained(Case& c)
      : adapter(config_of(c), c.model().decoder().targets(), 0, c.model().dtype(), c.device()),
        gradients_(c.device(), {adapter.parameter_count()}, DType::f32, "gradients"),
        optimizer_(c.device(), optimizer_of(c), optimizer_parameters(adapter, ParameterRules{.b_ratio = 1, .rates = {}, .decay_vectors = true}),
                   {adapter.parameters(), adapter.shadow(), gradients_.tensor()}),
        learning_rate_(number(c.metadata_json("optimizer"), "lr")) {}

  Tensor gradients() const { return gradients_.tensor(); }
  void clear() { adapter.device().zero(gradients_.data(), gradients_.bytes()); }
  // Returns the norm before clipping.
  double update() {
    optimizer_.begin(learning_rate_);
    optimizer_.update();
    adapter.device().synchronize();
    return optimizer_.result().grad_norm;
  }

  Adapter adapter;

 private:
  Storage gradients_;
  Optimizer optimizer_;
  double learning_rate_;
};

// Every tensor of `flat` under PREFIX + its file name.
std::map<std::string, Values> named(const Adapter& adapter, Tensor flat, const std::string& prefix) {
  std::map<std::string, Values> out;
  for (const auto& [name, tensor] : adapter.named(flat)) out[prefix + name] = read(adapter.device(), tensor);
  return out;
}

void set_initial(Case& c, Trained& trained) {
  for (const auto& [name, tensor] : trained.adapter.named(trained.adapter.parameters())) {
    const Values& initial = c.input("init." + name);
    if (!(initial.shape == tensor.shape)) throw_shape("init." + name + " is " + initial.shape.text() + ", ours is " + tensor.shape.text());
    write(c.device(), tensor, initial);
  }
  trained.adapter.refresh_shadow();
  for (const auto& [name, alpha] : trained.adapter.alphas()) c.compare_exact("init." + name, {{}, {alpha}});
}

// "dact.layer3.out" is the probe "dlayers.3.out", "dact.velocity" is "dvelocity".
void compare_activations(Case& c, const FlowBatch& flow, int64_t frames) {
  c.compare("velocity", with_frames(flow.probe("velocity"), frames));
  for (const std::string& name : c.names("dact.")) {
    const std::string rest = name.substr(5);
    if (rest == "velocity") c.compare(name, with_frames(flow.probe("dvelocity"), frames));
    else c.compare(name, flow.probe(rest.rfind("layer", 0) == 0 ? "dlayers." + rest.substr(5) : "d" + rest));
  }
}

void run(Case& c) {
  c.from_decoder();
  const TrainBatch batch(c);
  Trained trained(c);
  set_initial(c, trained);
  const bool masked = c.metadata("masked_loss") == "true";

  // Step 0 with every layer's gradient kept.
  FlowBatch probed(c, batch, masked, true, &trained.adapter, trained.gradients());
  (void)probed.loss(0);
  compare_activations(c, probed, batch.frames());
  const std::map<std::string, Values> kept = named(trained.adapter, trained.gradients(), "grad.");

  // The same steps as a training session makes them, without anything kept.
  FlowBatch plain(c, batch, masked, false, &trained.adapter, trained.gradients());
  std::vector<double> losses, norms;
  const int64_t steps = c.shape("losses")[0];
  for (int64_t step = 0; step < steps; ++step) {
    trained.clear();
    losses.push_back(plain.loss(step % batch.draws()));
    if (step == 0) {
      const std::map<std::string, Values> gradients = named(trained.adapter, trained.gradients(), "grad.");
      for (const auto& [name, values] : gradients)
        if (values.numbers != kept.at(name).numbers) c.problem(name + ": keeping probes changes it");
      c.compare_all("grad.*", gradients, kGradientsMark, kGradientMark);
    }
    norms.push_back(trained.update());
    const std::string prefix = "step" + std::to_string(step + 1) + ".";
    if (!c.names(prefix).empty())
      c.compare_all(prefix + "*", named(trained.adapter, trained.adapter.parameters(), prefix), kStepMark, kNoMark);
  }
  c.compare("losses", {{steps}, losses});
  c.compare("grad_norms", {{steps}, norms}, kGradientMark);  // of weights that carry kStepMark by then
}

const CaseKind kind("adapter_", run);

}  // namespace

}  // namespace ace::golden
