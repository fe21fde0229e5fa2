#pragma once
#include <memory>
#include <string>
#include <vector>

#include "adapter/project.h"
#include "model/config.h"
#include "model/rope_cache.h"
#include "model/weights.h"
#include "ops/ops.h"

namespace ace {

struct AttentionWeights {
  Tensor q_proj, k_proj, v_proj, o_proj;  // [H hd, D], [G hd, D], [G hd, D], [D, H hd]
  // What of q, k and v lies below each other: all three where they read one input, k and v where q reads another; not given
  // where the file's dtypes differ.
  Tensor stacked;
  Tensor q_norm, k_norm;                  // [hd]
};

struct MlpWeights {
  Tensor gate_proj, up_proj, down_proj;  // [F, D], [F, D], [D, F]
  Tensor stacked;                        // gate and up below each other, or not given
};

// `self`: q, k and v read one input.
AttentionWeights load_attention(Weights& weights, const std::string& path, bool self, int64_t width, int64_t heads,
                                int64_t kv_heads, int64_t head_dim, DType dtype);
MlpWeights load_mlp(Weights& weights, const std::string& path, int64_t width, int64_t inner);

// Several songs behind one another in the rows of all B samples, none padded to another's length. Each begins with a new
// sample, so that what is done row by row needs to know nothing; attention sees B L query rows and B' S keys as one sample.
struct PackedSongs {
  PackedSequences self, cross;
  RopeTables rope;  // [B L, hd / 2]: of each row's position in its song
  bool given() const { return self.q_start.given(); }
};

// What one pass of the decoder reads. Tensors of the program; B samples, T frames, L = ceil(T / patch) tokens, S
// condition tokens.
struct DecoderInputs {
  Tensor x_t;          // [B, T, 64]
  Tensor context;      // [B, T, 128] wide
  Tensor condition;    // [B, S, E]
  Tensor t;            // [B] wide
  Tensor r;            // [B] wide
  Tensor frame_count;  // [B] int32: frames from there on are zero
  Tensor token_count;  // [B] int32: decoder tokens that exist, or not given: all
  Tensor condition_count;  // [B] int32, or not given: all
  PackedSongs packed;  // given: neither count is, and the condition may have another B
  bool round_timesteps = false;  // as upstream's bf16 runs do
};

// The diffusion transformer's frozen weights and its forward pass, written once for training and generation.
class Decoder {
 public:
  // `dtype` is the activations' type: f32 or bf16 on CUDA, f32 on a CPU, f64 there for gradient checks. Statistics and
  // small tensors are wide(dtype). max_layers > 0 takes the first layers only (benchmarks).
  Decoder(const ModelConfig& config, std::unique_ptr<Weights> weights, DType dtype, int64_t max_layers = 0);

  const ModelConfig& config() const { return config_; }
  Device& device() const { return weights_->device(); }
  DType dtype() const { return dtype_; }
  int64_t layers() const { return static_cast<int64_t>(layers_.size()); }
  int64_t weight_bytes() const { return weights_->bytes(); }
  // Every linear an adapter may sit on, in the order of the layers.
  const std::vector<AdapterTarget>& targets() const { return targets_; }

  // The velocity, [B, L patch, 64] wide; frames past frame_count hold no meaning.
  Var velocity(Tape& tape, const DecoderInputs& in, const std::vector<AdapterUse>& adapters) const;
  // Of at least `tokens` positions, as long as the decoder.
  RopeTables rope(int64_t tokens) const { return rope_->get(tokens); }

 private:
  struct TimeEmbedding {
    Tensor linear_1, bias_1, linear_2, bias_2, time_proj, time_proj_bias;
  };
  struct Layer {
    std::string path;
    Tensor self_attn_norm, cross_attn_norm, mlp_norm, scale_shift_table;
    AttentionWeights self_attn, cross_attn;
    MlpWeights mlp;
    int window;
  };
  TimeEmbedding load_time_embedding(const std::string& path);
  struct Embedded {
    Tensor temb, modulation;
  };
  Embedded embed_time(Tape& tape, const TimeEmbedding& w, Tensor t, Tensor r, bool round) const;
  Var layer(Tape& tape, const Layer& layer, const Var& x, Tensor modulation, Tensor condition, const RopeTables& rope,
            const DecoderInputs& in, const std::vector<AdapterUse>& adapters) const;
  Var self_attention(Tape& tape, const Layer& layer, const Var& x, const RopeTables& rope, const DecoderInputs& in,
                     const std::vector<AdapterUse>& adapters) const;
  Var cross_attention(Tape& tape, const Layer& layer, const Var& x, Tensor condition, const DecoderInputs& in,
                      const std::vector<AdapterUse>& adapters) const;

  ModelConfig config_;
  std::unique_ptr<Weights> weights_;
  DType dtype_;
  std::vector<Layer> layers_;
  std::vector<AdapterTarget> targets_;
  Tensor proj_in_, proj_in_bias_, proj_out_, proj_out_bias_;
  Tensor condition_embedder_, condition_embedder_bias_;
  Tensor norm_out_, scale_shift_table_;
  TimeEmbedding time_embed_, time_embed_r_;
  std::unique_ptr<RopeCache> rope_;
};

}  // namespace ace
