// A small model in a training session with songs of given lengths.
#pragma once
#include "train/flow_fixture.h"
#include "train/session.h"

namespace ace::test {

inline SessionConfig plain_config() {
  SessionConfig config;
  config.condition_dropout = 0;
  config.bucket_tokens = 8;
  config.bucket_condition = 8;
  return config;
}

// A model, its session, and songs of these lengths with 5 and 3 condition tokens in two variants.
struct Studio {
  explicit Studio(const std::vector<int64_t>& lengths, const SessionConfig& config = plain_config(),
                  const AdapterConfig& adapter = adapter_config(AdapterKind::lora, 2, 4), int threads = 1)
      : model(adapter, true, threads), session(model.decoder(), model.adapter(), model.null_condition(), config) {
    const int64_t latent = model.config().audio_acoustic_hidden_dim, width = model.config().encoder_hidden_size;
    for (size_t i = 0; i < lengths.size(); ++i) {
      const std::vector<float> latents = numbers(lengths[i] * latent, 10 * i), context = numbers(lengths[i] * 2 * latent, 10 * i + 1);
      const std::vector<float> first = numbers(5 * width, 10 * i + 2), second = numbers(3 * width, 10 * i + 3);
      (void)session.add_sample(latents.data(), lengths[i], context.data(), {{first.data(), 5}, {second.data(), 3}});
    }
  }
  std::vector<double> parameters() { return numbers_of(model.adapter().parameters()); }

  FlowModel model;
  TrainSession session;
};

inline SampleRef ref(int64_t sample, uint64_t key) {
  SampleRef out;
  out.sample = sample;
  out.key = key;
  return out;
}

}  // namespace ace::test
