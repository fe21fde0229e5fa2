// condition: the condition encoder with unequal masks and unsorted clips, and one cover sample's context.
#include "case.h"
#include "model/audio_tokenizer.h"
#include "model/condition_encoder.h"
#include "model/host_view.h"

namespace ace::golden {

namespace {

template <class T>
std::vector<T> as(const Values& values) {
  return {values.numbers.begin(), values.numbers.end()};
}

Values values(Shape shape, const std::vector<float>& numbers) { return {shape, {numbers.begin(), numbers.end()}}; }

// The parts traced by themselves, for their insides.
void compare_parts(Case& c, const ConditionEncoder& encoder) {
  Program program(c.device().kind());
  Tape tape(program, Recompute::none, false);
  std::unordered_map<std::string, Tensor> probes;
  tape.set_probes(&probes);
  const Values &text = c.input("in.text"), &lyric = c.input("in.lyric"), &keep = c.input("in.lyric_keep"), &refer = c.input("in.refer");
  const Tensor text_in = program.input(text.shape, DType::f32, "text"), lyric_in = program.input(lyric.shape, DType::f32, "lyric");
  const Tensor keep_in = program.input(keep.shape, DType::u8, "keep"), refer_in = program.input(refer.shape, DType::f32, "refer");
  tape.probe("text", encoder.text(tape, text_in));
  tape.probe("lyric", encoder.lyrics(tape, lyric_in, keep_in));
  const Tensor vectors = encoder.timbre(tape, refer_in);
  program.keep(vectors);
  Runner runner(program, c.device());
  runner.set(text_in, text);
  runner.set(lyric_in, lyric);
  runner.set(keep_in, keep);
  runner.set(refer_in, refer);
  runner.run();
  for (const std::string& name : c.names("act."))
    if (auto probe = probes.find(name.substr(4)); probe != probes.end()) c.compare(name, runner.get(probe->second));

  // Grouped by owner, in the order of appearance.
  const Values mine = runner.get(vectors), &order = c.input("in.refer_order");
  const int64_t width = mine.shape[1], slots = c.shape("act.timbre")[1], batch = text.shape[0];
  Values grouped{{batch, slots, width}, std::vector<double>(static_cast<size_t>(batch * slots * width), 0.0)};
  Values valid{{batch, slots}, std::vector<double>(static_cast<size_t>(batch * slots), 0.0)};
  std::vector<int64_t> next(static_cast<size_t>(batch), 0);
  for (size_t n = 0; n < order.numbers.size(); ++n) {
    const int64_t owner = static_cast<int64_t>(order.numbers[n]), slot = owner * slots + next[static_cast<size_t>(owner)]++;
    std::copy_n(mine.numbers.begin() + static_cast<int64_t>(n) * width, width, grouped.numbers.begin() + slot * width);
    valid.numbers[static_cast<size_t>(slot)] = 1;
  }
  c.compare("act.timbre", grouped);
  c.compare_exact("act.timbre_keep", valid);
}

void compare_packed(Case& c, ConditionEncoder& encoder) {
  const std::vector<float> text = as<float>(c.input("in.text")), lyric = as<float>(c.input("in.lyric")), refer = as<float>(c.input("in.refer"));
  const std::vector<uint8_t> text_keep = as<uint8_t>(c.input("in.text_keep")), lyric_keep = as<uint8_t>(c.input("in.lyric_keep"));
  const Shape clips = c.shape("in.refer");
  ConditionRequest request;
  request.batch = c.shape("in.text")[0];
  request.text = host_view(text.data(), c.shape("in.text"));
  request.text_keep = host_view(text_keep.data(), c.shape("in.text_keep"));
  request.lyrics = host_view(lyric.data(), c.shape("in.lyric"));
  request.lyric_keep = host_view(lyric_keep.data(), c.shape("in.lyric_keep"));
  for (int64_t n = 0; n < clips[0]; ++n)
    request.timbre.push_back({host_view(refer.data() + n * clips[1] * clips[2], {clips[1], clips[2]}),
                              static_cast<int64_t>(c.input("in.refer_order").numbers[static_cast<size_t>(n)])});
  const ConditionResult result = encoder.encode(request);
  c.compare("out.cond", values({request.batch, result.tokens, encoder.config().encoder_hidden_size}, result.hidden_states));
  c.compare_exact("out.cond_keep", {{request.batch, result.tokens}, {result.keep.begin(), result.keep.end()}});
}

// Source latents beside their mask; a cover sample's source has gone through the codes and back.
void compare_context(Case& c, const AudioTokenizer& tokenizer) {
  const Values &source = c.input("in.src"), &mask = c.input("in.chunk_mask"), &cover = c.input("in.is_cover");
  const std::vector<float> silence = as<float>(c.model().silence());
  const int64_t batch = source.shape[0], frames = source.shape[1], width = source.shape[2];
  Values context{{batch, frames, 2 * width}, {}};
  for (int64_t b = 0; b < batch; ++b) {
    std::vector<float> latents = as<float>(entry(source, b));
    if (cover.numbers[static_cast<size_t>(b)] > 0) {
      const AudioTokens tokens = tokenizer.tokenize(host_view(latents.data(), {frames, width}),
                                                    host_view(silence.data(), c.model().silence().shape));
      latents = tokenizer.detokenize(tokens.codes);
    }
    for (int64_t t = 0; t < frames; ++t) {
      for (int64_t d = 0; d < width; ++d) context.numbers.push_back(latents[static_cast<size_t>(t * width + d)]);
      for (int64_t d = 0; d < width; ++d) context.numbers.push_back(mask.numbers[static_cast<size_t>((b * frames + t) * width + d)]);
    }
  }
  c.compare("out.context", context);
}

void run(Case& c) {
  ConditionEncoder encoder(c.model().config(), c.model().weights("encoder."), DType::f32);
  compare_parts(c, encoder);
  compare_packed(c, encoder);
  compare_context(c, AudioTokenizer(c.model().config(), c.model().weights(""), DType::f32));
}

const CaseKind kind("condition", run);

}  // namespace

}  // namespace ace::golden
