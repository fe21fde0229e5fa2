// The shapes that micro-batches are run in: what they hold, what they waste, how many there are.
#include "train/flow_shape.h"

#include <random>
#include <set>

#include "check.h"

using namespace ace;
using namespace ace::test;

namespace {

constexpr int64_t kPatch = 2;

std::vector<SongLength> random_songs(std::mt19937& random, int count) {
  std::uniform_int_distribution<int64_t> frames(2, 15000), tokens(1, 1500);
  std::vector<SongLength> out;
  for (int i = 0; i < count; ++i) out.push_back({frames(random), tokens(random)});
  return out;
}

int64_t tokens_of(const SongLength& song) { return (song.frames + kPatch - 1) / kPatch; }

}  // namespace

TEST("a padded shape holds the longest song and condition and is less than a bucket longer") {
  std::mt19937 random(3);
  for (const int64_t bucket : {1, 8, 64, 100}) {
    SessionConfig config;
    config.bucket_tokens = bucket;
    config.bucket_condition = bucket + 1;
    for (int i = 0; i < 50; ++i) {
      const std::vector<SongLength> songs = random_songs(random, 1 + i % 5);
      int64_t longest = 0, widest = 0;
      for (const SongLength& song : songs) {
        longest = std::max(longest, tokens_of(song));
        widest = std::max(widest, song.condition_tokens);
      }
      const FlowShape shape = flow_shape(config, kPatch, songs);
      CHECK(!shape.packed());
      CHECK_EQ(shape.batch, static_cast<int64_t>(songs.size()));
      CHECK_EQ(shape.frames % kPatch, 0);
      const int64_t tokens = shape.frames / kPatch;
      CHECK(tokens % bucket == 0 && tokens >= longest && tokens - longest < bucket);
      CHECK(shape.condition_tokens % (bucket + 1) == 0 && shape.condition_tokens >= widest && shape.condition_tokens - widest <= bucket);
    }
  }
}

TEST("a packed shape holds all songs in whole chunks and is longer by less than a bucket, or a 32nd where that is more") {
  std::mt19937 random(5);
  SessionConfig config;
  config.packed = true;
  std::set<int64_t> shapes;
  for (int i = 0; i < 400; ++i) {
    const std::vector<SongLength> songs = random_songs(random, 2 + i % 6);
    int64_t chunks = 0, condition_chunks = 0, longest = 0;
    for (const SongLength& song : songs) {
      chunks += chunks_of(tokens_of(song));
      condition_chunks += chunks_of(song.condition_tokens);
      longest = std::max(longest, tokens_of(song));
    }
    const FlowShape shape = flow_shape(config, kPatch, songs);
    CHECK(shape.packed());
    auto holds = [](int64_t has, int64_t needs, int64_t bucket) { return has >= needs && (has - needs < chunks_of(bucket) || 32 * (has - needs) < needs); };
    CHECK(holds(shape.chunks, chunks, config.bucket_tokens));
    CHECK(holds(shape.condition_chunks, condition_chunks, config.bucket_condition));
    CHECK(shape.frames >= kPatch * longest);
    shapes.insert(shape.chunks);
  }
  // 400 batches of 2 to 1641 chunks: programs are shared, not made anew for every sum of lengths.
  CHECK(shapes.size() < 130);
}

TEST("noise is drawn for the longest song, doubled from a bucket until it fits and not once more") {
  SessionConfig config;
  config.packed = true;
  config.bucket_tokens = 64;
  for (const auto& [tokens, drawn] : {std::pair<int64_t, int64_t>{1, 64}, {64, 64}, {65, 128}, {128, 128}, {129, 256}})
    CHECK_EQ(flow_shape(config, kPatch, {{2, 5}, {kPatch * tokens, 5}}).frames, kPatch * drawn);
}

TEST("a song alone is not packed, whatever the session packs") {
  SessionConfig config;
  config.packed = true;
  CHECK(flow_shape(config, kPatch, {{100, 20}}) == flow_shape(SessionConfig{}, kPatch, {{100, 20}}));
}
