// Programs that a session keeps: those it forgets and makes again, and those that outlive a growing arena.
#include "train/program_cache.h"

#include "train/flow_fixture.h"
#include "train/session.h"

using namespace ace;
using namespace ace::test;

namespace {

constexpr int64_t kLongest = 80;

// One song, of which crops of every length are validated.
struct Studio {
  Studio() : model(adapter_config(AdapterKind::lora, 2, 4)), session(model.decoder(), model.adapter(), model.null_condition(), config()) {
    const int64_t latent = model.config().audio_acoustic_hidden_dim, width = model.config().encoder_hidden_size;
    const std::vector<float> latents = numbers(kLongest * latent, 1), context = numbers(kLongest * 2 * latent, 2), condition = numbers(5 * width, 3);
    (void)session.add_sample(latents.data(), kLongest, context.data(), {{condition.data(), 5}});
  }
  static SessionConfig config() {
    SessionConfig config;
    config.bucket_tokens = 1;
    return config;
  }
  double loss(int64_t frames) {
    SampleRef ref;
    ref.frames = frames;
    return session.evaluate(1, 2, {{ref}}).loss;
  }

  FlowModel model;
  TrainSession session;
};

}  // namespace

TEST("a shape that was forgotten, and one that lay in a smaller arena, give what they gave at first") {
  Studio studio;
  std::vector<double> first;
  for (int64_t frames = 2; frames <= kLongest; frames += 2) first.push_back(studio.loss(frames));  // 40 shapes, 32 are kept
  const int64_t arena = studio.session.memory().arena_bytes;
  for (int round = 0; round < 2; ++round)
    for (int64_t frames = kLongest; frames >= 2; frames -= 2) CHECK_EQ(studio.loss(frames), first[static_cast<size_t>(frames / 2 - 1)]);
  CHECK_EQ(studio.session.memory().arena_bytes, arena);
  CHECK(Studio().loss(kLongest) == first.back());  // no growing before it
}

TEST("programs are asked for by shape and by whether they train, and made once") {
  const FlowModel model(adapter_config(AdapterKind::lora, 2, 4));
  ProgramCache cache(model.decoder().device());
  CHECK(cache.empty());
  CHECK_THROWS(cache.last(), "before any shape was run");
  int made = 0;
  auto get = [&](int64_t frames, bool training) -> const CachedProgram& {
    FlowShape shape;
    shape.frames = frames;
    shape.condition_tokens = 4;
    shape.gradients = training;
    return cache.get(shape, training, [&] {
      ++made;
      return std::make_unique<FlowProgram>(model.decoder(), model.null_condition(), shape, FlowProgram::Options{}, model.gradients(), nullptr);
    });
  };
  const FlowProgram* small = get(8, false).program.get();
  const int64_t arena = cache.arena_bytes();
  CHECK(arena >= small->program().arena_bytes());
  CHECK(get(8, true).program.get() != small);
  CHECK(get(64, false).shape.frames == 64);
  CHECK_EQ(made, 3);
  CHECK(cache.arena_bytes() > arena);
  CHECK(get(8, false).program.get() == small);
  CHECK(&cache.last() == &get(8, false));
  CHECK_EQ(made, 3);
}

TEST("a shape that the device has no room for leaves no program in the memory that was given back for it") {
  const FlowModel model(adapter_config(AdapterKind::lora, 2, 4));
  ProgramCache cache(model.decoder().device());
  auto get = [&](int64_t condition_tokens) -> const CachedProgram& {
    FlowShape shape;
    shape.frames = 8;
    shape.condition_tokens = condition_tokens;
    return cache.get(shape, false, [&] {
      return std::make_unique<FlowProgram>(model.decoder(), model.null_condition(), shape, FlowProgram::Options{}, model.gradients(), nullptr);
    });
  };
  (void)get(4);
  CHECK_THROWS(get(int64_t{1} << 42), "activations: no room for ");
  CHECK(cache.empty());
  CHECK_EQ(cache.arena_bytes(), int64_t{0});
  const CachedProgram& again = get(4);
  CHECK(again.program->program().bound(again.program->x0).data != nullptr);
  CHECK_EQ(cache.arena_bytes(), again.program->program().arena_bytes());
}
