#pragma once
#include <memory>
#include <vector>

#include "model/encoder_layer.h"

namespace ace {

struct AudioTokens {
  std::vector<int32_t> codes;     // [n], n = ceil(frames / pool_window_size)
  std::vector<float> quantised;   // [n, E]
};

// 25 Hz latents to 5 Hz codes and back. Frozen.
// Latents are taken in groups of pool_window_size frames (P) that know nothing of each other.
class AudioTokenizer {
 public:
  // `weights` reads without a prefix: names begin with "tokenizer." and "detokenizer.".
  AudioTokenizer(const ModelConfig& config, std::unique_ptr<Weights> weights, DType dtype);

  const ModelConfig& config() const { return config_; }
  Device& device() const { return weights_->device(); }
  DType dtype() const { return dtype_; }
  int64_t weight_bytes() const { return weights_->bytes(); }
  // How many codes there are: indices run from 0 to one less.
  int64_t codebook_size() const { return codebook_size_; }

  // latents [T, 64] and silence [n, 64], views of host memory (see host_view). T is filled up to a multiple of P with
  // the first frames of silence; silence may be not given where none is needed.
  // Errors: ERR_SHAPE (width, NaN, too little silence), ERR_CHECKPOINT (the weights gave a NaN).
  AudioTokens tokenize(const Tensor& latents, const Tensor& silence) const;
  // [P n, 64]. Errors: ERR_SHAPE for a code outside the codebook, ERR_CHECKPOINT.
  std::vector<float> detokenize(const std::vector<int32_t>& codes) const;

  // The networks, traced. groups [n, P, 64]; index int32 [n].
  struct Quantised {
    Tensor index, vectors, fsq_in;  // int32 [n], [n, E], [n, levels]
  };
  Quantised quantise(Tape& tape, Tensor groups) const;  // probe "pooled"
  Tensor vectors(Tape& tape, Tensor index) const;       // [n, E]
  Tensor expand(Tape& tape, Tensor vectors) const;      // [n, P, 64]
  // Level counts of the quantiser, int32.
  Tensor levels() const { return levels_.tensor(); }

 private:
  ModelConfig config_;
  std::unique_ptr<Weights> weights_;
  DType dtype_;
  int64_t codebook_size_ = 1;
  Storage levels_;
  Tensor acoustic_proj_, acoustic_proj_bias_;
  Tensor pooler_embed_, pooler_embed_bias_, pooler_special_token_;
  Tensor project_in_, project_in_bias_, project_out_, project_out_bias_;
  Tensor expand_embed_, expand_embed_bias_, special_tokens_, proj_out_, proj_out_bias_;
  EncoderStack pooler_, expander_;
};

}  // namespace ace
