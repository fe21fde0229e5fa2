#include "model/decoder.h"

namespace ace {

AttentionWeights load_attention(Weights& weights, const std::string& path, bool self, int64_t width, int64_t heads,
                                int64_t kv_heads, int64_t head_dim, DType dtype) {
  AttentionWeights w;
  const std::pair<std::string, Shape> q{path + ".q_proj.weight", {heads * head_dim, width}};
  const std::pair<std::string, Shape> k{path + ".k_proj.weight", {kv_heads * head_dim, width}};
  const std::pair<std::string, Shape> v{path + ".v_proj.weight", {kv_heads * head_dim, width}};
  if (!self) w.q_proj = weights.matrix(q.first, q.second);
  const Weights::Stack stack = self ? weights.stacked({q, k, v}) : weights.stacked({k, v});
  if (self) w.q_proj = stack.parts[0];
  w.k_proj = stack.parts[stack.parts.size() - 2];
  w.v_proj = stack.parts[stack.parts.size() - 1];
  w.stacked = stack.all;
  w.o_proj = weights.matrix(path + ".o_proj.weight", {width, heads * head_dim});
  w.q_norm = weights.converted(path + ".q_norm.weight", {head_dim}, wide(dtype));
  w.k_norm = weights.converted(path + ".k_norm.weight", {head_dim}, wide(dtype));
  return w;
}

MlpWeights load_mlp(Weights& weights, const std::string& path, int64_t width, int64_t inner) {
  const Weights::Stack stack = weights.stacked({{path + ".gate_proj.weight", {inner, width}}, {path + ".up_proj.weight", {inner, width}}});
  return {stack.parts[0], stack.parts[1], weights.matrix(path + ".down_proj.weight", {width, inner}), stack.all};
}

namespace {

// The same rows as one sample, or cut into samples like those of `shape`.
Var as_one_sample(const Var& x) { return {x.value.reshaped({1, x.value.shape.rows(), x.value.shape.last()}), x.node}; }
Var as_samples(const Var& x, const Shape& shape) { return {x.value.reshaped({shape[0], shape[1], x.value.shape.last()}), x.node}; }

}  // namespace

Decoder::Decoder(const ModelConfig& config, std::unique_ptr<Weights> weights, DType dtype, int64_t max_layers)
    : config_(config), weights_(std::move(weights)), dtype_(dtype) {
  Weights& w = *weights_;
  w.activations_are(dtype);
  rope_ = std::make_unique<RopeCache>(w.device(), config.head_dim, config.rope_theta, wide(dtype));
  const int64_t width = config.hidden_size, patch = config.patch_size, latent = config.audio_acoustic_hidden_dim;
  // Convolutions whose stride is their kernel are one matrix product a patch: [D, C, P] -> [D, P C], [D, 64, P] -> [P 64, D].
  proj_in_ = w.permuted("proj_in.1.weight", {width, config.in_channels, patch}, {0, 2, 1}, {width, patch * config.in_channels});
  const DType small = wide(dtype);
  proj_in_bias_ = w.converted("proj_in.1.bias", {width}, small);
  proj_out_ = w.permuted("proj_out.1.weight", {width, latent, patch}, {2, 1, 0}, {patch * latent, width});
  // One bias for every frame of a patch: a permutation that reads it `patch` times.
  proj_out_bias_ = w.repeated("proj_out.1.bias", latent, patch, small);
  condition_embedder_ = w.matrix("condition_embedder.weight", {width, config.encoder_hidden_size});
  condition_embedder_bias_ = w.converted("condition_embedder.bias", {width}, small);
  norm_out_ = w.converted("norm_out.weight", {width}, small);
  scale_shift_table_ = w.converted("scale_shift_table", {1, 2, width}, small).reshaped({2, width});
  time_embed_ = load_time_embedding("time_embed");
  time_embed_r_ = load_time_embedding("time_embed_r");
  const int64_t count = max_layers > 0 ? std::min(max_layers, config.num_hidden_layers) : config.num_hidden_layers;
  for (int64_t i = 0; i < count; ++i) {
    Layer layer;
    layer.path = "layers." + std::to_string(i);
    layer.window = config.window(i);
    layer.self_attn_norm = w.converted(layer.path + ".self_attn_norm.weight", {width}, small);
    layer.cross_attn_norm = w.converted(layer.path + ".cross_attn_norm.weight", {width}, small);
    layer.mlp_norm = w.converted(layer.path + ".mlp_norm.weight", {width}, small);
    layer.scale_shift_table = w.converted(layer.path + ".scale_shift_table", {1, 6, width}, small).reshaped({6, width});
    auto attention = [&](const std::string& name) {
      AttentionWeights a = load_attention(w, layer.path + name, name == ".self_attn", width, config.num_attention_heads, config.num_key_value_heads,
                                          config.head_dim, dtype);
      // What has one input: q, k and v of self-attention; k and v of cross-attention, whose q comes from elsewhere.
      const std::string stack = layer.path + name + ".qkv";
      targets_.push_back({layer.path + name + ".q_proj", a.q_proj, name == ".self_attn" ? stack : ""});
      targets_.push_back({layer.path + name + ".k_proj", a.k_proj, stack});
      targets_.push_back({layer.path + name + ".v_proj", a.v_proj, stack});
      targets_.push_back({layer.path + name + ".o_proj", a.o_proj});
      return a;
    };
    layer.self_attn = attention(".self_attn");
    layer.cross_attn = attention(".cross_attn");
    layer.mlp = load_mlp(w, layer.path + ".mlp", width, config.intermediate_size);
    targets_.push_back({layer.path + ".mlp.gate_proj", layer.mlp.gate_proj, layer.path + ".mlp"});
    targets_.push_back({layer.path + ".mlp.up_proj", layer.mlp.up_proj, layer.path + ".mlp"});
    targets_.push_back({layer.path + ".mlp.down_proj", layer.mlp.down_proj});
    layers_.push_back(std::move(layer));
  }
}

Decoder::TimeEmbedding Decoder::load_time_embedding(const std::string& path) {
  const int64_t width = config_.hidden_size;
  TimeEmbedding e;
  e.linear_1 = weights_->matrix(path + ".linear_1.weight", {width, 256});
  e.bias_1 = weights_->converted(path + ".linear_1.bias", {width}, wide(dtype_));
  e.linear_2 = weights_->matrix(path + ".linear_2.weight", {width, width});
  e.bias_2 = weights_->converted(path + ".linear_2.bias", {width}, wide(dtype_));
  e.time_proj = weights_->matrix(path + ".time_proj.weight", {6 * width, width});
  e.time_proj_bias = weights_->converted(path + ".time_proj.bias", {6 * width}, wide(dtype_));
  return e;
}

Decoder::Embedded Decoder::embed_time(Tape& tape, const TimeEmbedding& w, Tensor t, Tensor r, bool round) const {
  Program& program = tape.program();
  const int64_t batch = t.elements(), width = config_.hidden_size;
  Tensor features = tape.empty({batch, 256}, dtype_);
  program.call<kernels::sinusoid>(features, t, r, round);
  // Few rows and steep functions: everything between the products stays wide.
  auto wide_product = [&](Tensor x, Tensor weight, Tensor bias) {
    return product(tape, x, weight, {.transpose_b = true}, bias, wide(dtype_));
  };
  auto activated = [&](Tensor x) {
    Tensor y = tape.empty(x.shape, dtype_);
    program.call<kernels::silu>(y, x);
    return y;
  };
  Tensor hidden = activated(wide_product(features, w.linear_1, w.bias_1));
  Tensor temb = wide_product(hidden, w.linear_2, w.bias_2);
  Tensor modulation = wide_product(activated(temb), w.time_proj, w.time_proj_bias);
  return {temb, modulation.reshaped({batch, 6, width})};
}

Var Decoder::self_attention(Tape& tape, const Layer& layer, const Var& x, const RopeTables& rope, const DecoderInputs& in,
                            const std::vector<AdapterUse>& adapters) const {
  const std::string path = layer.path + ".self_attn";
  const AttentionWeights& w = layer.self_attn;
  const std::vector<Var> qkv = project_stacked(
      tape, {{path + ".q_proj", w.q_proj}, {path + ".k_proj", w.k_proj}, {path + ".v_proj", w.v_proj}}, w.stacked, x, adapters);
  const bool packed = in.packed.given();
  auto input = [&](const Var& y) { return packed ? as_one_sample(y) : y; };
  Var q = head_norm(tape, input(qkv[0]), w.q_norm, config_.rms_norm_eps, rope.cos, rope.sin);
  Var k = head_norm(tape, input(qkv[1]), w.k_norm, config_.rms_norm_eps, rope.cos, rope.sin);
  const Var v = input(qkv[2]);
  AttentionSpec spec;
  spec.heads = static_cast<int>(config_.num_attention_heads);
  spec.kv_heads = static_cast<int>(config_.num_key_value_heads);
  spec.window = layer.window;
  Var o = packed ? as_samples(attention(tape, q, k, v, spec, {}, {}, in.packed.self), x.value.shape) : attention(tape, q, k, v, spec, in.token_count);
  tape.probe(layer.path + ".self_q", q.value);
  tape.probe(layer.path + ".self_k", k.value);
  tape.probe(layer.path + ".self_v", v.value);
  tape.probe(layer.path + ".self_attn", o.value);
  return project(tape, path + ".o_proj", w.o_proj, o, adapters);
}

Var Decoder::cross_attention(Tape& tape, const Layer& layer, const Var& x, Tensor condition, const DecoderInputs& in,
                             const std::vector<AdapterUse>& adapters) const {
  const std::string path = layer.path + ".cross_attn";
  const AttentionWeights& w = layer.cross_attn;
  const Var source = Tape::constant(condition);
  const bool packed = in.packed.given();
  auto input = [&](const Var& y) { return packed ? as_one_sample(y) : y; };
  Var q = head_norm(tape, input(project(tape, path + ".q_proj", w.q_proj, x, adapters)), w.q_norm, config_.rms_norm_eps);
  const std::vector<Var> kv =
      project_stacked(tape, {{path + ".k_proj", w.k_proj}, {path + ".v_proj", w.v_proj}}, w.stacked, source, adapters);
  Var k = head_norm(tape, input(kv[0]), w.k_norm, config_.rms_norm_eps);
  const Var v = input(kv[1]);
  AttentionSpec spec;
  spec.heads = static_cast<int>(config_.num_attention_heads);
  spec.kv_heads = static_cast<int>(config_.num_key_value_heads);
  Var o = packed ? as_samples(attention(tape, q, k, v, spec, {}, {}, in.packed.cross), x.value.shape) : attention(tape, q, k, v, spec, in.condition_count);
  tape.probe(layer.path + ".cross_q", q.value);
  tape.probe(layer.path + ".cross_k", k.value);
  tape.probe(layer.path + ".cross_v", v.value);
  tape.probe(layer.path + ".cross_attn", o.value);
  return project(tape, path + ".o_proj", w.o_proj, o, adapters);
}

Var Decoder::layer(Tape& tape, const Layer& layer, const Var& x, Tensor modulation, Tensor condition, const RopeTables& rope,
                   const DecoderInputs& in, const std::vector<AdapterUse>& adapters) const {
  // Rows of mod: shift1, scale1, gate1, shift2, scale2, gate2.
  Tensor mod = tape.empty(modulation.shape, modulation.dtype);
  tape.program().call<kernels::add_rows>(mod, layer.scale_shift_table, modulation);
  const double eps = config_.rms_norm_eps;
  Var n1 = rms_norm(tape, x, layer.self_attn_norm, eps, mod, 1, 0);
  Var a1 = self_attention(tape, layer, n1, rope, in, adapters);
  const auto [x1, n2] = gate_add_norm(tape, x, a1, mod, 2, layer.cross_attn_norm, eps);
  Var a2 = cross_attention(tape, layer, n2, condition, in, adapters);
  const auto [x2, n3] = gate_add_norm(tape, x1, a2, Tensor{}, 0, layer.mlp_norm, eps, mod, 4, 3);
  const std::string path = layer.path + ".mlp";
  // By value, as a layer: it may run again in the backward pass.
  Var wide = tape.wide_part(n3, [path, mlp = layer.mlp, adapters](Tape& inner, const Var& h) {
    const std::vector<Var> pair = project_stacked(
        inner, {{path + ".gate_proj", mlp.gate_proj}, {path + ".up_proj", mlp.up_proj}}, mlp.stacked, h, adapters);
    return swiglu(inner, pair[0], pair[1]);
  });
  Var a3 = project(tape, path + ".down_proj", layer.mlp.down_proj, wide, adapters);
  Var x3 = gate_add(tape, x2, a3, mod, 5);
  if (tape.probing()) {
    const std::pair<const char*, const Var*> named[] = {{".self_in", &n1},  {".self_out", &a1},    {".after_self", &x1},
                                                        {".cross_in", &n2}, {".cross_out", &a2},   {".after_cross", &x2},
                                                        {".mlp_in", &n3},   {".mlp_out", &a3},     {".out", &x3}};
    for (const auto& [name, value] : named) tape.probe(layer.path + name, value->value);
    tape.probe_grad("d" + layer.path + ".out", x3);
  }
  return x3;
}

Var Decoder::velocity(Tape& tape, const DecoderInputs& in, const std::vector<AdapterUse>& adapters) const {
  const int64_t batch = in.x_t.shape[0], frames = in.x_t.shape[1], width = config_.hidden_size, patch = config_.patch_size;
  const int64_t tokens = (frames + patch - 1) / patch, latent = config_.audio_acoustic_hidden_dim;
  if (in.condition.shape.last() != config_.encoder_hidden_size)
    throw_shape("condition " + in.condition.shape.text() + " does not fit a model whose encoder is " +
                std::to_string(config_.encoder_hidden_size) + " wide");
  Program& program = tape.program();
  // r = t everywhere in training and sampling, so the second embedder sees t - r = 0.
  Embedded time = embed_time(tape, time_embed_, in.t, Tensor{}, in.round_timesteps);
  Embedded second = embed_time(tape, time_embed_r_, in.t, in.r, in.round_timesteps);
  program.call<kernels::add_to>(time.temb, second.temb);
  program.call<kernels::add_to>(time.modulation, second.modulation);
  Tensor rows = tape.empty({batch, tokens, patch * config_.in_channels}, dtype_);
  program.call<kernels::patchify>(rows, in.context, in.x_t, in.frame_count);
  Tensor patches = product(tape, rows, proj_in_, {.transpose_b = true}, proj_in_bias_);
  Tensor condition = product(tape, in.condition, condition_embedder_, {.transpose_b = true}, condition_embedder_bias_);
  tape.probe("temb", time.temb);
  tape.probe("modulation", time.modulation);
  tape.probe("patches", patches);
  tape.probe("cond", condition);
  const RopeTables rope = in.packed.given() ? in.packed.rope : rope_->get(tokens);
  Var x = Tape::constant(patches);
  for (const Layer& each : layers_) {
    // By value: under block recompute it runs again long after this function has returned.
    x = tape.block(x, [this, &each, time, condition, rope, in, adapters](Tape& inner, const Var& h) {
      return layer(inner, each, h, time.modulation, condition, rope, in, adapters);
    });
  }
  Tensor ends = tape.empty({batch, 2, width}, wide(dtype_));  // rows: shift, scale
  program.call<kernels::add_rows>(ends, scale_shift_table_, time.temb);
  Var y = rms_norm(tape, x, norm_out_, config_.rms_norm_eps, ends, 1, 0);
  tape.probe("final", y.value);
  Var v = linear(tape, y, proj_out_, proj_out_bias_, wide(dtype_));
  // [B, L, P 64] is [B, L P, 64] in memory.
  Var out{v.value.reshaped({batch, tokens * patch, latent}), v.node};
  return out;
}

}  // namespace ace
