#include "train/flow_program.h"

#include <algorithm>

namespace ace {

namespace {

// Cuts one block of bytes into typed pieces, widest first so that each is aligned.
class Cutter {
 public:
  explicit Cutter(Tensor block) : block_(block) {}
  Tensor take(Shape shape, DType dtype) {
    Tensor out = block_;
    out.shape = shape;
    out.dtype = dtype;
    out.byte_offset = at_;
    at_ += out.bytes();
    return out;
  }

 private:
  Tensor block_;
  int64_t at_ = 0;
};

}  // namespace

FlowProgram::FlowProgram(const Decoder& decoder, Tensor null_condition, const FlowShape& shape, const Options& options,
                         Tensor gradients, const Adapter* adapter, bool probes)
    : program_(decoder.device().kind()) {
  const ModelConfig& config = decoder.config();
  const DType dtype = decoder.dtype(), broad = wide(dtype);
  const bool packed = shape.packed();
  const int64_t songs = shape.batch, latent = config.audio_acoustic_hidden_dim;
  const int64_t batch = packed ? shape.chunks : songs, condition_batch = packed ? shape.condition_chunks : songs;
  const int64_t frames = packed ? kChunkTokens * config.patch_size : shape.frames;
  Program& p = program_;
  x0 = p.input({batch, frames, latent}, broad, "x0");
  context = p.input({batch, frames, 2 * latent}, broad, "context");
  condition = p.input({condition_batch, packed ? kChunkTokens : shape.condition_tokens, config.encoder_hidden_size}, dtype, "condition");
  noise = p.input({songs, shape.frames, latent}, broad, "noise");
  const int64_t words = (2 + songs) + 2 * 2 * batch + 2 * condition_batch + (packed ? 2 + std::max(batch, condition_batch) + 3 * 2 * batch : 0);
  const int64_t halves = songs + condition_batch + 2 * batch + (packed ? 2 * (2 * songs + 1) : 2 * songs);
  const int64_t bytes = words * 8 + batch * 8 + batch * static_cast<int64_t>(size_of(broad)) + halves * 4;
  state = p.input({bytes}, DType::u8, "state");
  Cutter cut(state);
  counters = cut.take({2 + songs}, DType::i64);
  x0_rows = cut.take({batch, 2}, DType::i64);
  context_rows = cut.take({batch, 2}, DType::i64);
  condition_rows = cut.take({condition_batch, 2}, DType::i64);
  if (packed) {
    chunk_counters = cut.take({2 + std::max(batch, condition_batch)}, DType::i64);
    for (Tensor* rows : {&noise_rows, &cos_rows, &sin_rows}) *rows = cut.take({batch, 2}, DType::i64);
  }
  loss_weight = cut.take({batch}, DType::f64);
  t = cut.take({batch}, broad);
  draw_noise = cut.take({songs}, DType::i32);
  dropped = cut.take({condition_batch}, DType::i32);
  frame_count = cut.take({batch}, DType::i32);
  loss_frames = cut.take({batch}, DType::i32);
  for (Tensor* of_songs : {&song_start, &condition_start})
    if (packed) *of_songs = cut.take({2 * songs + 1}, DType::i32);
  for (Tensor* of_songs : {&token_count, &condition_count})
    if (!packed) *of_songs = cut.take({songs}, DType::i32);

  Tape tape(p, options.recompute, shape.gradients);
  if (probes) tape.set_probes(&probes_);
  p.call<kernels::load_rows>(x0, x0_rows);
  p.call<kernels::load_rows>(context, context_rows);
  p.call<kernels::load_rows>(condition, condition_rows);
  p.call<kernels::draw_noise>(noise, counters, draw_noise);
  Tensor own_noise = noise;  // laid out like x0
  DecoderInputs in;
  if (packed) {
    p.keep(noise);  // read through addresses the planner does not see
    own_noise = tape.empty(x0.shape, broad, "packed noise");
    p.call<kernels::load_rows>(own_noise, noise_rows);
    const RopeTables rope = decoder.rope((shape.frames + config.patch_size - 1) / config.patch_size);
    auto of_rows = [&](const Tensor& table, const Tensor& rows) {
      Tensor out = tape.empty({batch, kChunkTokens, table.shape.last()}, table.dtype, "RoPE of the rows");
      p.call<kernels::load_rows>(out, rows);
      return out.reshaped({batch * kChunkTokens, table.shape.last()});
    };
    in.packed = {{song_start, song_start, songs}, {song_start, condition_start, songs}, {of_rows(rope.cos, cos_rows), of_rows(rope.sin, sin_rows)}};
  }
  in.x_t = tape.empty(x0.shape, dtype, "x_t");
  p.call<kernels::mix_noise>(in.x_t, x0, own_noise, t, frame_count);
  in.condition = tape.empty(condition.shape, dtype, "condition_or_null");
  p.call<kernels::select_rows>(in.condition, condition, null_condition, dropped);
  in.context = context;
  in.t = t;
  in.r = t;
  in.frame_count = frame_count;
  in.token_count = token_count;
  in.condition_count = condition_count;
  in.round_timesteps = options.round_timesteps;

  std::vector<AdapterUse> adapters;
  if (adapter != nullptr) {
    AdapterPass pass = adapter->pass();
    if (shape.gradients) pass.gradients = gradients;
    if (options.training) pass.counters = packed ? chunk_counters : counters;
    adapters.push_back({adapter, pass});
  }
  Var v = decoder.velocity(tape, in, adapters);
  velocity = v.value;
  loss = tape.empty({batch}, DType::f64, "loss");
  p.keep(loss);
  p.keep(state);  // a measurement runs calls again on what a step left
  const bool backward = shape.gradients && v.needs_grad();
  Tensor dv = backward ? tape.empty(v.value.shape, dtype, "dvelocity") : Tensor{};
  p.call<kernels::flow_loss>(loss, dv, v.value, x0, own_noise, loss_frames, loss_weight,
                             tape.empty({batch, kLossParts}, DType::f64));
  if (options.optimizer_state.given()) p.call<kernels::check_loss>(p.fixed(options.optimizer_state, "optimizer state"), loss);
  if (probes) {
    p.keep(velocity);
    tape.probe("velocity", velocity);
    if (backward) tape.probe("dvelocity", dv);
  }
  if (backward) tape.backward(v, dv, !probes);
  p.plan();
}

}  // namespace ace
