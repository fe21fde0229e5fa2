#pragma once
#include <string>
#include <vector>

#include "model/decoder.h"

namespace ace {

// The bidirectional pre-norm transformer that lyric encoder, timbre encoder, pooler and detokenizer are made of.
// Frozen: it is traced without gradients. E encoder width.
class EncoderStack {
 public:
  // Reads PATH.layers.0 to PATH.layers.(count - 1) and PATH.norm.
  EncoderStack(Weights& weights, const ModelConfig& config, const std::string& path, int64_t count, DType dtype);

  // x [B, L, E] through every layer, before the final norm. Positions count from 0 and include padding.
  // key_mask uint8 [B, L] or not given: keys whose byte is 0 are seen by nobody. Probes "PROBE.layerN".
  Tensor layers(Tape& tape, Tensor x, Tensor key_mask, const std::string& probe) const;
  Tensor final_norm(Tape& tape, Tensor x) const;

 private:
  struct Layer {
    Tensor input_layernorm, post_attention_layernorm;
    AttentionWeights self_attn;
    MlpWeights mlp;
    int window;
  };
  Var layer(Tape& tape, const Layer& layer, const Var& x, const RopeTables& rope, Tensor key_mask) const;

  std::vector<Layer> layers_;
  Tensor norm_;
  int64_t heads_, kv_heads_, head_dim_;
  double eps_;
  std::unique_ptr<RopeCache> rope_;
};

}  // namespace ace
