// The whole decoder, two small layers in float64, against differences; and what its program costs.
#include "adapter/one_module.h"
#include "autograd/lives.h"
#include "model/small_model.h"
#include "train/flow_program.h"

using namespace ace;
using namespace ace::test;

namespace {

ModelConfig config_of_test() {
  ModelConfig c = small_config();
  c.encoder_hidden_size = 10;  // as XL, another width than the decoder's
  c.in_channels = 3 * c.audio_acoustic_hidden_dim;
  return c;
}

ModelConfig config_2b() {
  ModelConfig c;
  c.hidden_size = c.encoder_hidden_size = 2048;
  c.intermediate_size = c.encoder_intermediate_size = 6144;
  c.num_hidden_layers = 24;
  c.num_attention_heads = c.encoder_num_attention_heads = 16;
  c.num_key_value_heads = c.encoder_num_key_value_heads = 8;
  c.head_dim = 128;
  c.sliding_window = 128;
  for (int i = 0; i < 24; ++i) c.sliding.push_back(i % 2 == 0);
  return c;
}

// Several adapters of different kinds, each on modules of its own.
class Mixture {
 public:
  explicit Mixture(const Decoder& decoder) : decoder_(decoder), counters_({4}, DType::i64, "counters") {
    for (int64_t i = 0; i < 4; ++i) counters_.tensor().as<int64_t>()[i] = 3 + i;
    AdapterConfig lora = adapter_config(AdapterKind::lora, 2, 4);
    lora.dropout = 0.3;
    add(lora, {"self_attn.q_proj", "mlp.gate_proj"});
    AdapterConfig rs = adapter_config(AdapterKind::lora, 3, 2);
    rs.rs_lora = true;
    add(rs, {"cross_attn.q_proj", "cross_attn.o_proj"});
    add(adapter_config(AdapterKind::lokr, 2, 4), {"self_attn.k_proj", "cross_attn.k_proj"});
    AdapterConfig dropped = adapter_config(AdapterKind::lokr, 64, 4);
    dropped.rank_dropout = 0.3;
    add(dropped, {"self_attn.v_proj"});
    AdapterConfig decomposed = adapter_config(AdapterKind::lokr, 1, 2);
    decomposed.weight_decompose = decomposed.decompose_both = true;
    add(decomposed, {"mlp.down_proj"});
    add(adapter_config(AdapterKind::loha, 2, 4), {"self_attn.o_proj", "cross_attn.v_proj"});
    AdapterConfig loha = adapter_config(AdapterKind::loha, 1, 2);
    loha.weight_decompose = true;
    add(loha, {"mlp.up_proj"});
  }

  std::vector<AdapterUse> uses() const {
    std::vector<AdapterUse> out;
    for (size_t i = 0; i < adapters_.size(); ++i) {
      AdapterUse use{adapters_[i].get(), {}};
      use.pass.parameters = adapters_[i]->parameters();
      use.pass.gradients = gradients_[i].tensor();
      use.pass.counters = counters_.tensor();
      out.push_back(use);
    }
    return out;
  }
  std::vector<Tracked> tracked() const {
    std::vector<Tracked> out;
    for (size_t i = 0; i < adapters_.size(); ++i) {
      const auto gradients = adapters_[i]->named(gradients_[i].tensor());
      for (const auto& [name, value] : adapters_[i]->named(adapters_[i]->parameters())) out.push_back({name, value, gradients.at(name)});
    }
    return out;
  }

 private:
  void add(AdapterConfig config, std::vector<std::string> targets) {
    config.target_modules = std::move(targets);
    adapters_.push_back(std::make_unique<Adapter>(config, decoder_.targets(), 9, DType::f64, cpu_device()));
    gradients_.emplace_back(Shape{adapters_.back()->parameter_count()}, DType::f64, "gradients");
    Numbers numbers(31 + adapters_.size());
    for (const auto& [name, value] : adapters_.back()->named(adapters_.back()->parameters())) {
      const bool magnitude = name.find("dora_scale") != std::string::npos;
      for (int64_t i = 0; i < value.elements(); ++i)
        set_number(value, i, magnitude ? number_at(value, i) * (1 + 0.2 * numbers.next()) : 0.4 * numbers.next());
    }
  }

  const Decoder& decoder_;
  Storage counters_;
  std::vector<std::unique_ptr<Adapter>> adapters_;
  std::vector<Storage> gradients_;
};

}  // namespace

TEST("two layers with every kind of adapter on all their linears differentiate, whatever is recomputed") {
  const ModelConfig config = config_of_test();
  const Decoder decoder(config, std::make_unique<RandomWeights>(cpu_device(), 3, DType::f64), DType::f64);
  const Mixture mixture(decoder);
  size_t modules = 0;
  for (const AdapterUse& use : mixture.uses()) modules += use.adapter->modules().size();
  CHECK_EQ(modules, decoder.targets().size());
  const int64_t batch = 2, frames = 13, tokens = 5, latent = config.audio_acoustic_hidden_dim;
  for (const Recompute recompute : kRecomputePolicies) {
    OpOptions options;
    options.tracked = mixture.tracked();
    options.recompute = recompute;
    options.most_elements = recompute == Recompute::none ? 60 : 7;
    check_op(std::string("decoder, recompute ") + name(recompute),
             {{{batch, frames, latent}, false}, {{batch, frames, 2 * latent}, false}, {{batch, tokens, config.encoder_hidden_size}, false}},
             [&](OpCase& c) {
               DecoderInputs in;
               in.x_t = c.x[0].value;
               in.context = c.x[1].value;
               in.condition = c.x[2].value;
               in.t = in.r = c.frozen({batch}, 0.2, 0.5);
               in.frame_count = c.ints({13, 9});
               in.token_count = c.ints({7, 5});
               in.condition_count = c.ints({5, 3});
               return decoder.velocity(c.tape, in, mixture.uses());
             },
             options);
  }
}

TEST("frames and condition tokens that do not exist change nothing that does") {
  const ModelConfig config = config_of_test();
  const Decoder decoder(config, std::make_unique<RandomWeights>(cpu_device(), 3, DType::f32), DType::f32);
  const int64_t frames = 14, tokens = 6, latent = config.audio_acoustic_hidden_dim, width = config.encoder_hidden_size;
  OpRun run(DType::f32, {{{1, frames, latent}, false}, {{1, frames, 2 * latent}, false}, {{1, tokens, width}, false}},
            [&](OpCase& c) {
              DecoderInputs in;
              in.x_t = c.x[0].value;
              in.context = c.x[1].value;
              in.condition = c.x[2].value;
              in.t = in.r = c.frozen({1}, 0, 0.5);
              in.frame_count = c.ints({9});
              in.token_count = c.ints({5});
              in.condition_count = c.ints({4});
              return decoder.velocity(c.tape, in, {});
            },
            false, 1, Recompute::none);
  auto real_part = [&] {
    (void)run.run(cpu_device().pool());
    std::vector<double> out = run.output();
    out.resize(static_cast<size_t>(9 * latent));
    return out;
  };
  const std::vector<double> before = real_part();
  auto spoil = [&](size_t input, int64_t from) {
    for (size_t i = static_cast<size_t>(from); i < run.values(input).size(); ++i) run.values(input)[i] = 1000;
  };
  spoil(0, 9 * latent);
  spoil(1, 9 * 2 * latent);
  spoil(2, 4 * width);
  CHECK(real_part() == before);
  run.values(2)[0] += 1;
  CHECK(real_part() != before);
}

TEST("a condition of another width is refused with both widths") {
  const ModelConfig config = config_of_test();
  const Decoder decoder(config, std::make_unique<RandomWeights>(cpu_device(), 3, DType::f32), DType::f32);
  Program program;
  Tape tape(program);
  DecoderInputs in;
  in.x_t = program.input({1, 4, 7}, DType::f32, "x");
  in.condition = program.input({1, 3, 24}, DType::f32, "condition");
  CHECK_THROWS(decoder.velocity(tape, in, {}), "condition [1, 3, 24] does not fit a model whose encoder is 10 wide");
}

TEST("a 2B training step's arena is within a tenth of what lives at one time, and nothing overlaps") {
  PlanningDevice device(DeviceKind::cpu);
  const Decoder decoder(config_2b(), std::make_unique<RandomWeights>(device, 7, DType::bf16), DType::f32);
  AdapterConfig config = adapter_config(AdapterKind::lora, 64, 64);
  int64_t smallest = INT64_MAX;
  // Each needs less than the one before.
  for (const char* recompute : {"none", "cheap:8", "cheap:16", "cheap", "mlp:1", "mlp:12", "mlp", "block:12", "block"}) {
    CONTEXT("recompute " << recompute);
    config.target_modules = {"q_proj", "k_proj", "v_proj", "o_proj"};
    const Adapter adapter(config, decoder.targets(), 1, DType::f32, device);
    const Storage gradients(device, {adapter.parameter_count()}, DType::f32, "gradients"), null(device, {2048}, DType::f32, "null");
    FlowProgram::Options options;
    options.recompute = recompute_named(recompute);
    FlowShape shape;
    shape.frames = 1536;
    shape.condition_tokens = 769;
    const FlowProgram flow(decoder, null.tensor(), shape, options, gradients.tensor(), &adapter);
    const Program& program = flow.program();
    CHECK_EQ(overlaps(program), 0);
    const double bound = static_cast<double>(lower_bound(program));
    CHECK(static_cast<double>(program.arena_bytes()) <= 1.1 * bound);
    CHECK(program.arena_bytes() < smallest);
    smallest = std::min(smallest, program.arena_bytes());
    const std::string text = program.describe();
    CHECK_EQ(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')), program.calls() + 1);
  }
}
