#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace ace {

// The numbers of a checkpoint's config.json, in the checkpoint's own words.
struct ModelConfig {
  int64_t hidden_size = 0, intermediate_size = 0, num_hidden_layers = 0;
  int64_t num_attention_heads = 0, num_key_value_heads = 0, head_dim = 0;
  int64_t encoder_hidden_size = 0, encoder_intermediate_size = 0;
  int64_t encoder_num_attention_heads = 0, encoder_num_key_value_heads = 0;
  int64_t sliding_window = -1;  // -1: use_sliding_window is false
  std::vector<bool> sliding;    // by layer index; encoders use the same pattern
  int64_t in_channels = 192, patch_size = 2, audio_acoustic_hidden_dim = 64;
  int64_t text_hidden_dim = 1024, timbre_hidden_dim = 64, timbre_fix_frame = 750;
  int64_t num_lyric_encoder_hidden_layers = 0, num_timbre_encoder_hidden_layers = 0;
  int64_t num_attention_pooler_hidden_layers = 0, pool_window_size = 5;
  std::vector<int64_t> fsq_input_levels;
  double rms_norm_eps = 1e-6, rope_theta = 1e6;
  double timestep_mu = -0.4, timestep_sigma = 1;
  bool is_turbo = false;
  std::string model_version;
  // XL checkpoints have an encoder width of their own, and prepend the timbre encoder's special token.
  bool is_xl = false;

  // Errors: ERR_FILE (missing, bad JSON), ERR_CHECKPOINT (a key is missing, of another type, or out of range).
  static ModelConfig load(const std::string& folder);
  int window(int64_t layer) const { return sliding[static_cast<size_t>(layer)] ? static_cast<int>(sliding_window) : -1; }
};

}  // namespace ace
