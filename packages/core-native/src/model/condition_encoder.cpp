#include "model/condition_encoder.h"

#include <algorithm>
#include <cmath>

#include "model/host_view.h"
#include "model/one_run.h"

namespace ace {

namespace {

// What the attention kernel's tiles have room for; far beyond any prompt and any published clip length.
constexpr int64_t kMaxTokens = 8192;

// One token on its way into the packed sequence. `from` null: a place without a clip, all zeros.
struct Token {
  const float* from;
  bool valid;
};

// Valid tokens first, each group in its old order: what the model does twice, first with lyrics and timbre, then text.
void valid_first(std::vector<Token>& tokens) {
  std::stable_partition(tokens.begin(), tokens.end(), [](const Token& token) { return token.valid; });
}

int64_t count_valid(const std::vector<Token>& tokens) {
  return std::count_if(tokens.begin(), tokens.end(), [](const Token& token) { return token.valid; });
}

// Sample b of `states` [B, length, width].
std::vector<Token> tokens_of(const std::vector<float>& states, const Tensor& keep, int64_t b, int64_t length, int64_t width) {
  std::vector<Token> out;
  for (int64_t i = b * length; i < (b + 1) * length; ++i)
    out.push_back({states.data() + i * width, !keep.given() || keep.as<uint8_t>()[i] != 0});
  return out;
}

int64_t lyric_tokens(const ConditionRequest& request) { return request.lyrics.shape.rank() == 0 ? 0 : request.lyrics.shape[1]; }

}  // namespace

ConditionEncoder::ConditionEncoder(const ModelConfig& config, std::unique_ptr<Weights> weights, DType dtype)
    : config_(config),
      weights_(with_activations(std::move(weights), dtype)),
      dtype_(dtype),
      lyric_layers_(*weights_, config, "lyric_encoder", config.num_lyric_encoder_hidden_layers, dtype),
      timbre_layers_(*weights_, config, "timbre_encoder", config.num_timbre_encoder_hidden_layers, dtype) {
  Weights& w = *weights_;
  const int64_t width = config.encoder_hidden_size;
  text_projector_ = w.matrix("text_projector.weight", {width, config.text_hidden_dim});
  lyric_embed_ = w.matrix("lyric_encoder.embed_tokens.weight", {width, config.text_hidden_dim});
  lyric_embed_bias_ = w.converted("lyric_encoder.embed_tokens.bias", {width}, wide(dtype));
  timbre_embed_ = w.matrix("timbre_encoder.embed_tokens.weight", {width, config.timbre_hidden_dim});
  timbre_embed_bias_ = w.converted("timbre_encoder.embed_tokens.bias", {width}, wide(dtype));
  // Every checkpoint has it; only XL uses it.
  timbre_special_token_ = w.converted("timbre_encoder.special_token", {1, 1, width}, dtype);
}

Tensor ConditionEncoder::text(Tape& tape, Tensor x) const { return product(tape, x, text_projector_, {.transpose_b = true}); }

Tensor ConditionEncoder::lyrics(Tape& tape, Tensor x, Tensor keep) const {
  Tensor embedded = product(tape, x, lyric_embed_, {.transpose_b = true}, lyric_embed_bias_);
  return lyric_layers_.final_norm(tape, lyric_layers_.layers(tape, embedded, keep, "lyric"));
}

Tensor ConditionEncoder::timbre(Tape& tape, Tensor clips) const {
  Tensor x = product(tape, clips, timbre_embed_, {.transpose_b = true}, timbre_embed_bias_);
  if (config_.is_xl) {
    Tensor longer = tape.empty({x.shape[0], x.shape[1] + 1, x.shape[2]}, dtype_);
    tape.program().call<kernels::prepend_token>(longer, timbre_special_token_, x);
    x = longer;
  }
  Tensor states = timbre_layers_.layers(tape, x, Tensor{}, "timbre");
  // Position 0 is the clip's vector: the special token in XL, the first frame otherwise.
  Tensor first = tape.empty({x.shape[0], x.shape[2]}, dtype_);
  tape.program().call<kernels::first_token>(first, states);
  return timbre_layers_.final_norm(tape, first);
}

void ConditionEncoder::check(const ConditionRequest& request) const {
  if (request.batch < 1) throw_shape("batch: expected at least 1, got " + std::to_string(request.batch));
  auto tokens = [&](const Tensor& x, const Tensor& keep, const std::string& what, int64_t least) {
    require_shape(x, {request.batch, -1, config_.text_hidden_dim}, what);
    if (x.shape[1] < least || x.shape[1] > kMaxTokens)
      throw_shape(what + ": expected " + std::to_string(least) + " to " + std::to_string(kMaxTokens) + " tokens, got " +
                  std::to_string(x.shape[1]));
    if (keep.given()) require_shape(keep, {request.batch, x.shape[1]}, what + " mask");
    require_finite(x, what);
  };
  tokens(request.text, request.text_keep, "text", 1);
  if (request.lyrics.shape.rank() != 0) tokens(request.lyrics, request.lyric_keep, "lyrics", 0);
  if (request.timbre.empty()) throw_shape("timbre: expected at least one clip; without a reference, give one of silence");
  for (size_t n = 0; n < request.timbre.size(); ++n) {
    const TimbreClip& clip = request.timbre[n];
    const std::string what = "timbre clip " + std::to_string(n);
    require_shape(clip.latents, {-1, config_.timbre_hidden_dim}, what);
    if (clip.latents.shape[0] < 1 || clip.latents.shape[0] >= kMaxTokens)
      throw_shape(what + ": expected 1 to " + std::to_string(kMaxTokens - 1) + " frames, got " + std::to_string(clip.latents.shape[0]));
    if (clip.owner < 0 || clip.owner >= request.batch)
      throw_shape(what + ": belongs to sample " + std::to_string(clip.owner) + " of a batch of " + std::to_string(request.batch));
    require_finite(clip.latents, what);
  }
}

std::vector<float> ConditionEncoder::encode_text(const Tensor& host) const {
  Program program(weights_->device().kind());
  Tape tape(program, Recompute::none, false);
  const Tensor x = program.input(host.shape, dtype_, "text");
  const Tensor out = text(tape, x);
  program.keep(out);
  OneRun run(program, weights_->device(), "text projector");
  run.set(x, host);
  run.run();
  return run.floats(out);
}

std::vector<float> ConditionEncoder::encode_lyrics(const Tensor& host, const Tensor& host_keep) const {
  Program program(weights_->device().kind());
  Tape tape(program, Recompute::none, false);
  const Tensor x = program.input(host.shape, dtype_, "lyrics");
  Tensor keep;
  if (host_keep.given()) {
    keep = program.input(host_keep.shape, DType::u8, "lyric_keep");
    program.keep(keep);  // read by every layer
  }
  const Tensor out = lyrics(tape, x, keep);
  program.keep(out);
  OneRun run(program, weights_->device(), "lyric encoder");
  run.set(x, host);
  if (keep.given()) run.set(keep, host_keep);
  run.run();
  return run.floats(out);
}

const std::vector<float>& ConditionEncoder::encode_clip(const Tensor& latents) {
  const float *begin = latents.as<float>(), *end = begin + latents.elements();
  if (!last_vector_.empty() && std::equal(last_clip_.begin(), last_clip_.end(), begin, end)) return last_vector_;
  Program program(weights_->device().kind());
  Tape tape(program, Recompute::none, false);
  const Tensor x = program.input({1, latents.shape[0], latents.shape[1]}, dtype_, "clip");
  const Tensor out = timbre(tape, x);
  program.keep(out);
  OneRun run(program, weights_->device(), "timbre encoder");
  run.set(x, latents);
  run.run();
  last_vector_.clear();  // until the new pair is whole
  last_clip_.assign(begin, end);
  last_vector_ = run.floats(out);
  return last_vector_;
}

ConditionResult ConditionEncoder::encode(const ConditionRequest& request) {
  check(request);
  const int64_t width = config_.encoder_hidden_size, lyric_length = lyric_tokens(request), text_length = request.text.shape[1];
  const std::vector<float> text_states = encode_text(request.text);
  const std::vector<float> lyric_states =
      lyric_length == 0 ? std::vector<float>{} : encode_lyrics(request.lyrics, request.lyric_keep);
  std::vector<std::vector<std::vector<float>>> clips(static_cast<size_t>(request.batch));  // by owner
  for (const TimbreClip& clip : request.timbre) clips[static_cast<size_t>(clip.owner)].push_back(encode_clip(clip.latents));
  size_t most = 0;
  for (const auto& own : clips) most = std::max(most, own.size());

  ConditionResult result;
  result.tokens = lyric_length + static_cast<int64_t>(most) + text_length;
  result.hidden_states.reserve(static_cast<size_t>(request.batch * result.tokens * width));
  for (int64_t b = 0; b < request.batch; ++b) {
    std::vector<Token> packed = tokens_of(lyric_states, request.lyric_keep, b, lyric_length, width);
    ConditionSegments segments;
    segments.lyrics = count_valid(packed);
    const auto& own = clips[static_cast<size_t>(b)];
    segments.timbre = static_cast<int64_t>(own.size());
    for (size_t i = 0; i < most; ++i) packed.push_back(i < own.size() ? Token{own[i].data(), true} : Token{nullptr, false});
    valid_first(packed);
    const std::vector<Token> words = tokens_of(text_states, request.text_keep, b, text_length, width);
    segments.text = count_valid(words);
    packed.insert(packed.end(), words.begin(), words.end());
    valid_first(packed);
    result.segments.push_back(segments);
    for (const Token& token : packed) {
      result.keep.push_back(token.valid ? 1 : 0);
      if (token.from == nullptr) result.hidden_states.insert(result.hidden_states.end(), static_cast<size_t>(width), 0.0f);
      else result.hidden_states.insert(result.hidden_states.end(), token.from, token.from + width);
    }
  }
  if (!std::all_of(result.hidden_states.begin(), result.hidden_states.end(), [](float x) { return std::isfinite(x); }))
    throw Error(ErrorCode::checkpoint, "condition encoder: its output holds a NaN or an infinity although its input does not; a weight is damaged");
  return result;
}

}  // namespace ace
