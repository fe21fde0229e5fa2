// A model small enough for plain tests, with what its tests share: numbers, damaged weights, refusals as text.
#pragma once
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "model/config.h"
#include "cpu_device.h"
#include "model/weights.h"
#include "ops/philox.h"

namespace ace::test {

// Bands of 3 tokens to each side, so that short sequences feel them.
inline ModelConfig small_config(bool xl = false) {
  ModelConfig c;
  c.hidden_size = c.encoder_hidden_size = 24;
  c.intermediate_size = c.encoder_intermediate_size = 40;
  c.num_hidden_layers = 2;
  c.num_attention_heads = c.encoder_num_attention_heads = 4;
  c.num_key_value_heads = c.encoder_num_key_value_heads = 2;
  c.head_dim = 6;
  c.sliding_window = 3;
  c.sliding = {true, false};
  c.text_hidden_dim = 10;
  c.audio_acoustic_hidden_dim = c.timbre_hidden_dim = 7;
  c.num_lyric_encoder_hidden_layers = c.num_timbre_encoder_hidden_layers = c.num_attention_pooler_hidden_layers = 2;
  c.fsq_input_levels = {8, 8, 8, 5, 5, 5};
  c.is_xl = xl;
  return c;
}

// Numbers in [-2, 2), another sequence for each seed.
inline std::vector<float> numbers(int64_t count, uint64_t seed) {
  std::vector<float> out(static_cast<size_t>(count));
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(4 * uniform01(random_words(seed, 0, 0, 0, i).word[0]) - 2);
  return out;
}

// Random weights of which one element may be a NaN, and one tensor may be scaled.
class TamperedWeights final : public RandomWeights {
 public:
  TamperedWeights(DType dtype, std::string nan_in = {}, std::string scaled = {}, double factor = 1)
      : RandomWeights(cpu_device(), 7, dtype), nan_in_(std::move(nan_in)), scaled_(std::move(scaled)), factor_(factor) {}

 protected:
  Storage fetch(const std::string& name, const Shape& shape) override {
    Storage out = RandomWeights::fetch(name, shape);
    if (name == scaled_)
      for (int64_t i = 0; i < shape.elements(); ++i) set_element(out.tensor(), i, element(out.tensor(), i) * factor_);
    if (name == nan_in_) set_element(out.tensor(), 0, std::numeric_limits<double>::quiet_NaN());
    return out;
  }

 private:
  std::string nan_in_, scaled_;
  double factor_;
};

// "ERR_SHAPE: message", or "accepted".
template <class F>
std::string refusal(F&& call) {
  try {
    call();
  } catch (const Error& error) {
    return std::string(name(error.code())) + ": " + error.what();
  }
  return "accepted";
}

// The largest difference between two runs of numbers of the same length; infinite where the lengths differ.
inline double apart(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}

}  // namespace ace::test
