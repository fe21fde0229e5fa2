#pragma once
#include <memory>
#include <vector>

#include "model/encoder_layer.h"

namespace ace {

// A reference recording of one sample.
struct TimbreClip {
  Tensor latents;     // [frames, timbre_hidden_dim]
  int64_t owner = 0;  // which sample of the batch
};

// Views of host memory, float32 and uint8 (see host_view). B samples, St and Sl text and lyric tokens.
struct ConditionRequest {
  int64_t batch = 1;
  Tensor text;         // [B, St, text_hidden_dim], at least one token
  Tensor text_keep;    // uint8 [B, St]: 0 marks padding; not given: every token counts
  Tensor lyrics;       // [B, Sl, text_hidden_dim]; Sl may be 0
  Tensor lyric_keep;   // uint8 [B, Sl] or not given
  std::vector<TimbreClip> timbre;  // at least one; a sample may have several, in this order
};

// Valid tokens of one sample: lyrics first, then one token a clip, then text. The rest is padding.
struct ConditionSegments {
  int64_t lyrics = 0, timbre = 0, text = 0;
};

struct ConditionResult {
  std::vector<float> hidden_states;  // [B, tokens, E]: valid tokens first, in order
  int64_t tokens = 0;
  std::vector<uint8_t> keep;         // [B, tokens]
  std::vector<ConditionSegments> segments;  // [B]
};

// Turns text, lyrics and reference audio into the tokens the decoder attends to. Frozen.
class ConditionEncoder {
 public:
  // `weights` reads under the prefix "encoder.".
  ConditionEncoder(const ModelConfig& config, std::unique_ptr<Weights> weights, DType dtype);

  const ModelConfig& config() const { return config_; }
  Device& device() const { return weights_->device(); }
  DType dtype() const { return dtype_; }
  int64_t weight_bytes() const { return weights_->bytes(); }

  // One call at a time. Working memory is freed before it returns.
  // Errors: ERR_SHAPE (a width, a mask, a NaN, an owner outside the batch), ERR_CHECKPOINT (the weights gave a NaN).
  ConditionResult encode(const ConditionRequest& request);

  // The three parts, traced; [B, L, ..] -> [B, L, E], and clips [N, frames, ..] -> [N, E].
  Tensor text(Tape& tape, Tensor x) const;
  Tensor lyrics(Tape& tape, Tensor x, Tensor keep) const;  // probes "lyric.layerN"
  Tensor timbre(Tape& tape, Tensor clips) const;           // probes "timbre.layerN"

 private:
  void check(const ConditionRequest& request) const;
  std::vector<float> encode_text(const Tensor& text) const;
  std::vector<float> encode_lyrics(const Tensor& lyrics, const Tensor& keep) const;
  const std::vector<float>& encode_clip(const Tensor& latents);

  ModelConfig config_;
  std::unique_ptr<Weights> weights_;
  DType dtype_;
  Tensor text_projector_;
  Tensor lyric_embed_, lyric_embed_bias_;
  Tensor timbre_embed_, timbre_embed_bias_, timbre_special_token_;
  EncoderStack lyric_layers_, timbre_layers_;
  // A folder of songs shares one silent clip: its vector is computed once, not for every song.
  std::vector<float> last_clip_, last_vector_;
};

}  // namespace ace
