// A small decoder with one adapter, and micro-batches of songs run through its training program.
#pragma once
#include "adapter/one_module.h"
#include "model/small_model.h"
#include "train/flow_program.h"

namespace ace::test {

struct Song {
  int64_t frames, tokens;
  uint64_t key;
  bool dropped = false;
};

// A model, and an adapter whose parameters are away from their start.
class FlowModel {
 public:
  explicit FlowModel(const AdapterConfig& config, bool disturb = true, int threads = 1)
      : config_(configure()), decoder_(config_, std::make_unique<RandomWeights>(cpu_device(threads), 3, DType::f32), DType::f32),
        null_({config_.encoder_hidden_size}, DType::f32, "null condition") {
    AdapterConfig with = config;
    if (with.target_modules.empty()) with.target_modules = {"*_proj"};
    adapter_ = std::make_unique<Adapter>(with, decoder_.targets(), 9, DType::f32, decoder_.device());
    gradients_ = Storage({adapter_->parameter_count()}, DType::f32, "gradients");
    Numbers numbers(37);
    for (int64_t i = 0; i < null_.tensor().elements(); ++i) set_number(null_.tensor(), i, numbers.next());
    if (!disturb) return;
    for (const auto& [name, value] : adapter_->named(adapter_->parameters())) {
      const bool magnitude = name.find("magnitude") != std::string::npos || name.find("dora_scale") != std::string::npos;
      for (int64_t i = 0; i < value.elements(); ++i)
        set_number(value, i, magnitude ? number_at(value, i) * (1 + 0.2 * numbers.next()) : 0.3 * numbers.next());
    }
  }

  const ModelConfig& config() const { return config_; }
  const Decoder& decoder() const { return decoder_; }
  Adapter& adapter() { return *adapter_; }
  Tensor null_condition() const { return null_.tensor(); }
  Tensor gradients() const { return gradients_.tensor(); }
  void clear_gradients() { clear(gradients_.tensor()); }
  std::vector<double> gradient() const { return numbers_of(gradients_.tensor()); }

 private:
  static ModelConfig configure() {
    ModelConfig c = small_config();
    c.in_channels = 3 * c.audio_acoustic_hidden_dim;
    c.num_hidden_layers = 3;
    c.sliding = {true, false, true};
    return c;
  }

  ModelConfig config_;
  Decoder decoder_;
  Storage null_, gradients_;
  std::unique_ptr<Adapter> adapter_;
};

struct FlowSetting {
  RecomputePolicy recompute;
  int64_t frames = 0, tokens = 0;  // of the program; 0: the longest song's, to a whole patch
  int threads = 1;
  bool adapted = true;
  uint64_t step = 4;
};

// Adds the songs' gradients to the model's and returns the weighted loss. Every song's data comes from its key.
inline double run_flow(FlowModel& model, const std::vector<Song>& songs, double weight, const FlowSetting& setting = {}) {
  const ModelConfig& config = model.config();
  const int64_t patch = config.patch_size, latent = config.audio_acoustic_hidden_dim, width = config.encoder_hidden_size;
  FlowShape shape;
  shape.batch = static_cast<int64_t>(songs.size());
  for (const Song& song : songs) {
    shape.frames = std::max({shape.frames, (song.frames + patch - 1) / patch * patch, setting.frames});
    shape.condition_tokens = std::max({shape.condition_tokens, song.tokens, setting.tokens});
  }
  shape.gradients = setting.adapted;
  FlowProgram::Options options;
  options.recompute = setting.recompute;
  FlowProgram flow(model.decoder(), model.null_condition(), shape, options, model.gradients(),
                   setting.adapted ? &model.adapter() : nullptr);
  Program& p = flow.program();
  Storage arena({p.arena_bytes()}, DType::u8, "arena");
  p.bind(arena.data());
  auto ints = [&](Tensor t) { return p.bound(t).as<int32_t>(); };
  int64_t* counters = p.bound(flow.counters).as<int64_t>();
  for (const Tensor& rows : {flow.x0_rows, flow.context_rows, flow.condition_rows}) std::fill_n(p.bound(rows).as<int64_t>(), rows.elements(), 0);
  counters[0] = 42;
  counters[1] = static_cast<int64_t>(setting.step);
  for (int64_t b = 0; b < shape.batch; ++b) {
    const Song& song = songs[static_cast<size_t>(b)];
    Numbers numbers(1000 + song.key);
    auto rows = [&](Tensor t, int64_t count, int64_t columns) {
      const Tensor to = p.bound(t);
      for (int64_t i = 0; i < count * columns; ++i) set_number(to, b * t.shape[1] * columns + i, numbers.next());
    };
    set_number(p.bound(flow.t), b, 0.5 + 0.4 * numbers.next());
    rows(flow.x0, song.frames, latent);
    rows(flow.context, song.frames, 2 * latent);
    rows(flow.condition, song.tokens, width);
    ints(flow.draw_noise)[b] = 1;
    ints(flow.dropped)[b] = song.dropped ? 1 : 0;
    ints(flow.frame_count)[b] = ints(flow.loss_frames)[b] = static_cast<int32_t>(song.frames);
    ints(flow.token_count)[b] = static_cast<int32_t>((song.frames + patch - 1) / patch);
    ints(flow.condition_count)[b] = static_cast<int32_t>(song.tokens);
    counters[2 + b] = static_cast<int64_t>(song.key);
    p.bound(flow.loss_weight).as<double>()[b] = weight;
  }
  p.run(cpu_device(setting.threads).stream());
  double loss = 0;
  for (int64_t b = 0; b < shape.batch; ++b) loss += weight * p.bound(flow.loss).as<double>()[b];
  return loss;
}

inline double relative_l2(const std::vector<double>& a, const std::vector<double>& b) {
  double difference = 0, reference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    reference += b[i] * b[i];
  }
  return std::sqrt(difference / reference);
}

}  // namespace ace::test
