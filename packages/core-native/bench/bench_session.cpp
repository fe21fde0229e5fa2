#include "bench_session.h"

#include <cstring>
#include <map>

#if ACE_WITH_CUDA
#include "ops/cuda/blas/blas.h"
#include "ops/cuda/device.h"
#endif

namespace ace {

namespace {

class LayerWeights final : public RandomWeights {
 public:
  using RandomWeights::RandomWeights;

 protected:
  Storage fetch(const std::string& name, const Shape& shape) override {
    const std::string layers = "layers.";
    if (name.rfind(layers, 0) != 0) return RandomWeights::fetch(name, shape);
    const std::string in_layer = name.substr(name.find('.', layers.size()));
    auto found = known_.find(in_layer);
    if (found == known_.end()) found = known_.emplace(in_layer, RandomWeights::fetch(name, shape)).first;
    const Tensor from = found->second.tensor();
    Storage out(from.shape, from.dtype, name, false);
    std::memcpy(out.data(), from.data, static_cast<size_t>(from.bytes()));
    return out;
  }

 private:
  std::map<std::string, Storage> known_;
};

// Uniform in (-1, 1).
std::vector<float> numbers(int64_t count, uint32_t seed) {
  std::vector<float> out(static_cast<size_t>(count));
  for (float& value : out) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 8) / 8388608.0f - 1;
  }
  return out;
}

}  // namespace

std::unique_ptr<Device> open_bench_device(const RunOptions& options) {
  if (options.tune && options.device != "cuda") throw Error(ErrorCode::config, "core_bench: --tune: only products on CUDA leave a choice");
  if (options.device == "cpu") return std::make_unique<CpuDevice>(options.threads);
  if (options.device == "cuda") {
#if ACE_WITH_CUDA
    std::unique_ptr<Device> device = cuda::open_device(0, options.threads);
    device->stream().blas->tune(options.tune);
    return device;
#else
    throw Error(ErrorCode::device, "core_bench: --device cuda: this build has no CUDA; build it where nvcc is");
#endif
  }
  throw Error(ErrorCode::config, "core_bench: --device: expected cpu or cuda, got " + options.device);
}

std::unique_ptr<Decoder> open_bench_decoder(const RunOptions& options, Device& device) {
  if (!options.folder.empty()) {
    const std::string model = options.folder + "/model";
    return std::make_unique<Decoder>(ModelConfig::load(model), std::make_unique<CheckpointWeights>(device, model, "decoder."), options.activations());
  }
  const DType dtype = options.weights == "f32" ? DType::f32 : DType::bf16;
  std::unique_ptr<Weights> weights;
  // On a CPU the copies would count as the process's memory.
  if (device.kind() == DeviceKind::cpu) weights = std::make_unique<RandomWeights>(device, 7, dtype);
  else weights = std::make_unique<LayerWeights>(device, 7, dtype);
  return std::make_unique<Decoder>(options.model(), std::move(weights), options.activations());
}

BenchSession::BenchSession(const RunOptions& options, const Decoder& decoder)
    : options_(options),
      adapter_(std::make_unique<Adapter>(options.adapter_config(), decoder.targets(), 1, decoder.dtype(), decoder.device())) {
  const int64_t width = decoder.config().encoder_hidden_size;
  if (options.folder.empty()) {
    null_condition_ = Storage(decoder.device(), {width}, decoder.dtype(), "null condition");
  } else {
    shared_ = std::make_unique<SharedBatch>(options.folder);
    shared_->load(*adapter_);
    null_condition_ = shared_->null_condition(decoder.device(), width, decoder.dtype());
  }
  session_ = std::make_unique<TrainSession>(decoder, *adapter_, null_condition_.tensor(), options.session());
  if (shared_) {
    session_->add_sample(shared_->latents.data(), shared_->frames, shared_->context.data(), {{shared_->condition.data(), shared_->condition_tokens}});
    return;
  }
  const int64_t frames = options.frames();
  const auto latents = numbers(frames * 64, 1), context = numbers(frames * 128, 2), condition = numbers(options.condition * width, 3);
  session_->add_sample(latents.data(), frames, context.data(), {{condition.data(), options.condition}});
}

StepResult BenchSession::step() {
  MicroBatch batch(static_cast<size_t>(options_.batch));
  for (size_t b = 0; b < batch.size(); ++b) {
    batch[b].key = b;
    batch[b].timestep = 0.5;
    batch[b].drop_condition = 0;
    if (b > 0)
      batch[b].frames = static_cast<int64_t>(static_cast<double>(options_.frames()) *
                                             (1 - (1 - options_.shortest) * static_cast<double>(b) / static_cast<double>(options_.batch - 1)));
    if (!shared_) continue;
    batch[b].noise = shared_->noise.data();
    batch[b].noise_count = static_cast<int64_t>(shared_->noise.size());
  }
  return session_->step(steps_++, 1e-4, {batch});
}

}  // namespace ace
