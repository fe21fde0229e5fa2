#include "train/flow_shape.h"

#include <algorithm>

namespace ace {

namespace {

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

FlowShape padded_shape(const SessionConfig& config, int64_t patch, const std::vector<SongLength>& songs) {
  int64_t frames = 0, condition_tokens = 0;
  for (const SongLength& song : songs) {
    frames = std::max(frames, song.frames);
    condition_tokens = std::max(condition_tokens, song.condition_tokens);
  }
  FlowShape shape;
  shape.frames = round_up((frames + patch - 1) / patch, config.bucket_tokens) * patch;
  shape.condition_tokens = round_up(condition_tokens, config.bucket_condition);
  return shape;
}

FlowShape packed_shape(const SessionConfig& config, int64_t patch, const std::vector<SongLength>& songs) {
  FlowShape shape;
  int64_t longest = 1;
  for (const auto& [frames, condition] : songs) {
    const int64_t tokens = (frames + patch - 1) / patch;
    longest = std::max(longest, tokens);
    shape.chunks += chunks_of(tokens);
    shape.condition_chunks += chunks_of(condition);
  }
  // Rounded up by a bucket, and by at most a 32nd: programs are shared, and little is computed in vain.
  auto rounded = [](int64_t chunks, int64_t bucket) {
    int64_t step = chunks_of(bucket);
    while (64 * step <= chunks) step *= 2;
    return round_up(chunks, step);
  };
  shape.chunks = rounded(shape.chunks, config.bucket_tokens);
  shape.condition_chunks = rounded(shape.condition_chunks, config.bucket_condition);
  // Noise is drawn song by song before it is packed; few channels, so few lengths.
  int64_t drawn = config.bucket_tokens;
  while (drawn < longest) drawn *= 2;
  shape.frames = drawn * patch;
  return shape;
}

}  // namespace

FlowShape flow_shape(const SessionConfig& config, int64_t patch, const std::vector<SongLength>& songs) {
  FlowShape shape = config.packed && songs.size() > 1 ? packed_shape(config, patch, songs) : padded_shape(config, patch, songs);
  shape.batch = static_cast<int64_t>(songs.size());
  return shape;
}

}  // namespace ace
