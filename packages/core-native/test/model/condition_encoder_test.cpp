#include "model/condition_encoder.h"

#include <cstdio>

#include "check.h"
#include "model/host_view.h"
#include "model/small_model.h"
#include "temporary_folder.h"

using namespace ace;
using namespace ace::test;

namespace {

// One sample's arrays, padded as its batch asks.
struct Song {
  std::vector<float> text, lyrics;
  std::vector<uint8_t> text_keep, lyric_keep;
  std::vector<std::vector<float>> clips;
};

constexpr int64_t kFrames = 9;

Song song(const ModelConfig& config, int64_t text, int64_t lyrics, int64_t clips, uint64_t seed) {
  Song out;
  out.text = numbers(text * config.text_hidden_dim, seed);
  out.lyrics = numbers(lyrics * config.text_hidden_dim, seed + 1);
  out.text_keep.assign(static_cast<size_t>(text), 1);
  out.lyric_keep.assign(static_cast<size_t>(lyrics), 1);
  for (int64_t n = 0; n < clips; ++n) out.clips.push_back(numbers(kFrames * config.timbre_hidden_dim, seed + 2 + static_cast<uint64_t>(n)));
  return out;
}

// Padding of tokens with whatever values `seed` gives.
void pad(const ModelConfig& config, std::vector<float>& tokens, std::vector<uint8_t>& keep, size_t length, uint64_t seed) {
  const std::vector<float> rubbish = numbers(static_cast<int64_t>(length - keep.size()) * config.text_hidden_dim, seed);
  tokens.insert(tokens.end(), rubbish.begin(), rubbish.end());
  keep.resize(length, 0);
}

ConditionResult encode(ConditionEncoder& encoder, const std::vector<Song>& songs, bool masks = true) {
  const ModelConfig& config = encoder.config();
  const int64_t batch = static_cast<int64_t>(songs.size());
  Song all;
  ConditionRequest request;
  request.batch = batch;
  for (int64_t b = 0; b < batch; ++b) {
    const Song& one = songs[static_cast<size_t>(b)];
    all.text.insert(all.text.end(), one.text.begin(), one.text.end());
    all.lyrics.insert(all.lyrics.end(), one.lyrics.begin(), one.lyrics.end());
    all.text_keep.insert(all.text_keep.end(), one.text_keep.begin(), one.text_keep.end());
    all.lyric_keep.insert(all.lyric_keep.end(), one.lyric_keep.begin(), one.lyric_keep.end());
    for (const auto& clip : one.clips) request.timbre.push_back({host_view(clip.data(), {kFrames, config.timbre_hidden_dim}), b});
  }
  const int64_t text = static_cast<int64_t>(songs[0].text_keep.size()), lyrics = static_cast<int64_t>(songs[0].lyric_keep.size());
  request.text = host_view(all.text.data(), {batch, text, config.text_hidden_dim});
  request.lyrics = host_view(all.lyrics.data(), {batch, lyrics, config.text_hidden_dim});
  if (masks) {
    request.text_keep = host_view(all.text_keep.data(), {batch, text});
    if (lyrics > 0) request.lyric_keep = host_view(all.lyric_keep.data(), {batch, lyrics});
  }
  return encoder.encode(request);
}

ConditionEncoder make(const ModelConfig& config, DType dtype = DType::f32, int threads = 1) {
  return ConditionEncoder(config, std::make_unique<RandomWeights>(cpu_device(threads), 7, dtype), dtype);
}

// The valid tokens of sample b.
std::vector<float> valid(const ConditionResult& result, int64_t b, int64_t width) {
  int64_t count = 0;
  for (int64_t i = 0; i < result.tokens; ++i) count += result.keep[static_cast<size_t>(b * result.tokens + i)];
  const auto from = result.hidden_states.begin() + b * result.tokens * width;
  return {from, from + count * width};
}

// A folder with the small condition encoder as a real checkpoint; gone with its object.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(const ModelConfig& config) : path_(folder_.path().string()) {
    std::string header = "{", data;
    auto noting = std::make_unique<Noting>([&](const std::string& name, const Tensor& tensor) {
      header += (header.size() > 1 ? ",\"encoder." : "\"encoder.") + name + "\":{\"dtype\":\"F32\",\"shape\":" + tensor.shape.text() +
                ",\"data_offsets\":[" + std::to_string(data.size()) + "," + std::to_string(data.size() + static_cast<size_t>(tensor.bytes())) + "]}";
      data.append(tensor.as<char>(), static_cast<size_t>(tensor.bytes()));
    });
    ConditionEncoder(config, std::move(noting), DType::f32);
    header += "}";
    const uint64_t length = header.size();
    std::FILE* file = std::fopen((path_ + "/model.safetensors").c_str(), "wb");
    std::fwrite(&length, sizeof length, 1, file);
    std::fwrite(header.data(), 1, header.size(), file);
    std::fwrite(data.data(), 1, data.size(), file);
    std::fclose(file);
  }
  const std::string& path() const { return path_; }

 private:
  class Noting final : public RandomWeights {
   public:
    explicit Noting(std::function<void(const std::string&, const Tensor&)> note) : RandomWeights(cpu_device(), 7, DType::f32), note_(std::move(note)) {}

   protected:
    Storage fetch(const std::string& name, const Shape& shape) override {
      Storage out = RandomWeights::fetch(name, shape);
      note_(name, out.tensor());
      return out;
    }

   private:
    std::function<void(const std::string&, const Tensor&)> note_;
  };
  TemporaryFolder folder_;
  std::string path_;
};

}  // namespace

TEST("the values of padding tokens do not reach valid ones") {
  for (const bool xl : {false, true}) {
    CONTEXT((xl ? "XL" : "2B"));
    const ModelConfig config = small_config(xl);
    ConditionEncoder encoder = make(config);
    const Song plain = song(config, 5, 11, 1, 1);
    const std::vector<float> expected = valid(encode(encoder, {plain}, false), 0, 24);
    for (const uint64_t rubbish : {100, 200}) {
      Song padded = plain;
      pad(config, padded.text, padded.text_keep, 8, rubbish);
      pad(config, padded.lyrics, padded.lyric_keep, 23, rubbish + 1);
      const ConditionResult result = encode(encoder, {padded});
      CHECK_EQ(result.tokens, 8 + 23 + 1);
      CHECK(apart(valid(result, 0, 24), expected) < 1e-6);
    }
  }
}

TEST("a batch of two equals two songs alone on their valid tokens") {
  for (const bool xl : {false, true}) {
    CONTEXT((xl ? "XL" : "2B"));
    const ModelConfig config = small_config(xl);
    ConditionEncoder encoder = make(config);
    const Song first = song(config, 7, 4, 1, 10), second = song(config, 3, 13, 2, 20);
    const std::vector<float> alone[] = {valid(encode(encoder, {first}), 0, 24), valid(encode(encoder, {second}), 0, 24)};
    Song a = first, b = second;
    pad(config, a.lyrics, a.lyric_keep, 13, 31);
    pad(config, b.text, b.text_keep, 7, 32);
    const ConditionResult both = encode(encoder, {a, b});
    CHECK_EQ(both.tokens, 13 + 2 + 7);
    CHECK(apart(valid(both, 0, 24), alone[0]) < 1e-6);
    CHECK(apart(valid(both, 1, 24), alone[1]) < 1e-6);
  }
}

TEST("valid tokens stand in front, lyrics then clips then text, and padding keeps its order behind") {
  const ModelConfig config = small_config();
  ConditionEncoder encoder = make(config);
  Song gaps = song(config, 3, 4, 1, 40);
  const Song other = song(config, 3, 4, 2, 50);
  gaps.lyric_keep = {1, 0, 1, 0};
  gaps.text_keep = {0, 1, 1};
  const ConditionResult result = encode(encoder, {gaps, other});
  CHECK_EQ(result.tokens, 4 + 2 + 3);
  const std::vector<uint8_t> expected = {1, 1, 1, 1, 1, 0, 0, 0, 0};
  CHECK(std::vector<uint8_t>(result.keep.begin(), result.keep.begin() + 9) == expected);
  CHECK_EQ(result.segments[0].lyrics, 2);
  CHECK_EQ(result.segments[0].timbre, 1);
  CHECK_EQ(result.segments[0].text, 2);
  CHECK_EQ(result.segments[1].timbre, 2);

  // Where each token comes from is told by the parts alone.
  Program program;
  Tape tape(program, Recompute::none, false);
  const Tensor in = program.input({1, 3, config.text_hidden_dim}, DType::f32, "text");
  program.keep(in);
  const Tensor projected = encoder.text(tape, in);
  program.keep(projected);
  Storage arena({program.plan()}, DType::u8, "arena");
  program.bind(arena.data());
  std::copy(gaps.text.begin(), gaps.text.end(), program.bound(in).as<float>());
  Stream& stream = cpu_device().stream();
  program.run(stream);
  const float* text = program.bound(projected).as<float>();
  auto row = [&](int64_t i) { return std::vector<float>(result.hidden_states.begin() + i * 24, result.hidden_states.begin() + (i + 1) * 24); };
  auto text_row = [&](int64_t i) { return std::vector<float>(text + i * 24, text + (i + 1) * 24); };
  CHECK(apart(row(3), text_row(1)) < 1e-6);
  CHECK(apart(row(4), text_row(2)) < 1e-6);
  // Two masked lyrics, the place of the clip it does not have, then its masked text.
  CHECK(row(7) == std::vector<float>(24, 0.0f));
  CHECK(apart(row(8), text_row(0)) < 1e-6);
}

TEST("a song without lyrics has its clip and its text") {
  const ModelConfig config = small_config();
  ConditionEncoder encoder = make(config);
  const Song instrumental = song(config, 4, 0, 1, 60);
  const ConditionResult result = encode(encoder, {instrumental});
  CHECK_EQ(result.tokens, 5);
  CHECK_EQ(result.segments[0].lyrics, 0);
  CHECK_EQ(result.segments[0].text, 4);
  ConditionRequest bare;
  bare.text = host_view(instrumental.text.data(), {1, 4, config.text_hidden_dim});
  bare.timbre.push_back({host_view(instrumental.clips[0].data(), {kFrames, config.timbre_hidden_dim}), 0});
  CHECK(encoder.encode(bare).hidden_states == result.hidden_states);
}

TEST("only XL reads the timbre encoder's special token") {
  for (const bool xl : {false, true}) {
    CONTEXT((xl ? "XL" : "2B"));
    const ModelConfig config = small_config(xl);
    const Song one = song(config, 2, 3, 1, 70);
    ConditionEncoder plain(config, std::make_unique<TamperedWeights>(DType::f32), DType::f32);
    ConditionEncoder other(config, std::make_unique<TamperedWeights>(DType::f32, "", "timbre_encoder.special_token", 3), DType::f32);
    const double difference = apart(encode(plain, {one}).hidden_states, encode(other, {one}).hidden_states);
    if (xl) CHECK(difference > 1e-3);
    else CHECK_EQ(difference, 0);
  }
}

TEST("a clip met before gives the same bits as in a fresh encoder") {
  const ModelConfig config = small_config();
  ConditionEncoder used = make(config);
  const Song first = song(config, 2, 3, 1, 80), second = song(config, 2, 3, 2, 90);
  for (const Song& each : {first, first, second, first, second}) {
    ConditionEncoder fresh = make(config);
    CHECK(encode(used, {each}).hidden_states == encode(fresh, {each}).hidden_states);
  }
}

TEST("any number of threads gives the same bits") {
  const ModelConfig config = small_config(true);
  ConditionEncoder encoder = make(config);
  const Song one = song(config, 30, 150, 2, 110);
  const std::vector<float> expected = encode(encoder, {one}).hidden_states;
  for (const int threads : {2, 5}) {
    ConditionEncoder fresh = make(config, DType::f32, threads);
    CHECK(encode(fresh, {one}).hidden_states == expected);
  }
}

TEST("float32 agrees with float64") {
  for (const bool xl : {false, true}) {
    const ModelConfig config = small_config(xl);
    // The same matrices in both: float64 ones would draw other digits.
    ConditionEncoder single = make(config), wide(config, std::make_unique<RandomWeights>(cpu_device(), 7, DType::f32), DType::f64);
    const Song one = song(config, 6, 17, 1, 120);
    CHECK(apart(encode(single, {one}).hidden_states, encode(wide, {one}).hidden_states) < 1e-5);
  }
}

TEST("what does not fit the condition encoder is refused by name") {
  const ModelConfig config = small_config();
  ConditionEncoder encoder = make(config);
  const Song good = song(config, 3, 4, 1, 130);
  auto request = [&] {
    ConditionRequest out;
    out.text = host_view(good.text.data(), {1, 3, 10});
    out.lyrics = host_view(good.lyrics.data(), {1, 4, 10});
    out.timbre.push_back({host_view(good.clips[0].data(), {kFrames, 7}), 0});
    return out;
  };
  auto refused = [&](auto&& change) {
    ConditionRequest bad = request();
    change(bad);
    return refusal([&] { encoder.encode(bad); });
  };
  CHECK_EQ(refused([](ConditionRequest&) {}), std::string("accepted"));
  CHECK_EQ(refused([](ConditionRequest& r) { r.text.shape = {1, 5, 6}; }),
           std::string("ERR_SHAPE: text: expected [1, any, 10], got [1, 5, 6]"));
  CHECK_EQ(refused([](ConditionRequest& r) { r.text.shape = {1, 0, 10}; }), std::string("ERR_SHAPE: text: expected 1 to 8192 tokens, got 0"));
  CHECK_EQ(refused([](ConditionRequest& r) { r.lyrics.shape = {2, 2, 10}; }),
           std::string("ERR_SHAPE: lyrics: expected [1, any, 10], got [2, 2, 10]"));
  CHECK_EQ(refused([](ConditionRequest& r) { r.batch = 0; }), std::string("ERR_SHAPE: batch: expected at least 1, got 0"));
  CHECK_EQ(refused([&](ConditionRequest& r) { r.lyric_keep = host_view(good.lyric_keep.data(), {1, 3}); }),
           std::string("ERR_SHAPE: lyrics mask: expected [1, 4], got [1, 3]"));
  CHECK_EQ(refused([](ConditionRequest& r) { r.timbre.clear(); }),
           std::string("ERR_SHAPE: timbre: expected at least one clip; without a reference, give one of silence"));
  CHECK_EQ(refused([](ConditionRequest& r) { r.timbre[0].owner = 1; }),
           std::string("ERR_SHAPE: timbre clip 0: belongs to sample 1 of a batch of 1"));
  CHECK_EQ(refused([](ConditionRequest& r) { r.timbre[0].latents.shape = {7, 9}; }),
           std::string("ERR_SHAPE: timbre clip 0: expected [any, 7], got [7, 9]"));
  std::vector<float> hole = good.lyrics;
  hole[23] = std::numeric_limits<float>::quiet_NaN();
  CHECK_EQ(refused([&](ConditionRequest& r) { r.lyrics = host_view(hole.data(), {1, 4, 10}); }),
           std::string("ERR_SHAPE: lyrics: row 2, column 3 is NaN; expected finite numbers"));
  CHECK_EQ(refusal([&] { host_rows(good.text.data(), 29, 10, "text"); }),
           std::string("ERR_SHAPE: text: expected rows of 10 numbers, got 29 numbers, which is no whole number of rows"));
}

TEST("a NaN among the weights is told as a damaged checkpoint") {
  const ModelConfig config = small_config();
  const Song one = song(config, 3, 4, 1, 140);
  for (const char* where : {"text_projector.weight", "lyric_encoder.layers.1.mlp.up_proj.weight", "timbre_encoder.norm.weight"}) {
    CONTEXT(where);
    ConditionEncoder damaged(config, std::make_unique<TamperedWeights>(DType::f32, where), DType::f32);
    CHECK(refusal([&] { encode(damaged, {one}); }).rfind("ERR_CHECKPOINT: condition encoder: its output holds a NaN", 0) == 0);
  }
}

TEST("a checkpoint's condition encoder is read under its own names, and one of another size is refused") {
  const ModelConfig config = small_config();
  const CheckpointFolder folder(config);
  auto open = [&](const ModelConfig& as) { return ConditionEncoder(as, std::make_unique<CheckpointWeights>(cpu_device(), folder.path(), "encoder."), DType::f32); };
  ConditionEncoder read = open(config), made = make(config);
  const Song one = song(config, 3, 4, 1, 150);
  CHECK(encode(read, {one}).hidden_states == encode(made, {one}).hidden_states);
  ModelConfig wider = config;
  wider.text_hidden_dim = 11;
  CHECK(refusal([&] { open(wider); }).find("ERR_CHECKPOINT: " + folder.path() + "/model.safetensors: tensor \"encoder.text_projector.weight\" is [24, 10], config.json asks for [24, 11]") == 0);
  ModelConfig deeper = config;
  deeper.num_timbre_encoder_hidden_layers = 3;
  deeper.sliding.push_back(true);
  CHECK(refusal([&] { open(deeper); }).find("\"encoder.timbre_encoder.layers.2.input_layernorm.weight\" is missing") != std::string::npos);
}
