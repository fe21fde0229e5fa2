#include "train/step_state.h"

#include <algorithm>

namespace ace {

namespace {

// Rows [from, from + count) on the device, as far as there are any, as load_rows reads them.
void point(int64_t* sources, int64_t row, const Tensor& rows, int64_t from, int64_t count) {
  const int64_t row_bytes = rows.shape.last() * static_cast<int64_t>(size_of(rows.dtype));
  sources[2 * row] = static_cast<int64_t>(reinterpret_cast<intptr_t>(rows.data)) + from * row_bytes;
  sources[2 * row + 1] = std::max<int64_t>(0, std::min(count, rows.shape[0] - from));
}

// No rows: zeros. The address is any that is not null.
void point_at_nothing(int64_t* sources, int64_t row) {
  sources[2 * row] = sources[0];
  sources[2 * row + 1] = 0;
}

}  // namespace

StepState::StepState(const FlowProgram& flow, const FlowShape& shape, int64_t patch, const RopeTables& rope, char* host)
    : packed_(shape.packed()), patch_(patch), songs_(shape.batch), chunks_(shape.chunks), condition_chunks_(shape.condition_chunks),
      row_frames_(packed_ ? kChunkTokens * patch : shape.frames), row_tokens_(packed_ ? kChunkTokens : shape.condition_tokens), rope_(rope) {
  auto on_host = [&](Tensor view) {
    view.data = host + view.byte_offset;
    return view;
  };
  auto words = [&](const Tensor& view) { return view.given() ? on_host(view).as<int64_t>() : nullptr; };
  auto counts = [&](const Tensor& view) { return view.given() ? on_host(view).as<int32_t>() : nullptr; };
  counters_ = words(flow.counters);
  chunk_counters_ = words(flow.chunk_counters);
  x0_rows_ = words(flow.x0_rows);
  context_rows_ = words(flow.context_rows);
  condition_rows_ = words(flow.condition_rows);
  noise_rows_ = words(flow.noise_rows);
  cos_rows_ = words(flow.cos_rows);
  sin_rows_ = words(flow.sin_rows);
  loss_weight_ = on_host(flow.loss_weight).as<double>();
  t_ = on_host(flow.t);
  draw_noise_ = counts(flow.draw_noise);
  dropped_ = counts(flow.dropped);
  frame_count_ = counts(flow.frame_count);
  loss_frames_ = counts(flow.loss_frames);
  token_count_ = counts(flow.token_count);
  condition_count_ = counts(flow.condition_count);
  song_start_ = counts(flow.song_start);
  condition_start_ = counts(flow.condition_start);
}

void StepState::begin(uint64_t seed, uint64_t step) {
  for (int64_t* of : {counters_, chunk_counters_}) {
    if (of == nullptr) continue;
    of[0] = static_cast<int64_t>(seed);
    of[1] = static_cast<int64_t>(step);
  }
}

void StepState::add(const Song& song) {
  const auto b = static_cast<int64_t>(first_row_.size());
  const int64_t tokens = (song.seen.frames + patch_ - 1) / patch_;
  counters_[2 + b] = static_cast<int64_t>(song.key);
  draw_noise_[b] = song.noise_given ? 0 : 1;
  if (packed_) {
    song_start_[2 * b] = static_cast<int32_t>(row_ * kChunkTokens);
    song_start_[2 * b + 1] = static_cast<int32_t>(row_ * kChunkTokens + tokens);
    condition_start_[2 * b] = static_cast<int32_t>(condition_row_ * kChunkTokens);
    condition_start_[2 * b + 1] = static_cast<int32_t>(condition_row_ * kChunkTokens + song.seen.condition_tokens);
  } else {
    token_count_[b] = static_cast<int32_t>(tokens);
    condition_count_[b] = static_cast<int32_t>(song.seen.condition_tokens);
  }
  first_row_.push_back(row_);
  add_latents(song);
  add_condition(song);
}

void StepState::add_latents(const Song& song) {
  for (int64_t from = 0, part = 0; from < song.seen.frames; from += row_frames_, ++part, ++row_) {
    point(x0_rows_, row_, song.latents, from, row_frames_);
    point(context_rows_, row_, song.context, from, row_frames_);
    set_element(t_, row_, song.timestep);
    frame_count_[row_] = loss_frames_[row_] = static_cast<int32_t>(std::min(song.seen.frames - from, row_frames_));
    loss_weight_[row_] = song.share;
    if (!packed_) continue;
    point(noise_rows_, row_, song.noise, from, row_frames_);
    point(cos_rows_, row_, rope_.cos, from / patch_, kChunkTokens);
    point(sin_rows_, row_, rope_.sin, from / patch_, kChunkTokens);
    // The first chunk has its song's key, as rank dropout looks at it; the others are apart from every song's.
    chunk_counters_[2 + row_] = static_cast<int64_t>(song.key + (static_cast<uint64_t>(part) << 40));
  }
}

void StepState::add_condition(const Song& song) {
  for (int64_t from = 0; from < song.seen.condition_tokens; from += row_tokens_, ++condition_row_) {
    point(condition_rows_, condition_row_, song.condition, from, row_tokens_);
    dropped_[condition_row_] = song.condition_dropped ? 1 : 0;
  }
}

void StepState::finish() {
  first_row_.push_back(row_);
  if (packed_) finish_packed();
}

// Chunks that no song fills: all zeros, and seen by nobody. Left as they are, they could be anything, NaN included.
void StepState::finish_packed() {
  song_start_[2 * songs_] = static_cast<int32_t>(row_ * kChunkTokens);
  condition_start_[2 * songs_] = static_cast<int32_t>(condition_row_ * kChunkTokens);
  for (int64_t row = row_; row < chunks_; ++row) {
    for (int64_t* rows : {x0_rows_, context_rows_, noise_rows_, cos_rows_, sin_rows_}) point_at_nothing(rows, row);
    set_element(t_, row, 1);
    frame_count_[row] = loss_frames_[row] = 0;
    loss_weight_[row] = 0;
    chunk_counters_[2 + row] = chunk_counters_[2] + (int64_t{1} << 62) + row - row_;
  }
  for (int64_t row = condition_row_; row < condition_chunks_; ++row) {
    point_at_nothing(condition_rows_, row);
    dropped_[row] = 0;
  }
  for (int64_t row = chunks_; row < condition_chunks_; ++row) chunk_counters_[2 + row] = chunk_counters_[2] + (int64_t{1} << 61) + row;
}

}  // namespace ace
