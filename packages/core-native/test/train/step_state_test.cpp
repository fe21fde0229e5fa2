// What a step's block of bytes says of its songs, and of the chunks that no song fills.
#include "train/step_state.h"

#include <set>

#include "train/flow_fixture.h"

using namespace ace;
using namespace ace::test;

namespace {

constexpr int64_t kChunks = 7, kConditionChunks = 9, kLongest = 6 * kChunkTokens;  // decoder tokens

struct PackedStep {
  PackedStep() : model(adapter_config(AdapterKind::lora, 2, 4)), patch(model.config().patch_size), shape(shape_of(patch)),
                 flow(model.decoder(), model.null_condition(), shape, FlowProgram::Options{}, model.gradients(), nullptr),
                 host({flow.state.bytes()}, DType::u8, "state"), rows({patch * kLongest, 2 * model.config().audio_acoustic_hidden_dim}, DType::f32, "rows"),
                 condition({9 * kChunkTokens, model.config().encoder_hidden_size}, DType::f32, "condition") {}

  static FlowShape shape_of(int64_t patch) {
    FlowShape out;
    out.batch = 2;
    out.chunks = kChunks;
    out.condition_chunks = kConditionChunks;
    out.frames = patch * kLongest;
    return out;
  }

  StepState::Song song(uint64_t key, int64_t frames, int64_t tokens) const {
    StepState::Song out;
    out.key = key;
    out.latents = out.context = out.noise = rows.tensor().slice(0, frames);
    out.condition = condition.tensor().slice(0, tokens);
    out.timestep = 0.25;
    out.share = 3;
    out.condition_dropped = true;
    out.seen = {frames, tokens};
    return out;
  }
  void write(const std::vector<StepState::Song>& songs) {
    StepState state(flow, shape, patch, model.decoder().rope(kLongest), host.tensor().as<char>());
    state.begin(42, 5);
    for (const StepState::Song& one : songs) state.add(one);
    state.finish();
  }
  template <class T>
  const T* at(const Tensor& view) const {
    return reinterpret_cast<const T*>(host.tensor().as<char>() + view.byte_offset);
  }

  FlowModel model;
  int64_t patch;
  FlowShape shape;
  FlowProgram flow;
  Storage host, rows, condition;
};

}  // namespace

TEST("chunks that no song fills hold nothing and count for nothing, whatever an earlier step left there") {
  PackedStep step;
  step.write({step.song(1, 6 * kChunkTokens * step.patch, 4 * kChunkTokens), step.song(2, 2, 5 * kChunkTokens)});  // every chunk is filled
  step.write({step.song(8, (2 * kChunkTokens + 1) * step.patch, kChunkTokens + 3), step.song(9, 3, 5)});           // 3 + 1 and 2 + 1 are
  for (int64_t row = 4; row < kChunks; ++row) {
    CONTEXT("chunk " << row);
    for (const Tensor& sources : {step.flow.x0_rows, step.flow.context_rows, step.flow.noise_rows, step.flow.cos_rows, step.flow.sin_rows}) {
      CHECK(step.at<int64_t>(sources)[2 * row] != 0);  // an address of 0 would be read as rows that are there already
      CHECK_EQ(step.at<int64_t>(sources)[2 * row + 1], int64_t{0});
    }
    CHECK_EQ(step.at<int32_t>(step.flow.frame_count)[row], 0);
    CHECK_EQ(step.at<int32_t>(step.flow.loss_frames)[row], 0);
    CHECK_EQ(step.at<double>(step.flow.loss_weight)[row], 0.0);
    CHECK_EQ(step.at<float>(step.flow.t)[row], 1.0F);
  }
  for (int64_t row = 3; row < kConditionChunks; ++row) {
    CONTEXT("condition chunk " << row);
    CHECK(step.at<int64_t>(step.flow.condition_rows)[2 * row] != 0);
    CHECK_EQ(step.at<int64_t>(step.flow.condition_rows)[2 * row + 1], int64_t{0});
    CHECK_EQ(step.at<int32_t>(step.flow.dropped)[row], 0);
  }
  const auto starts = [&](const Tensor& view) { return std::vector<int32_t>(step.at<int32_t>(view), step.at<int32_t>(view) + 5); };
  constexpr int32_t kChunk = kChunkTokens;
  CHECK(starts(step.flow.song_start) == (std::vector<int32_t>{0, 2 * kChunk + 1, 3 * kChunk, 3 * kChunk + 2, 4 * kChunk}));
  CHECK(starts(step.flow.condition_start) == (std::vector<int32_t>{0, kChunk + 3, 2 * kChunk, 2 * kChunk + 5, 3 * kChunk}));
}

TEST("a song's rows say what they hold: frames to its end, its timestep, its share, RoPE from where it is") {
  PackedStep step;
  step.write({step.song(8, (2 * kChunkTokens + 1) * step.patch - 1, kChunkTokens + 3), step.song(9, 3, 5)});
  const int64_t whole = kChunkTokens * step.patch;
  const std::vector<int64_t> frames = {whole, whole, step.patch - 1, 3}, conditions = {kChunkTokens, 3, 5};
  const int64_t row_bytes = step.rows.tensor().shape.last() * 4, rope_bytes = step.model.decoder().rope(1).cos.shape.last() * 4;
  const auto* x0 = step.at<int64_t>(step.flow.x0_rows);
  const auto* cos = step.at<int64_t>(step.flow.cos_rows);
  for (int64_t row = 0; row < 4; ++row) {
    CONTEXT("chunk " << row);
    CHECK_EQ(x0[2 * row + 1], frames[static_cast<size_t>(row)]);
    CHECK_EQ(x0[2 * row] - x0[0], row < 3 ? row * whole * row_bytes : 0);
    CHECK_EQ(cos[2 * row] - cos[0], row < 3 ? row * kChunkTokens * rope_bytes : 0);
    CHECK_EQ(static_cast<int64_t>(step.at<int32_t>(step.flow.frame_count)[row]), frames[static_cast<size_t>(row)]);
    CHECK_EQ(static_cast<int64_t>(step.at<int32_t>(step.flow.loss_frames)[row]), frames[static_cast<size_t>(row)]);
    CHECK_EQ(step.at<float>(step.flow.t)[row], 0.25F);
    CHECK_EQ(step.at<double>(step.flow.loss_weight)[row], 3.0);
  }
  for (int64_t row = 0; row < 3; ++row) {
    CHECK_EQ(step.at<int64_t>(step.flow.condition_rows)[2 * row + 1], conditions[static_cast<size_t>(row)]);
    CHECK_EQ(step.at<int32_t>(step.flow.dropped)[row], 1);
  }
}

TEST("every chunk draws by a key of its own, a song's first one by the song's") {
  PackedStep step;
  step.write({step.song(8, 3 * kChunkTokens * step.patch, 5), step.song(9, 2 * kChunkTokens * step.patch, 5)});
  const auto* keys = step.at<int64_t>(step.flow.chunk_counters) + 2;
  CHECK_EQ(keys[-2], int64_t{42});
  CHECK_EQ(keys[-1], int64_t{5});
  CHECK_EQ(keys[0], int64_t{8});
  CHECK_EQ(keys[3], int64_t{9});
  CHECK_EQ(std::set<int64_t>(keys, keys + kConditionChunks).size(), static_cast<size_t>(kConditionChunks));
  CHECK_EQ(step.at<int64_t>(step.flow.counters)[2], int64_t{8});
  CHECK_EQ(step.at<int64_t>(step.flow.counters)[3], int64_t{9});
}
