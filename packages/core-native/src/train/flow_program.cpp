#include "train/flow_program.h"

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
  const int64_t batch = shape.batch, latent = config.audio_acoustic_hidden_dim;
  Program& p = program_;
  x0 = p.input({batch, shape.frames, latent}, broad, "x0");
  context = p.input({batch, shape.frames, 2 * latent}, broad, "context");
  condition = p.input({batch, shape.condition_tokens, config.encoder_hidden_size}, dtype, "condition");
  noise = p.input({batch, shape.frames, latent}, broad, "noise");
  const int64_t bytes = (2 + batch) * 8 + 3 * 3 * batch * 8 + batch * 8 + batch * static_cast<int64_t>(size_of(broad)) + 6 * batch * 4;
  state = p.input({bytes}, DType::u8, "state");
  Cutter cut(state);
  counters = cut.take({2 + batch}, DType::i64);
  for (Tensor* rows : {&x0_rows, &context_rows, &condition_rows}) *rows = cut.take({batch, 3}, DType::i64);
  loss_weight = cut.take({batch}, DType::f64);
  t = cut.take({batch}, broad);
  for (Tensor* view : {&draw_noise, &dropped, &frame_count, &loss_frames, &token_count, &condition_count})
    *view = cut.take({batch}, DType::i32);

  Tape tape(p, options.recompute, shape.gradients);
  if (probes) tape.set_probes(&probes_);
  p.call<kernels::load_rows>(x0, x0_rows);
  p.call<kernels::load_rows>(context, context_rows);
  p.call<kernels::load_rows>(condition, condition_rows);
  p.call<kernels::draw_noise>(noise, counters, draw_noise);
  DecoderInputs in;
  in.x_t = tape.empty(x0.shape, dtype, "x_t");
  p.call<kernels::mix_noise>(in.x_t, x0, noise, t, frame_count);
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
    if (options.training) pass.counters = counters;
    adapters.push_back({adapter, pass});
  }
  Var v = decoder.velocity(tape, in, adapters);
  velocity = v.value;
  loss = tape.empty({batch}, DType::f64, "loss");
  p.keep(loss);
  p.keep(state);  // a measurement runs calls again on what a step left
  const bool backward = shape.gradients && v.needs_grad();
  Tensor dv = backward ? tape.empty(v.value.shape, dtype, "dvelocity") : Tensor{};
  p.call<kernels::flow_loss>(loss, dv, v.value, x0, noise, loss_frames, loss_weight,
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
