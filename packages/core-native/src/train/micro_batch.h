#pragma once
#include <cstdint>
#include <vector>

#include "train/flow_shape.h"
#include "train/song_store.h"

namespace ace {

// A place of a micro-batch. Negative numbers and null pointers mean: draw it.
struct SampleRef {
  int64_t sample = 0;
  uint64_t key = 0;
  int64_t start = 0;
  int64_t frames = -1;  // -1: to the end
  int64_t variant = 0;
  double timestep = -1;
  const float* noise = nullptr;  // [frames, 64]
  int64_t noise_count = 0;       // numbers behind it, checked against the frames
  int drop_condition = -1;       // -1: draw, 0 no, 1 yes
  double weight = 1;             // of its loss and gradient
};

using MicroBatch = std::vector<SampleRef>;

// A reference whose song was found and whose numbers were checked.
struct Sample {
  const SampleRef* ref;
  const StoredSong* song;
  SongLength length;
  Tensor latents() const { return song->latents.slice(ref->start, length.frames); }
  Tensor context() const { return song->context.slice(ref->start, length.frames); }
  const Tensor& condition() const { return song->conditions[static_cast<size_t>(ref->variant)]; }
};

// Samples that make one micro-batch.
struct Batch {
  std::vector<Sample> samples;
  // What is attended to and counted of each: its own length, or the longest of all with official padding.
  std::vector<SongLength> seen;
  // d step's loss / d (sum of squares) of each, before any weighting by timestep.
  std::vector<double> shares;
};

// A step's micro-batches, looked up and checked before any of them runs. The references must outlive them.
// latent: channels. Errors: ERR_CONFIG, ERR_SHAPE where a reference names what the store does not have, or a number is out of range.
std::vector<Batch> look_up(const SongStore& songs, const std::vector<MicroBatch>& micro_batches, int64_t patch, int64_t latent, bool official_padding);

}  // namespace ace
