#pragma once
#include <memory>
#include <unordered_map>
#include <vector>

#include "model/decoder.h"
#include "train/flow_shape.h"

namespace ace {

// One micro-batch as a program: noise, x_t, decoder, loss, and every adapter gradient.
// The tensors below are the program's inputs and outputs; addresses come from program.bound().
class FlowProgram {
 public:
  struct Options {
    RecomputePolicy recompute;
    bool round_timesteps = false;
    bool training = true;  // dropout active
    Tensor optimizer_state = {};  // told of a loss that is not finite; may be not given
  };
  // `gradients`: flat, laid out like the adapter's parameters. The adapter may be null for tests of the base model.
  FlowProgram(const Decoder& decoder, Tensor null_condition, const FlowShape& shape, const Options& options,
              Tensor gradients, const Adapter* adapter, bool probes = false);

  FlowProgram(const FlowProgram&) = delete;
  Program& program() { return program_; }
  const Program& program() const { return program_; }
  const std::unordered_map<std::string, Tensor>& probes() const { return probes_; }

  // Inputs. B samples of T frames and S condition tokens: the songs (T = shape.frames, S = shape.condition_tokens), or the chunks of a
  // packed shape, whose condition may have another B. N songs.
  Tensor x0, context, condition;       // [B, T, 64] wide, [B, T, 128] wide, [B, S, E]
  Tensor noise;                        // [N, shape.frames, 64] wide
  // All that changes from one micro-batch to the next, one block of bytes for one upload; what follows are views of it.
  Tensor state;
  Tensor counters;                     // int64 [2 + N]: seed, step, the songs' keys
  // Packed, else not given. int64 [2 + most chunks]: seed, step, a key of each chunk for dropout. int64 [B, 2] each: where noise
  // and RoPE are read from. int32 [2 N + 1] each: a sequence of each song, and after each one what fills its last chunk.
  Tensor chunk_counters, noise_rows, cos_rows, sin_rows;
  Tensor song_start, condition_start;
  // int64 [B, 2] each: where x0, context and condition are read from, see load_rows; an address of 0: they were written.
  Tensor x0_rows, context_rows, condition_rows;
  Tensor loss_weight;                  // double [B]: d loss / d (sum of squares) of each sample
  Tensor t;                            // [B] wide
  Tensor draw_noise, dropped;          // int32 [N]: noise 1 = drawn here, 0 = given; [B]: condition 1 = dropped
  Tensor frame_count, loss_frames;     // int32 [B]: frames that exist; frames that count in the loss
  Tensor token_count, condition_count; // int32 [B]; packed: not given
  // Outputs.
  Tensor loss;      // double [B]: sum of squared errors
  Tensor velocity;  // [B, T', 64] wide

 private:
  Program program_;
  std::unordered_map<std::string, Tensor> probes_;
};

}  // namespace ace
