#include "train/session.h"

#include <algorithm>
#include <cmath>

#include "model/host_view.h"

namespace ace {

namespace {

constexpr size_t kMaxPrograms = 32;

// Rows [from, from + count) on the device, as far as there are any, as load_rows reads them for sample b.
void point(int64_t* sources, int64_t b, const Tensor& rows, int64_t from, int64_t count) {
  const int64_t row_bytes = rows.shape.last() * static_cast<int64_t>(size_of(rows.dtype));
  sources[3 * b] = static_cast<int64_t>(reinterpret_cast<intptr_t>(rows.data)) + from * row_bytes;
  sources[3 * b + 1] = std::max<int64_t>(0, std::min(count, rows.shape[0] - from));
  sources[3 * b + 2] = 0;
}

}  // namespace

TrainSession::TrainSession(const Decoder& decoder, Adapter& adapter, Tensor null_condition, const SessionConfig& config)
    : decoder_(decoder), adapter_(adapter), null_condition_(null_condition), config_(config), device_(decoder.device()),
      songs_(device_, decoder.dtype(), decoder.config().audio_acoustic_hidden_dim, decoder.config().encoder_hidden_size, config.resident_bytes),
      gradients_(device_, {adapter.parameter_count()}, wide(decoder.dtype()), "gradients"),
      optimizer_(device_, config.optimizer, optimizer_parameters(adapter, config.rules), {adapter.parameters(), adapter.shadow(), gradients_.tensor()}) {
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

void TrainSession::check(const SampleRef& ref) const {
  if (ref.sample < 0 || ref.sample >= songs_.size())
    throw Error(ErrorCode::config, "sample " + std::to_string(ref.sample) + " was never added");
  const StoredSong& s = songs_.at(ref.sample);
  const int64_t frames = frames_of(ref);
  if (ref.start < 0 || frames < decoder_.config().patch_size || ref.start + frames > s.frames)
    throw Error(ErrorCode::config, "sample " + std::to_string(ref.sample) + ": frames " + std::to_string(ref.start) + " to " +
                                       std::to_string(ref.start + frames) + " are not within its " + std::to_string(s.frames));
  if (ref.variant < 0 || ref.variant >= static_cast<int64_t>(s.conditions.size()))
    throw Error(ErrorCode::config, "sample " + std::to_string(ref.sample) + " has no condition variant " + std::to_string(ref.variant));
  if (ref.noise != nullptr && ref.noise_count != frames * decoder_.config().audio_acoustic_hidden_dim)
    throw_shape("noise: " + std::to_string(ref.noise_count) + " numbers do not fit " + std::to_string(frames) + " frames of " +
                std::to_string(decoder_.config().audio_acoustic_hidden_dim));
  if (!(ref.weight >= 0) || !std::isfinite(ref.weight))
    throw Error(ErrorCode::config, "weight: expected a number from 0, got " + std::to_string(ref.weight));
  if (ref.timestep > 1) throw Error(ErrorCode::config, "timestep: expected 0 to 1, got " + std::to_string(ref.timestep));
}

int64_t TrainSession::frames_of(const SampleRef& ref) const {
  return ref.frames >= 0 ? ref.frames : songs_.at(ref.sample).frames - ref.start;
}

FlowShape TrainSession::shape_of(const MicroBatch& batch, bool gradients) const {
  int64_t frames = 0, condition = 0;
  std::vector<std::pair<int64_t, int64_t>> lengths;
  for (const SampleRef& ref : batch) {
    lengths.emplace_back(frames_of(ref), songs_.at(ref.sample).conditions[static_cast<size_t>(ref.variant)].shape[0]);
    frames = std::max(frames, lengths.back().first);
    condition = std::max(condition, lengths.back().second);
  }
  const auto count = static_cast<int64_t>(batch.size());
  FlowShape shape = config_.packed && count > 1 ? packed_shape(decoder_, config_, lengths) : bucketed(decoder_, config_, count, frames, condition);
  shape.gradients = gradients;
  return shape;
}

TrainSession::Cached& TrainSession::program_for(const FlowShape& shape, bool training) {
  for (auto it = programs_.begin(); it != programs_.end(); ++it) {
    if (!(it->shape == shape) || it->training != training) continue;
    programs_.splice(programs_.begin(), programs_, it);
    return programs_.front();
  }
  FlowProgram::Options options;
  options.recompute = config_.recompute;
  options.round_timesteps = config_.round_timesteps;
  options.training = training;
  if (shape.gradients) options.optimizer_state = optimizer_.state();
  auto program = std::make_unique<FlowProgram>(decoder_, null_condition_, shape, options, gradients_.tensor(), &adapter_);
  const int64_t bytes = program->program().arena_bytes();
  if (bytes > arena_.bytes()) {
    device_.synchronize();
    arena_ = Storage();  // the old one goes first: both together may not fit
    arena_ = Storage(device_, {bytes}, DType::u8, "activations", false);
    for (Cached& cached : programs_) {
      cached.program->program().bind(arena_.data());
      cached.graph.reset();  // it holds the old addresses
    }
  }
  program->program().bind(arena_.data());
  if (programs_.size() == kMaxPrograms) programs_.pop_back();
  Cached cached;
  cached.shape = shape;
  cached.training = training;
  cached.program = std::move(program);
  programs_.push_front(std::move(cached));
  return programs_.front();
}

void TrainSession::fill(FlowProgram& flow, const FlowShape& shape, const MicroBatch& batch, uint64_t seed, uint64_t step,
                        bool training, const std::vector<double>& weights, int place, InFlight& flight, std::vector<SampleResult>& results) {
  const int64_t patch = decoder_.config().patch_size;
  const bool packed = shape.packed();
  Program& p = flow.program();
  const Tensor noise = p.bound(flow.noise);
  char* state = flight.state.reserve(flow.state.bytes(), "step state");
  auto on_host = [&](Tensor view) {
    view.data = state + view.byte_offset;
    return view;
  };
  auto words = [&](const Tensor& view) { return view.given() ? on_host(view).as<int64_t>() : nullptr; };
  auto counts = [&](const Tensor& view) { return view.given() ? on_host(view).as<int32_t>() : nullptr; };
  int64_t *counters = words(flow.counters), *chunk_counters = words(flow.chunk_counters);
  int64_t *x0_rows = words(flow.x0_rows), *context_rows = words(flow.context_rows), *condition_rows = words(flow.condition_rows);
  int64_t *noise_rows = words(flow.noise_rows), *cos_rows = words(flow.cos_rows), *sin_rows = words(flow.sin_rows);
  double* loss_weight = on_host(flow.loss_weight).as<double>();
  const Tensor t = on_host(flow.t);
  int32_t *draw = counts(flow.draw_noise), *dropped = counts(flow.dropped);
  int32_t *frame_count = counts(flow.frame_count), *loss_frames = counts(flow.loss_frames);
  int32_t *token_count = counts(flow.token_count), *condition_count = counts(flow.condition_count);
  int32_t *song_start = counts(flow.song_start), *condition_start = counts(flow.condition_start);
  int64_t longest = 0, widest = 0;
  for (const SampleRef& ref : batch) {
    longest = std::max(longest, frames_of(ref));
    widest = std::max(widest, songs_.at(ref.sample).conditions[static_cast<size_t>(ref.variant)].shape[0]);
  }
  for (int64_t* of : {counters, chunk_counters}) {
    if (of == nullptr) continue;
    of[0] = static_cast<int64_t>(seed);
    of[1] = static_cast<int64_t>(step);
  }
  RopeTables rope;
  if (packed) rope = decoder_.rope((shape.frames + patch - 1) / patch);
  // A song is one row of the program, or as many as it has chunks.
  const int64_t row_frames = packed ? kChunkTokens * patch : shape.frames, row_tokens = packed ? kChunkTokens : shape.condition_tokens;
  int64_t row = 0, condition_row = 0;
  flight.first_row.clear();
  for (int64_t b = 0; b < shape.batch; ++b) {
    const SampleRef& ref = batch[static_cast<size_t>(b)];
    const StoredSong& song = songs_.at(ref.sample);
    const int64_t frames = frames_of(ref);
    const Tensor latents = songs_.on_device(song, song.latents.slice(ref.start, frames), place, b, 0);
    const Tensor context = songs_.on_device(song, song.context.slice(ref.start, frames), place, b, 1);
    const Tensor states = songs_.on_device(song, song.conditions[static_cast<size_t>(ref.variant)], place, b, 2);
    double time = ref.timestep >= 0 ? ref.timestep : draw_timestep(config_.timesteps, seed, step, ref.key);
    if (config_.round_timesteps) time = to_float(to_bf16(static_cast<float>(time)));
    if (t.dtype == DType::f32) time = static_cast<float>(time);
    const bool drop = ref.drop_condition >= 0 ? ref.drop_condition == 1
                                              : training && draw_condition_dropout(config_.condition_dropout, seed, step, ref.key);
    draw[b] = ref.noise == nullptr ? 1 : 0;
    const Tensor own_noise = noise.reshaped({noise.shape[0] * noise.shape[1], noise.shape[2]}).slice(b * noise.shape[1], noise.shape[1]);
    if (ref.noise != nullptr) {
      device_.zero(own_noise.data, own_noise.bytes());
      const Tensor kept = own_noise.slice(0, frames);
      upload(device_, kept, converted(host_view(ref.noise, kept.shape), kept.dtype).tensor());
    }
    const int64_t seen = config_.official_padding ? longest : frames, tokens = (seen + patch - 1) / patch;
    const int64_t condition_tokens = config_.official_padding ? widest : states.shape[0];
    counters[2 + b] = static_cast<int64_t>(ref.key);
    // Validation is compared between runs, so it is not weighted by timestep.
    const double share = weights[static_cast<size_t>(b)] * (training ? ace::loss_weight(config_.loss_weighting, time) : 1);
    results.push_back({0, static_cast<double>(seen * decoder_.config().audio_acoustic_hidden_dim), time, drop, share});
    if (packed) {
      song_start[2 * b] = static_cast<int32_t>(row * kChunkTokens);
      song_start[2 * b + 1] = static_cast<int32_t>(row * kChunkTokens + tokens);
      condition_start[2 * b] = static_cast<int32_t>(condition_row * kChunkTokens);
      condition_start[2 * b + 1] = static_cast<int32_t>(condition_row * kChunkTokens + condition_tokens);
    } else {
      token_count[b] = static_cast<int32_t>(tokens);
      condition_count[b] = static_cast<int32_t>(condition_tokens);
    }
    flight.first_row.push_back(row);
    for (int64_t from = 0, part = 0; from < seen; from += row_frames, ++part, ++row) {
      point(x0_rows, row, latents, from, row_frames);
      point(context_rows, row, context, from, row_frames);
      set_element(t, row, time);
      frame_count[row] = loss_frames[row] = static_cast<int32_t>(std::min(seen - from, row_frames));
      loss_weight[row] = share;
      if (!packed) continue;
      point(noise_rows, row, own_noise.slice(0, frames), from, row_frames);
      point(cos_rows, row, rope.cos, from / patch, kChunkTokens);
      point(sin_rows, row, rope.sin, from / patch, kChunkTokens);
      // The first chunk has its song's key, as rank dropout looks at it; the others are apart from every song's.
      chunk_counters[2 + row] = static_cast<int64_t>(ref.key + (static_cast<uint64_t>(part) << 40));
    }
    for (int64_t from = 0; from < condition_tokens; from += row_tokens, ++condition_row) {
      point(condition_rows, condition_row, states, from, row_tokens);
      dropped[condition_row] = drop ? 1 : 0;
    }
  }
  flight.first_row.push_back(row);
  if (packed) {
    song_start[2 * shape.batch] = static_cast<int32_t>(row * kChunkTokens);
    condition_start[2 * shape.batch] = static_cast<int32_t>(condition_row * kChunkTokens);
    // Chunks that no song fills: all zeros, and seen by nobody. Left as they are, they could be anything, NaN included.
    for (const int64_t counted = row; row < shape.chunks; ++row) {
      for (int64_t* rows : {x0_rows, context_rows, noise_rows, cos_rows, sin_rows}) {
        rows[3 * row] = rows[0];
        rows[3 * row + 1] = rows[3 * row + 2] = 0;
      }
      set_element(t, row, 1);
      frame_count[row] = loss_frames[row] = 0;
      loss_weight[row] = 0;
      chunk_counters[2 + row] = chunk_counters[2] + (int64_t{1} << 62) + row - counted;
    }
    for (int64_t next = condition_row; next < shape.condition_chunks; ++next) {
      condition_rows[3 * next] = condition_rows[0];
      condition_rows[3 * next + 1] = condition_rows[3 * next + 2] = 0;
      dropped[next] = 0;
    }
    for (int64_t next = shape.chunks; next < shape.condition_chunks; ++next) chunk_counters[2 + next] = chunk_counters[2] + (int64_t{1} << 61) + next;
  }
  device_.upload_async(p.bound(flow.state).data, state, flow.state.bytes());
}

void TrainSession::run(const MicroBatch& batch, uint64_t seed, uint64_t step, bool training,
                       const std::vector<double>& weights, int place, InFlight& flight, std::vector<SampleResult>& results) {
  const FlowShape shape = shape_of(batch, training);
  Cached& cached = program_for(shape, training);
  FlowProgram& flow = *cached.program;
  fill(flow, shape, batch, seed, step, training, weights, place, flight, results);
  songs_.arrive(place);
  if (cached.ran && cached.graph == nullptr)
    cached.graph = device_.capture([&] { flow.program().run(device_.stream()); });
  if (cached.graph != nullptr) cached.graph->launch();
  else flow.program().run(device_.stream());
  cached.ran = true;
  songs_.leave(place);
  device_.download_async(flight.loss.reserve(flow.loss.bytes(), "losses"), flow.program().bound(flow.loss).data, flow.loss.bytes());
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
    std::vector<double>& of_batch = weights.emplace_back();
    for (const SampleRef& ref : batch) of_batch.push_back(weight * ref.weight);
  }
  return weights;
}

StepResult TrainSession::run_all(const std::vector<MicroBatch>& micro_batches, uint64_t seed, uint64_t step, bool training,
                                 const std::function<void()>& after) {
  if (micro_batches.empty()) throw Error(ErrorCode::config, "a step needs at least one micro-batch");
  const std::vector<std::vector<double>> weights = weights_of(micro_batches);
  while (in_flight_.size() < micro_batches.size()) in_flight_.push_back(std::make_unique<InFlight>(device_));
  StepResult out;
  for (size_t i = 0; i < micro_batches.size(); ++i)
    run(micro_batches[i], seed, step, training, weights[i], static_cast<int>(i) % CopyLane::kPlaces, *in_flight_[i], out.samples);
  after();
  device_.synchronize();
  size_t sample = 0;
  for (size_t i = 0; i < micro_batches.size(); ++i) {
    const double* sums = reinterpret_cast<const double*>(in_flight_[i]->loss.data());
    for (size_t b = 0; b < micro_batches[i].size(); ++b, ++sample) {
      const std::vector<int64_t>& first_row = in_flight_[i]->first_row;
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
    out = run_all(micro_batches, config_.seed, step, true, [&] { optimizer_.update(); });
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
  return run_all(micro_batches, seed, step, false, [] {});
}

MemoryPlan TrainSession::memory() const {
  MemoryPlan plan = fixed_memory(decoder_, adapter_, optimizer_);
  plan.arena_bytes = arena_.bytes();
  plan.dataset_bytes = songs_.device_bytes();
  if (programs_.empty()) return plan;
  const Cached& last = programs_.front();
  add_batch(plan, decoder_, last.shape, device_.stream().pool->threads(), last.program->program().flops());
  return plan;
}

const Program& TrainSession::program() const {
  if (programs_.empty()) throw Error(ErrorCode::internal, "a session's program was asked for before any shape was run");
  return programs_.front().program->program();
}

std::string TrainSession::describe() const {
  return programs_.empty() ? "no shape was run yet\n" : programs_.front().program->program().describe();
}

std::vector<CallTime> TrainSession::profile() {
  if (programs_.empty()) return {};
  return programs_.front().program->program().profile(device_);
}

}  // namespace ace
