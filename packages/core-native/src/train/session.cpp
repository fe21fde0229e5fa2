#include "train/session.h"

#include <cmath>

#include "model/host_view.h"

namespace ace {

TrainSession::TrainSession(const Decoder& decoder, Adapter& adapter, Tensor null_condition, const SessionConfig& config)
    : decoder_(decoder), adapter_(adapter), null_condition_(null_condition), config_(config), device_(decoder.device()),
      songs_(device_, decoder.dtype(), decoder.config().audio_acoustic_hidden_dim, decoder.config().encoder_hidden_size, config.resident_bytes),
      gradients_(device_, {adapter.parameter_count()}, wide(decoder.dtype()), "gradients"),
      optimizer_(device_, config.optimizer, optimizer_parameters(adapter, config.rules), {adapter.parameters(), adapter.shadow(), gradients_.tensor()}),
      programs_(device_) {
  if (config.bucket_tokens < 1 || config.bucket_condition < 1) throw Error(ErrorCode::config, "buckets: expected at least 1");
  if (config.packed && config.official_padding) throw Error(ErrorCode::config, "padding: songs that are packed are not padded");
  if (config.timesteps.kind == TimestepLaw::Kind::discrete && config.timesteps.table.empty())
    throw Error(ErrorCode::config, "timesteps.table: expected at least one timestep");
  ace::check(config.loss_weighting);
}

int64_t TrainSession::add_sample(const float* latents, int64_t frames, const float* context,
                                 const std::vector<std::pair<const float*, int64_t>>& conditions) {
  if (frames < decoder_.config().patch_size)
    throw_shape("latents: " + std::to_string(frames) + " frames are shorter than one patch of " + std::to_string(decoder_.config().patch_size));
  if (conditions.empty()) throw_shape("conditions: at least one is needed");
  for (const auto& entry : conditions)
    if (entry.second < 1) throw_shape("conditions: one has no token");
  return songs_.add(latents, frames, context, conditions);
}

StepState::Song TrainSession::prepare(const Sample& sample, const Draw& draw) const {
  const SampleRef& ref = *sample.ref;
  StepState::Song song;
  song.key = ref.key;
  song.timestep = ref.timestep >= 0 ? ref.timestep : draw_timestep(config_.timesteps, draw.seed, draw.step, ref.key);
  if (config_.round_timesteps) song.timestep = to_float(to_bf16(static_cast<float>(song.timestep)));
  if (wide(decoder_.dtype()) == DType::f32) song.timestep = static_cast<float>(song.timestep);
  song.condition_dropped = ref.drop_condition >= 0
                               ? ref.drop_condition == 1
                               : draw.training && draw_condition_dropout(config_.condition_dropout, draw.seed, draw.step, ref.key);
  song.noise_given = ref.noise != nullptr;
  return song;
}

void TrainSession::write_noise(const Tensor& own_noise, const SampleRef& ref, int64_t frames) {
  device_.zero(own_noise.data, own_noise.bytes());
  const Tensor kept = own_noise.slice(0, frames);
  upload(device_, kept, converted(host_view(ref.noise, kept.shape), kept.dtype).tensor());
}

void TrainSession::fill(FlowProgram& flow, const FlowShape& shape, const Batch& batch, const Draw& draw, int place, InFlight& flight,
                        std::vector<SampleResult>& results) {
  const int64_t patch = decoder_.config().patch_size, latent = decoder_.config().audio_acoustic_hidden_dim;
  const Tensor noise = flow.program().bound(flow.noise);  // [songs, frames, 64]
  const Tensor noise_rows = noise.reshaped({noise.shape[0] * noise.shape[1], noise.shape[2]});
  char* host = flight.state.reserve(flow.state.bytes(), "step state");
  StepState state(flow, shape, patch, shape.packed() ? decoder_.rope((shape.frames + patch - 1) / patch) : RopeTables{}, host);
  state.begin(draw.seed, draw.step);
  for (size_t i = 0; i < batch.samples.size(); ++i) {
    const Sample& sample = batch.samples[i];
    const auto b = static_cast<int64_t>(i);
    const Tensor own_noise = noise_rows.slice(b * noise.shape[1], noise.shape[1]);
    if (sample.ref->noise != nullptr) write_noise(own_noise, *sample.ref, sample.length.frames);
    StepState::Song song = prepare(sample, draw);
    song.latents = songs_.on_device(*sample.song, sample.latents(), place, b, 0);
    song.context = songs_.on_device(*sample.song, sample.context(), place, b, 1);
    song.condition = songs_.on_device(*sample.song, sample.condition(), place, b, 2);
    song.noise = own_noise.slice(0, sample.length.frames);
    song.seen = batch.seen[i];
    // Validation is compared between runs, so it is not weighted by timestep.
    song.share = batch.shares[i] * (draw.training ? loss_weight(config_.loss_weighting, song.timestep) : 1);
    state.add(song);
    results.push_back({0, static_cast<double>(song.seen.frames * latent), song.timestep, song.condition_dropped, song.share});
  }
  state.finish();
  flight.first_row = state.first_row();
  device_.upload_async(flow.program().bound(flow.state).data, host, flow.state.bytes());
}

void TrainSession::run(const Batch& batch, const Draw& draw, int place, InFlight& flight, std::vector<SampleResult>& results) {
  std::vector<SongLength> lengths;
  for (const Sample& sample : batch.samples) lengths.push_back(sample.length);
  FlowShape shape = flow_shape(config_, decoder_.config().patch_size, lengths);
  shape.gradients = draw.training;
  CachedProgram& cached = programs_.get(shape, draw.training, [&] {
    FlowProgram::Options options;
    options.recompute = config_.recompute;
    options.round_timesteps = config_.round_timesteps;
    options.training = draw.training;
    if (shape.gradients) options.optimizer_state = optimizer_.state();
    return std::make_unique<FlowProgram>(decoder_, null_condition_, shape, options, gradients_.tensor(), &adapter_);
  });
  FlowProgram& flow = *cached.program;
  fill(flow, shape, batch, draw, place, flight, results);
  songs_.arrive(place);
  cached.run(device_);
  songs_.leave(place);
  device_.download_async(flight.loss.reserve(flow.loss.bytes(), "losses"), flow.program().bound(flow.loss).data, flow.loss.bytes());
}

StepResult TrainSession::run_all(const std::vector<MicroBatch>& micro_batches, const Draw& draw, const std::function<void()>& after) {
  const ModelConfig& model = decoder_.config();
  const std::vector<Batch> batches =
      look_up(songs_, micro_batches, model.patch_size, model.audio_acoustic_hidden_dim, config_.official_padding);
  while (in_flight_.size() < batches.size()) in_flight_.push_back(std::make_unique<InFlight>(device_));
  StepResult out;
  for (size_t i = 0; i < batches.size(); ++i)
    run(batches[i], draw, static_cast<int>(i) % CopyLane::kPlaces, *in_flight_[i], out.samples);
  after();
  device_.synchronize();
  size_t sample = 0;
  for (size_t i = 0; i < batches.size(); ++i) {
    const double* sums = reinterpret_cast<const double*>(in_flight_[i]->loss.data());
    const std::vector<int64_t>& first_row = in_flight_[i]->first_row;
    for (size_t b = 0; b < batches[i].samples.size(); ++b, ++sample) {
      double sum = 0;
      for (int64_t row = first_row[b]; row < first_row[b + 1]; ++row) sum += sums[row];
      out.samples[sample].loss = sum / out.samples[sample].divisor;
      out.loss += sum * out.samples[sample].share;
    }
  }
  return out;
}

StepResult TrainSession::step(uint64_t step, double learning_rate, const std::vector<MicroBatch>& micro_batches, bool module_norms) {
  if (!(learning_rate >= 0) || !std::isfinite(learning_rate)) throw Error(ErrorCode::config, "learningRate: expected a number from 0, got " + std::to_string(learning_rate));
  optimizer_.begin(learning_rate);
  device_.zero(gradients_.data(), gradients_.bytes());
  StepResult out;
  try {
    out = run_all(micro_batches, {config_.seed, step, true}, [&] { optimizer_.update(); });
  } catch (...) {
    optimizer_.abandon();
    throw;
  }
  out.grad_norm = optimizer_.result().grad_norm;
  out.skipped = optimizer_.result().skipped != 0;
  if (module_norms || out.skipped) out.module_norms = this->module_norms();
  return out;
}

std::vector<double> TrainSession::module_norms() {
  optimizer_.measure();
  device_.synchronize();
  std::vector<double> out;
  const double* square = optimizer_.squares();
  for (const auto& module : adapter_.modules()) {
    double sum = 0;
    for (size_t i = 0; i < module->parameters().size(); ++i) sum += *square++;
    out.push_back(std::sqrt(sum));
  }
  return out;
}

StepResult TrainSession::evaluate(uint64_t seed, uint64_t step, const std::vector<MicroBatch>& micro_batches) {
  return run_all(micro_batches, {seed, step, false}, [] {});
}

MemoryPlan TrainSession::memory() const {
  MemoryPlan plan = fixed_memory(decoder_, adapter_, optimizer_);
  plan.arena_bytes = programs_.arena_bytes();
  plan.dataset_bytes = songs_.device_bytes();
  if (programs_.empty()) return plan;
  add_batch(plan, decoder_, programs_.last().shape, device_.stream().pool->threads(), program().flops());
  return plan;
}

const Program& TrainSession::program() const { return programs_.last().program->program(); }

std::string TrainSession::describe() const { return programs_.empty() ? "no shape was run yet\n" : program().describe(); }

std::vector<CallTime> TrainSession::profile() {
  return programs_.empty() ? std::vector<CallTime>{} : programs_.last().program->program().profile(device_);
}

}  // namespace ace
