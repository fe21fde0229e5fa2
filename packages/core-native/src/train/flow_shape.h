#pragma once
#include <cstdint>
#include <vector>

#include "train/session_config.h"

namespace ace {

constexpr int64_t kChunkTokens = 32;
constexpr int64_t chunks_of(int64_t tokens) { return (tokens + kChunkTokens - 1) / kChunkTokens; }

// The shape of a micro-batch after bucketing, and what its program does.
struct FlowShape {
  int64_t batch = 1;
  int64_t frames = 0;           // a multiple of the patch size
  int64_t condition_tokens = 0;
  // Packed: the songs lie behind one another in this many chunks of kChunkTokens decoder tokens and condition chunks of
  // kChunkTokens condition tokens, each song beginning with a new chunk; frames are the longest song's. 0: not.
  int64_t chunks = 0, condition_chunks = 0;
  bool gradients = true;        // false: the loss alone (validation)
  bool packed() const { return chunks > 0; }
  bool operator==(const FlowShape&) const = default;
};

struct SongLength {
  int64_t frames = 0, condition_tokens = 0;
};

// A micro-batch's program shape: lengths rounded up to the session's buckets; several songs packed where the session packs.
FlowShape flow_shape(const SessionConfig& config, int64_t patch, const std::vector<SongLength>& songs);

}  // namespace ace
