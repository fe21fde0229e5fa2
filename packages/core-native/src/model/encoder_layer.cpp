#include "model/encoder_layer.h"

namespace ace {

EncoderStack::EncoderStack(Weights& weights, const ModelConfig& config, const std::string& path, int64_t count, DType dtype)
    : heads_(config.encoder_num_attention_heads),
      kv_heads_(config.encoder_num_key_value_heads),
      head_dim_(config.head_dim),
      eps_(config.rms_norm_eps),
      rope_(std::make_unique<RopeCache>(weights.device(), config.head_dim, config.rope_theta, wide(dtype))) {
  const int64_t width = config.encoder_hidden_size;
  for (int64_t i = 0; i < count; ++i) {
    const std::string name = path + ".layers." + std::to_string(i);
    Layer layer;
    layer.input_layernorm = weights.converted(name + ".input_layernorm.weight", {width}, wide(dtype));
    layer.post_attention_layernorm = weights.converted(name + ".post_attention_layernorm.weight", {width}, wide(dtype));
    layer.self_attn = load_attention(weights, name + ".self_attn", true, width, heads_, kv_heads_, head_dim_, dtype);
    layer.mlp = load_mlp(weights, name + ".mlp", width, config.encoder_intermediate_size);
    layer.window = config.window(i);
    layers_.push_back(layer);
  }
  norm_ = weights.converted(path + ".norm.weight", {width}, wide(dtype));
}

Var EncoderStack::layer(Tape& tape, const Layer& layer, const Var& x, const RopeTables& rope, Tensor key_mask) const {
  const AttentionWeights& w = layer.self_attn;
  const Var n1 = rms_norm(tape, x, layer.input_layernorm, eps_);
  const Var q = head_norm(tape, linear(tape, n1, w.q_proj), w.q_norm, eps_, rope.cos, rope.sin);
  const Var k = head_norm(tape, linear(tape, n1, w.k_proj), w.k_norm, eps_, rope.cos, rope.sin);
  const Var v = linear(tape, n1, w.v_proj);
  AttentionSpec spec;
  spec.heads = static_cast<int>(heads_);
  spec.kv_heads = static_cast<int>(kv_heads_);
  spec.window = layer.window;
  const Var o = attention(tape, q, k, v, spec, Tensor{}, key_mask);
  const Var x1 = gate_add(tape, x, linear(tape, o, w.o_proj));
  const Var n2 = rms_norm(tape, x1, layer.post_attention_layernorm, eps_);
  const Var h = swiglu(tape, linear(tape, n2, layer.mlp.gate_proj), linear(tape, n2, layer.mlp.up_proj));
  return gate_add(tape, x1, linear(tape, h, layer.mlp.down_proj));
}

Tensor EncoderStack::layers(Tape& tape, Tensor x, Tensor key_mask, const std::string& probe) const {
  const RopeTables rope = rope_->get(x.shape[1]);
  Var h = Tape::constant(x);
  for (size_t i = 0; i < layers_.size(); ++i) {
    h = layer(tape, layers_[i], h, rope, key_mask);
    tape.probe(probe + ".layer" + std::to_string(i), h.value);
  }
  return h.value;
}

Tensor EncoderStack::final_norm(Tape& tape, Tensor x) const { return rms_norm(tape, Tape::constant(x), norm_, eps_).value; }

}  // namespace ace
