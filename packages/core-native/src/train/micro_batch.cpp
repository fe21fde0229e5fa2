#include "train/micro_batch.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace ace {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorCode::config, what); }

Sample look_up(const SongStore& songs, const SampleRef& ref, int64_t patch, int64_t latent) {
  if (ref.sample < 0 || ref.sample >= songs.size()) refuse("sample " + std::to_string(ref.sample) + " was never added");
  const StoredSong& song = songs.at(ref.sample);
  const int64_t frames = ref.frames >= 0 ? ref.frames : song.frames - ref.start;
  if (ref.start < 0 || frames < patch || ref.start + frames > song.frames)
    refuse("sample " + std::to_string(ref.sample) + ": frames " + std::to_string(ref.start) + " to " + std::to_string(ref.start + frames) +
           " are not within its " + std::to_string(song.frames));
  if (ref.variant < 0 || ref.variant >= static_cast<int64_t>(song.conditions.size()))
    refuse("sample " + std::to_string(ref.sample) + " has no condition variant " + std::to_string(ref.variant));
  if (ref.noise != nullptr && ref.noise_count != frames * latent)
    throw_shape("noise: " + std::to_string(ref.noise_count) + " numbers do not fit " + std::to_string(frames) + " frames of " + std::to_string(latent));
  if (!(ref.weight >= 0) || !std::isfinite(ref.weight)) refuse("weight: expected a number from 0, got " + std::to_string(ref.weight));
  if (ref.timestep > 1) refuse("timestep: expected 0 to 1, got " + std::to_string(ref.timestep));
  return {&ref, &song, {frames, song.conditions[static_cast<size_t>(ref.variant)].shape[0]}};
}

SongLength longest(const std::vector<Sample>& samples) {
  SongLength out;
  for (const Sample& sample : samples) {
    out.frames = std::max(out.frames, sample.length.frames);
    out.condition_tokens = std::max(out.condition_tokens, sample.length.condition_tokens);
  }
  return out;
}

}  // namespace

std::vector<Batch> look_up(const SongStore& songs, const std::vector<MicroBatch>& micro_batches, int64_t patch, int64_t latent, bool official_padding) {
  if (micro_batches.empty()) refuse("a step needs at least one micro-batch");
  std::vector<Batch> batches;
  double frames = 0;
  for (const MicroBatch& micro_batch : micro_batches) {
    if (micro_batch.empty()) refuse("a micro-batch is empty");
    Batch& batch = batches.emplace_back();
    for (const SampleRef& ref : micro_batch) {
      batch.samples.push_back(look_up(songs, ref, patch, latent));
      batch.seen.push_back(batch.samples.back().length);
      frames += static_cast<double>(batch.samples.back().length.frames);
    }
    if (official_padding) std::fill(batch.seen.begin(), batch.seen.end(), longest(batch.samples));
  }
  const double channels = static_cast<double>(latent);
  for (Batch& batch : batches) {
    double share = 1 / (frames * channels);
    // The mean of the micro-batches' own means, padding included.
    if (official_padding) share = 1 / (static_cast<double>(batch.samples.size() * batches.size()) * static_cast<double>(batch.seen[0].frames) * channels);
    for (const Sample& sample : batch.samples) batch.shares.push_back(share * sample.ref->weight);
  }
  return batches;
}

}  // namespace ace
