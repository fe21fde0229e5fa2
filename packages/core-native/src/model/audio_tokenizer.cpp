#include "model/audio_tokenizer.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "model/host_view.h"
#include "model/one_run.h"

namespace ace {

namespace {

// Groups are independent: a song of any length runs through a program of this many, so its memory does not grow.
constexpr int64_t kGroupsAtOnce = 128;

struct Traced {
  Tensor input;
  std::vector<Tensor> outputs;
};

// Runs a network over `groups` independent items. trace(tape, count) traces it for so many; feed(run, traced, from,
// count) fills the input with items [from, from + count), runs and takes the outputs.
template <class Trace, class Feed>
void in_chunks(int64_t groups, Device& device, const std::string& what, Trace&& trace, Feed&& feed) {
  struct Ready {
    explicit Ready(DeviceKind kind) : program(kind) {}
    Program program;
    Traced traced;
    std::optional<OneRun> run;
  };
  std::optional<Ready> ready;
  for (int64_t from = 0; from < groups; from += kGroupsAtOnce) {
    const int64_t count = std::min(kGroupsAtOnce, groups - from);
    if (!ready || ready->traced.input.shape[0] != count) {
      Ready& r = ready.emplace(device.kind());
      Tape tape(r.program, Recompute::none, false);
      r.traced = trace(tape, count);
      for (const Tensor& output : r.traced.outputs) r.program.keep(output);
      r.run.emplace(r.program, device, what);
    }
    feed(*ready->run, ready->traced, from, count);
  }
}

void require_finite_output(const std::vector<float>& values, const std::string& what) {
  if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); }))
    throw Error(ErrorCode::checkpoint, what + ": its output holds a NaN or an infinity although its input does not; a weight is damaged");
}

}  // namespace

AudioTokenizer::AudioTokenizer(const ModelConfig& config, std::unique_ptr<Weights> weights, DType dtype)
    : config_(config),
      weights_(with_activations(std::move(weights), dtype)),
      dtype_(dtype),
      pooler_(*weights_, config, "tokenizer.attention_pooler", config.num_attention_pooler_hidden_layers, dtype),
      expander_(*weights_, config, "detokenizer", config.num_attention_pooler_hidden_layers, dtype) {
  Weights& w = *weights_;
  const int64_t width = config.encoder_hidden_size, latent = config.audio_acoustic_hidden_dim;
  const int64_t count = static_cast<int64_t>(config.fsq_input_levels.size());
  const Storage levels({count}, DType::i32, "quantiser levels");
  for (int64_t i = 0; i < count; ++i) {
    const int64_t level = config.fsq_input_levels[static_cast<size_t>(i)];
    levels.tensor().as<int32_t>()[i] = static_cast<int32_t>(level);
    codebook_size_ *= level;
    if (codebook_size_ > INT32_MAX) throw Error(ErrorCode::checkpoint, "config.json: \"fsq_input_levels\" give more than 2^31 codes");
  }
  levels_ = Storage(w.device(), {count}, DType::i32, "quantiser levels");
  upload(w.device(), levels_.tensor(), levels.tensor());
  acoustic_proj_ = w.matrix("tokenizer.audio_acoustic_proj.weight", {width, latent});
  acoustic_proj_bias_ = w.converted("tokenizer.audio_acoustic_proj.bias", {width}, wide(dtype));
  pooler_embed_ = w.matrix("tokenizer.attention_pooler.embed_tokens.weight", {width, width});
  pooler_embed_bias_ = w.converted("tokenizer.attention_pooler.embed_tokens.bias", {width}, wide(dtype));
  pooler_special_token_ = w.converted("tokenizer.attention_pooler.special_token", {1, 1, width}, dtype);
  project_in_ = w.matrix("tokenizer.quantizer.project_in.weight", {count, width});
  project_in_bias_ = w.converted("tokenizer.quantizer.project_in.bias", {count}, wide(dtype));
  project_out_ = w.matrix("tokenizer.quantizer.project_out.weight", {width, count});
  project_out_bias_ = w.converted("tokenizer.quantizer.project_out.bias", {width}, wide(dtype));
  expand_embed_ = w.matrix("detokenizer.embed_tokens.weight", {width, width});
  expand_embed_bias_ = w.converted("detokenizer.embed_tokens.bias", {width}, wide(dtype));
  special_tokens_ = w.converted("detokenizer.special_tokens", {1, config.pool_window_size, width}, dtype);
  proj_out_ = w.matrix("detokenizer.proj_out.weight", {latent, width});
  proj_out_bias_ = w.converted("detokenizer.proj_out.bias", {latent}, wide(dtype));
}

AudioTokenizer::Quantised AudioTokenizer::quantise(Tape& tape, Tensor groups) const {
  Program& program = tape.program();
  const int64_t n = groups.shape[0], frames = groups.shape[1], width = config_.encoder_hidden_size;
  const int64_t count = levels().elements();
  Tensor x = product(tape, groups, acoustic_proj_, {.transpose_b = true}, acoustic_proj_bias_);
  x = product(tape, x, pooler_embed_, {.transpose_b = true}, pooler_embed_bias_);
  Tensor tokens = tape.empty({n, frames + 1, width}, dtype_);
  program.call<kernels::prepend_token>(tokens, pooler_special_token_, x);
  tokens = pooler_.layers(tape, tokens, Tensor{}, "pooler");
  Tensor first = tape.empty({n, width}, dtype_);
  program.call<kernels::first_token>(first, tokens);
  Tensor pooled = pooler_.final_norm(tape, first);
  tape.probe("pooled", pooled);
  Quantised out;
  out.fsq_in = product(tape, pooled, project_in_, {.transpose_b = true}, project_in_bias_);
  out.index = tape.empty({n}, DType::i32);
  Tensor codes = tape.empty({n, count}, dtype_);
  program.call<kernels::fsq_quantise>(codes, out.index, out.fsq_in, levels());
  out.vectors = product(tape, codes, project_out_, {.transpose_b = true}, project_out_bias_);
  return out;
}

Tensor AudioTokenizer::vectors(Tape& tape, Tensor index) const {
  Tensor codes = tape.empty({index.elements(), levels().elements()}, dtype_);
  tape.program().call<kernels::fsq_codes>(codes, index, levels());
  return product(tape, codes, project_out_, {.transpose_b = true}, project_out_bias_);
}

Tensor AudioTokenizer::expand(Tape& tape, Tensor vectors) const {
  const int64_t n = vectors.shape[0], frames = config_.pool_window_size, width = config_.encoder_hidden_size;
  Tensor embedded = product(tape, vectors, expand_embed_, {.transpose_b = true}, expand_embed_bias_);
  Tensor x = tape.empty({n, frames, width}, dtype_);
  tape.program().call<kernels::add_rows>(x, special_tokens_.reshaped({frames, width}), embedded);
  x = expander_.final_norm(tape, expander_.layers(tape, x, Tensor{}, "expander"));
  return product(tape, x, proj_out_, {.transpose_b = true}, proj_out_bias_);
}

AudioTokens AudioTokenizer::tokenize(const Tensor& latents, const Tensor& silence) const {
  const int64_t width = config_.audio_acoustic_hidden_dim, window = config_.pool_window_size;
  require_shape(latents, {-1, width}, "latents");
  const int64_t frames = latents.shape[0], groups = (frames + window - 1) / window, missing = groups * window - frames;
  if (frames < 1) throw_shape("latents: expected at least one frame, got none");
  require_finite(latents, "latents");
  std::vector<float> padded(latents.as<float>(), latents.as<float>() + latents.elements());
  if (missing > 0) {
    if (!silence.given())
      throw_shape("silence: " + std::to_string(frames) + " frames are no multiple of " + std::to_string(window) +
                  ", so frames of silence are needed and none were given");
    require_shape(silence, {-1, width}, "silence");
    if (silence.shape[0] < missing)
      throw_shape("silence: expected at least " + std::to_string(missing) + " frames, got " + std::to_string(silence.shape[0]));
    require_finite(silence.slice(0, missing), "silence");
    padded.insert(padded.end(), silence.as<float>(), silence.as<float>() + missing * width);
  }

  AudioTokens out;
  in_chunks(
      groups, device(), "audio tokenizer",
      [&](Tape& tape, int64_t count) {
        const Tensor x = tape.program().input({count, window, width}, dtype_, "latents");
        const Quantised y = quantise(tape, x);
        return Traced{x, {y.index, y.vectors, y.fsq_in}};
      },
      [&](OneRun& run, const Traced& traced, int64_t from, int64_t count) {
        run.set(traced.input, host_view(padded.data() + from * window * width, {count, window, width}));
        run.run();
        const std::vector<int32_t> codes = run.integers(traced.outputs[0]);
        out.codes.insert(out.codes.end(), codes.begin(), codes.end());
        const std::vector<float> vectors = run.floats(traced.outputs[1]);
        out.quantised.insert(out.quantised.end(), vectors.begin(), vectors.end());
        // The quantiser gives a code for everything; only what it was given tells whether that was a number.
        require_finite_output(run.floats(traced.outputs[2]), "audio tokenizer");
      });
  require_finite_output(out.quantised, "audio tokenizer");
  return out;
}

std::vector<float> AudioTokenizer::detokenize(const std::vector<int32_t>& codes) const {
  if (codes.empty()) throw_shape("codes: expected at least one, got none");
  for (size_t i = 0; i < codes.size(); ++i)
    if (codes[i] < 0 || codes[i] >= codebook_size_)
      throw_shape("codes[" + std::to_string(i) + "]: expected 0 to " + std::to_string(codebook_size_ - 1) + ", got " +
                  std::to_string(codes[i]));
  std::vector<float> out;
  in_chunks(
      static_cast<int64_t>(codes.size()), device(), "audio detokenizer",
      [&](Tape& tape, int64_t count) {
        const Tensor index = tape.program().input({count}, DType::i32, "codes");
        return Traced{index, {expand(tape, vectors(tape, index))}};
      },
      [&](OneRun& run, const Traced& traced, int64_t from, int64_t count) {
        run.set(traced.input, host_view(codes.data() + from, {count}));
        run.run();
        const std::vector<float> frames = run.floats(traced.outputs[0]);
        out.insert(out.end(), frames.begin(), frames.end());
      });
  require_finite_output(out, "audio detokenizer");
  return out;
}

}  // namespace ace
