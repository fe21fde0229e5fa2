#include "train/session.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ace {

namespace {

constexpr size_t kMaxPrograms = 32;

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Copies float32 host rows into the compute type.
void store(Tensor to, int64_t at, const float* from, int64_t count) {
  if (to.dtype == DType::f64) std::copy(from, from + count, to.as<double>() + at);
  else std::memcpy(to.as<float>() + at, from, static_cast<size_t>(count) * sizeof(float));
}

// Rows [start, start + rows) of a resident tensor to row 0 of sample b of an input, the input's other rows zero.
void place(Tensor input, int64_t b, const Tensor& resident, int64_t start, int64_t rows) {
  const int64_t total = input.shape[1], row_bytes = input.bytes() / (input.shape[0] * total);
  char* to = input.as<char>() + b * total * row_bytes;
  std::memcpy(to, resident.as<char>() + start * row_bytes, static_cast<size_t>(rows * row_bytes));
  std::memset(to + rows * row_bytes, 0, static_cast<size_t>((total - rows) * row_bytes));
}

// What the kernels' own working memory comes to: the matrix products' shared panels, and on each thread their serial
// panels and one attention tile of scores and their gradients (64 query rows over all keys, 4 MiB at most).
int64_t scratch_bytes(int threads, int64_t keys) {
  constexpr int64_t kSharedPanels = int64_t{16} << 20, kSerialPanels = int64_t{4} << 20;
  constexpr int64_t kLargestTile = int64_t{4} << 20;
  return kSharedPanels + threads * (kSerialPanels + 2 * std::min(kLargestTile, 64 * keys * static_cast<int64_t>(sizeof(float))));
}

void set_float(Tensor to, int64_t i, double value) {
  if (to.dtype == DType::f64) to.as<double>()[i] = value;
  else to.as<float>()[i] = static_cast<float>(value);
}

}  // namespace

TrainSession::TrainSession(const Decoder& decoder, Adapter& adapter, Tensor null_condition, const SessionConfig& config,
                           ThreadPool& pool)
    : decoder_(decoder), adapter_(adapter), null_condition_(null_condition), config_(config), pool_(pool) {
  if (config.bucket_tokens < 1 || config.bucket_condition < 1) throw Error(ErrorCode::config, "buckets: expected at least 1");
  if (config.timesteps.kind == TimestepLaw::Kind::discrete && config.timesteps.table.empty())
    throw Error(ErrorCode::config, "timesteps.table: expected at least one timestep");
  const Shape flat{adapter.parameter_count()};
  gradients_ = Storage(flat, decoder.dtype(), "gradients");
  exp_avg_ = Storage(flat, decoder.dtype(), "optimizer state");
  exp_avg_sq_ = Storage(flat, decoder.dtype(), "optimizer state");
  state_ = Storage({kOptimizerStateDoubles}, DType::f64, "optimizer state");
}

int64_t TrainSession::add_sample(const float* latents, int64_t frames, const float* context,
                                 const std::vector<std::pair<const float*, int64_t>>& conditions) {
  const int64_t latent = decoder_.config().audio_acoustic_hidden_dim, width = decoder_.config().encoder_hidden_size;
  if (frames < decoder_.config().patch_size)
    throw_shape("latents: " + std::to_string(frames) + " frames are shorter than one patch of " + std::to_string(decoder_.config().patch_size));
  if (conditions.empty()) throw_shape("conditions: at least one is needed");
  auto sample = std::make_unique<ResidentSample>();
  sample->frames = frames;
  sample->latents = Storage({frames, latent}, decoder_.dtype(), "latents", false);
  store(sample->latents.tensor(), 0, latents, frames * latent);
  sample->context = Storage({frames, 2 * latent}, decoder_.dtype(), "context latents", false);
  store(sample->context.tensor(), 0, context, frames * 2 * latent);
  for (const auto& [data, tokens] : conditions) {
    if (tokens < 1) throw_shape("conditions: one has no token");
    sample->conditions.emplace_back(Shape{tokens, width}, decoder_.dtype(), "condition", false);
    store(sample->conditions.back().tensor(), 0, data, tokens * width);
    dataset_bytes_ += sample->conditions.back().bytes();
  }
  dataset_bytes_ += sample->latents.bytes() + sample->context.bytes();
  samples_.push_back(std::move(sample));
  return static_cast<int64_t>(samples_.size()) - 1;
}

void TrainSession::check(const SampleRef& ref) const {
  if (ref.sample < 0 || ref.sample >= static_cast<int64_t>(samples_.size()))
    throw Error(ErrorCode::config, "sample " + std::to_string(ref.sample) + " was never added");
  const ResidentSample& s = *samples_[static_cast<size_t>(ref.sample)];
  const int64_t frames = frames_of(ref);
  if (ref.start < 0 || frames < decoder_.config().patch_size || ref.start + frames > s.frames)
    throw Error(ErrorCode::config, "sample " + std::to_string(ref.sample) + ": frames " + std::to_string(ref.start) + " to " +
                                       std::to_string(ref.start + frames) + " are not within its " + std::to_string(s.frames));
  if (ref.variant < 0 || ref.variant >= static_cast<int64_t>(s.conditions.size()))
    throw Error(ErrorCode::config, "sample " + std::to_string(ref.sample) + " has no condition variant " + std::to_string(ref.variant));
  if (ref.noise != nullptr && ref.noise_count != frames * decoder_.config().audio_acoustic_hidden_dim)
    throw_shape("noise: " + std::to_string(ref.noise_count) + " numbers do not fit " + std::to_string(frames) + " frames of " +
                std::to_string(decoder_.config().audio_acoustic_hidden_dim));
  if (ref.timestep > 1) throw Error(ErrorCode::config, "timestep: expected 0 to 1, got " + std::to_string(ref.timestep));
}

int64_t TrainSession::frames_of(const SampleRef& ref) const {
  return ref.frames >= 0 ? ref.frames : samples_[static_cast<size_t>(ref.sample)]->frames - ref.start;
}

FlowShape TrainSession::shape_of(const MicroBatch& batch, bool gradients) const {
  const int64_t patch = decoder_.config().patch_size;
  FlowShape shape;
  shape.batch = static_cast<int64_t>(batch.size());
  shape.gradients = gradients;
  int64_t tokens = 0, condition = 0;
  for (const SampleRef& ref : batch) {
    tokens = std::max(tokens, (frames_of(ref) + patch - 1) / patch);
    condition = std::max(condition, samples_[static_cast<size_t>(ref.sample)]->conditions[static_cast<size_t>(ref.variant)].tensor().shape[0]);
  }
  shape.frames = round_up(tokens, config_.bucket_tokens) * patch;
  shape.condition_tokens = round_up(condition, config_.bucket_condition);
  return shape;
}

FlowProgram& TrainSession::program_for(const FlowShape& shape, bool training) {
  for (auto it = programs_.begin(); it != programs_.end(); ++it) {
    if (!(it->shape == shape) || it->training != training) continue;
    programs_.splice(programs_.begin(), programs_, it);
    return *programs_.front().program;
  }
  FlowProgram::Options options;
  options.recompute = config_.recompute;
  options.round_timesteps = config_.round_timesteps;
  options.training = training;
  auto program = std::make_unique<FlowProgram>(decoder_, null_condition_, shape, options, adapter_.parameters(),
                                               gradients_.tensor(), &adapter_);
  const int64_t bytes = program->program().arena_bytes();
  if (bytes > arena_.bytes()) {
    arena_ = Storage();  // the old one goes first: both together may not fit
    arena_ = Storage({bytes}, DType::u8, "activations");
    for (Cached& cached : programs_) cached.program->program().bind(arena_.data());
  }
  program->program().bind(arena_.data());
  if (programs_.size() == kMaxPrograms) programs_.pop_back();
  programs_.push_front({shape, training, std::move(program)});
  return *programs_.front().program;
}

void TrainSession::fill(FlowProgram& flow, const FlowShape& shape, const MicroBatch& batch, uint64_t seed, uint64_t step,
                        bool training, const std::vector<double>& weights, std::vector<SampleResult>& results) {
  const int64_t patch = decoder_.config().patch_size, latent = decoder_.config().audio_acoustic_hidden_dim;
  Program& p = flow.program();
  const Tensor x0 = p.bound(flow.x0), context = p.bound(flow.context), condition = p.bound(flow.condition);
  const Tensor noise = p.bound(flow.noise), t = p.bound(flow.t);
  auto ints = [&p](Tensor tensor) { return p.bound(tensor).as<int32_t>(); };
  int32_t *draw = ints(flow.draw_noise), *dropped = ints(flow.dropped), *frame_count = ints(flow.frame_count);
  int32_t *loss_frames = ints(flow.loss_frames), *token_count = ints(flow.token_count), *condition_count = ints(flow.condition_count);
  int64_t* counters = p.bound(flow.counters).as<int64_t>();
  double* loss_weight = p.bound(flow.loss_weight).as<double>();
  int64_t longest = 0, widest = 0;
  for (const SampleRef& ref : batch) {
    longest = std::max(longest, frames_of(ref));
    widest = std::max(widest, samples_[static_cast<size_t>(ref.sample)]->conditions[static_cast<size_t>(ref.variant)].tensor().shape[0]);
  }
  counters[0] = static_cast<int64_t>(seed);
  counters[1] = static_cast<int64_t>(step);
  for (int64_t b = 0; b < shape.batch; ++b) {
    const SampleRef& ref = batch[static_cast<size_t>(b)];
    const ResidentSample& sample = *samples_[static_cast<size_t>(ref.sample)];
    const int64_t frames = frames_of(ref);
    const Tensor states = sample.conditions[static_cast<size_t>(ref.variant)].tensor();
    place(x0, b, sample.latents.tensor(), ref.start, frames);
    place(context, b, sample.context.tensor(), ref.start, frames);
    place(condition, b, states, 0, states.shape[0]);
    double time = ref.timestep >= 0 ? ref.timestep : draw_timestep(config_.timesteps, seed, step, ref.key);
    if (config_.round_timesteps) time = to_float(to_bf16(static_cast<float>(time)));
    if (t.dtype == DType::f32) time = static_cast<float>(time);
    set_float(t, b, time);
    const bool drop = ref.drop_condition >= 0 ? ref.drop_condition == 1
                                              : training && draw_condition_dropout(config_.condition_dropout, seed, step, ref.key);
    dropped[b] = drop ? 1 : 0;
    draw[b] = ref.noise == nullptr ? 1 : 0;
    if (ref.noise != nullptr) {
      const int64_t each = noise.shape[1] * latent;
      store(noise, b * each, ref.noise, frames * latent);
      for (int64_t i = frames * latent; i < each; ++i) set_float(noise, b * each + i, 0);
    }
    const int64_t seen = config_.official_padding ? longest : frames;
    frame_count[b] = loss_frames[b] = static_cast<int32_t>(seen);
    token_count[b] = static_cast<int32_t>((seen + patch - 1) / patch);
    condition_count[b] = static_cast<int32_t>(config_.official_padding ? widest : states.shape[0]);
    counters[2 + b] = static_cast<int64_t>(ref.key);
    loss_weight[b] = weights[static_cast<size_t>(b)];
    results.push_back({0, time, drop});
  }
}

void TrainSession::run(const MicroBatch& batch, uint64_t seed, uint64_t step, bool training,
                       const std::vector<double>& weights, std::vector<SampleResult>& results, double& sum) {
  const FlowShape shape = shape_of(batch, training);
  FlowProgram& flow = program_for(shape, training);
  const size_t first = results.size();
  fill(flow, shape, batch, seed, step, training, weights, results);
  // Read before the run: an input's memory serves others after its last use.
  const int32_t* filled = flow.program().bound(flow.loss_frames).as<int32_t>();
  const std::vector<int32_t> counted(filled, filled + shape.batch);
  Stream stream{DeviceKind::cpu, &pool_, nullptr};
  flow.program().run(stream);
  const double* loss = flow.program().bound(flow.loss).as<double>();
  for (int64_t b = 0; b < shape.batch; ++b) {
    results[first + static_cast<size_t>(b)].loss = loss[b] / static_cast<double>(counted[static_cast<size_t>(b)] * decoder_.config().audio_acoustic_hidden_dim);
    sum += loss[b] * weights[static_cast<size_t>(b)];
  }
}

std::vector<std::vector<double>> TrainSession::weights_of(const std::vector<MicroBatch>& micro_batches) const {
  const double latent = static_cast<double>(decoder_.config().audio_acoustic_hidden_dim);
  double frames = 0;
  for (const MicroBatch& batch : micro_batches) {
    if (batch.empty()) throw Error(ErrorCode::config, "a micro-batch is empty");
    for (const SampleRef& ref : batch) {
      check(ref);
      frames += static_cast<double>(frames_of(ref));
    }
  }
  std::vector<std::vector<double>> weights;
  for (const MicroBatch& batch : micro_batches) {
    double weight = 1 / (frames * latent);
    if (config_.official_padding) {  // the mean of the micro-batches' own means, padding included
      int64_t longest = 0;
      for (const SampleRef& ref : batch) longest = std::max(longest, frames_of(ref));
      weight = 1 / (static_cast<double>(batch.size() * micro_batches.size()) * static_cast<double>(longest) * latent);
    }
    weights.emplace_back(batch.size(), weight);
  }
  return weights;
}

StepResult TrainSession::run_all(const std::vector<MicroBatch>& micro_batches, uint64_t seed, uint64_t step, bool training) {
  if (micro_batches.empty()) throw Error(ErrorCode::config, "a step needs at least one micro-batch");
  const std::vector<std::vector<double>> weights = weights_of(micro_batches);
  StepResult out;
  for (size_t i = 0; i < micro_batches.size(); ++i)
    run(micro_batches[i], seed, step, training, weights[i], out.samples, out.loss);
  return out;
}

StepResult TrainSession::step(uint64_t step, double learning_rate, const std::vector<MicroBatch>& micro_batches) {
  if (!(learning_rate >= 0) || !std::isfinite(learning_rate)) throw Error(ErrorCode::config, "learningRate: expected a number from 0, got " + std::to_string(learning_rate));
  Stream stream{DeviceKind::cpu, &pool_, nullptr};
  cpu::fill(stream, gradients_.tensor(), 0);
  StepResult out = run_all(micro_batches, config_.seed, step, true);
  OptimizerState& s = state();
  s.learning_rate = learning_rate;
  s.beta1 = config_.beta1;
  s.beta2 = config_.beta2;
  s.epsilon = config_.epsilon;
  s.weight_decay = config_.weight_decay;
  s.max_grad_norm = config_.max_grad_norm;
  s.loss_finite = std::isfinite(out.loss) ? 1 : 0;
  cpu::grad_norm(stream, state_.tensor(), gradients_.tensor());
  cpu::adamw(stream, adapter_.parameters(), exp_avg_.tensor(), exp_avg_sq_.tensor(), gradients_.tensor(), state_.tensor());
  out.grad_norm = s.grad_norm;
  out.skipped = s.skipped != 0;
  return out;
}

StepResult TrainSession::evaluate(uint64_t seed, uint64_t step, const std::vector<MicroBatch>& micro_batches) {
  return run_all(micro_batches, seed, step, false);
}

MemoryPlan TrainSession::memory() const {
  MemoryPlan plan;
  plan.weight_bytes = decoder_.weight_bytes();
  plan.arena_bytes = arena_.bytes();
  plan.adapter_bytes = adapter_.parameters().bytes();
  plan.gradient_bytes = gradients_.bytes();
  plan.optimizer_bytes = exp_avg_.bytes() + exp_avg_sq_.bytes();
  plan.dataset_bytes = dataset_bytes_;
  if (programs_.empty()) return plan;
  const FlowShape& shape = programs_.front().shape;
  plan.scratch_bytes = scratch_bytes(pool_.threads(), std::max(shape.frames / decoder_.config().patch_size, shape.condition_tokens));
  plan.flops = programs_.front().program->program().flops();
  return plan;
}

std::string TrainSession::describe() const {
  return programs_.empty() ? "no shape was run yet\n" : programs_.front().program->program().describe();
}

std::vector<CallTime> TrainSession::profile() {
  if (programs_.empty()) return {};
  Stream stream{DeviceKind::cpu, &pool_, nullptr};
  return programs_.front().program->program().profile(stream);
}

MemoryPlan plan_training(const Decoder& decoder, const AdapterConfig& adapter_config, const SessionConfig& config,
                         int64_t batch, int64_t frames, int64_t condition_tokens, int64_t dataset_bytes, int threads) {
  const Adapter adapter(adapter_config, decoder.targets(), decoder.dtype());
  const int64_t patch = decoder.config().patch_size;
  FlowShape shape;
  shape.batch = batch;
  shape.frames = round_up((frames + patch - 1) / patch, config.bucket_tokens) * patch;
  shape.condition_tokens = round_up(condition_tokens, config.bucket_condition);
  FlowProgram::Options options;
  options.recompute = config.recompute;
  options.round_timesteps = config.round_timesteps;
  const Storage gradients = Storage::placeholder({adapter.parameter_count()}, decoder.dtype());
  const Storage null_condition = Storage::placeholder({decoder.config().encoder_hidden_size}, decoder.dtype());
  const FlowProgram flow(decoder, null_condition.tensor(), shape, options, adapter.parameters(), gradients.tensor(), &adapter);
  MemoryPlan plan;
  plan.weight_bytes = decoder.weight_bytes();
  plan.arena_bytes = flow.program().arena_bytes();
  plan.adapter_bytes = adapter.parameters().bytes();
  plan.gradient_bytes = plan.adapter_bytes;
  plan.optimizer_bytes = 2 * plan.adapter_bytes;
  plan.dataset_bytes = dataset_bytes;
  plan.scratch_bytes = scratch_bytes(threads, std::max(shape.frames / patch, shape.condition_tokens));
  plan.flops = flow.program().flops();
  return plan;
}

}  // namespace ace
