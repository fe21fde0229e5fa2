// tokenizer: latents to codes and back, with what lies between; codes to latents; the quantiser by itself.
#include "case.h"
#include "model/audio_tokenizer.h"
#include "model/host_view.h"

namespace ace::golden {

namespace {

std::vector<float> floats(const Values& values) { return {values.numbers.begin(), values.numbers.end()}; }

// Gathers the batch's samples, which our tokenizer takes one at a time.
template <class T>
void append(Values& to, const std::vector<T>& numbers) {
  to.numbers.insert(to.numbers.end(), numbers.begin(), numbers.end());
}

void compare_latents(Case& c, const AudioTokenizer& tokenizer) {
  const Values& latents = c.input("in.latents");
  const int64_t batch = latents.shape[0], frames = latents.shape[1], width = latents.shape[2];
  const int64_t window = tokenizer.config().pool_window_size, groups = (frames + window - 1) / window;
  const std::vector<float> silence = floats(c.model().silence());
  Values index{{batch, groups, 1}, {}}, quantised{{batch, groups, tokenizer.config().encoder_hidden_size}, {}};
  Values hints{{batch, groups * window, width}, {}};
  for (int64_t b = 0; b < batch; ++b) {
    const std::vector<float> own = floats(entry(latents, b));
    const AudioTokens tokens =
        tokenizer.tokenize(host_view(own.data(), {frames, width}), host_view(silence.data(), c.model().silence().shape));
    append(index, tokens.codes);
    append(quantised, tokens.quantised);
    append(hints, tokenizer.detokenize(tokens.codes));
  }
  c.compare_exact("out.index", index);
  c.compare("out.quantised", quantised);
  c.compare("out.hints", hints);
}

void compare_insides(Case& c, const AudioTokenizer& tokenizer) {
  const Values &latents = c.input("in.latents"), &silence = c.model().silence();
  const int64_t batch = latents.shape[0], frames = latents.shape[1], width = latents.shape[2];
  const int64_t window = tokenizer.config().pool_window_size, groups = (frames + window - 1) / window;
  Values padded{{batch * groups, window, width}, {}};
  for (int64_t b = 0; b < batch; ++b) {
    append(padded, entry(latents, b).numbers);
    padded.numbers.insert(padded.numbers.end(), silence.numbers.begin(), silence.numbers.begin() + (groups * window - frames) * width);
  }
  Program program(c.device().kind());
  Tape tape(program, Recompute::none, false);
  std::unordered_map<std::string, Tensor> probes;
  tape.set_probes(&probes);
  const Tensor x = program.input(padded.shape, DType::f32, "latents");
  const AudioTokenizer::Quantised y = tokenizer.quantise(tape, x);
  program.keep(y.fsq_in);
  Runner runner(program, c.device());
  runner.set(x, padded);
  runner.run();
  auto batched = [&](const Tensor& tensor) {
    Values out = runner.get(tensor);
    out.shape = {batch, groups, tensor.shape.last()};
    return out;
  };
  c.compare("out.pooled", batched(probes.at("pooled")));
  c.compare("out.fsq_in", batched(y.fsq_in));
}

void compare_codes(Case& c, const AudioTokenizer& tokenizer) {
  const Values& codes = c.input("in.codes");
  const int64_t batch = codes.shape[0], count = codes.shape[1];
  Program program(c.device().kind());
  Tape tape(program, Recompute::none, false);
  const Tensor index = program.input({batch * count}, DType::i32, "codes");
  const Tensor vectors = tokenizer.vectors(tape, index);
  program.keep(vectors);
  Runner runner(program, c.device());
  runner.set(index, codes);
  runner.run();
  Values ours = runner.get(vectors);
  ours.shape = {batch, count, vectors.shape[1]};
  c.compare("out.code_vectors", ours);
  Values hints{{batch, count * tokenizer.config().pool_window_size, tokenizer.config().audio_acoustic_hidden_dim}, {}};
  for (int64_t b = 0; b < batch; ++b) {
    const Values own = entry(codes, b);
    append(hints, tokenizer.detokenize({own.numbers.begin(), own.numbers.end()}));
  }
  c.compare("out.code_hints", hints);
}

void compare_quantiser(Case& c, const AudioTokenizer& tokenizer) {
  const Values& z = c.input("in.fsq_z");
  Program program(c.device().kind());
  const Tensor in = program.input(z.shape, DType::f32, "z"), codes = program.tensor(z.shape, DType::f32);
  const Tensor index = program.tensor({z.shape[0], z.shape[1]}, DType::i32);
  program.call<kernels::fsq_quantise>(codes, index, in, tokenizer.levels());
  program.keep(codes);
  program.keep(index);
  Runner runner(program, c.device());
  runner.set(in, z);
  runner.run();
  c.compare("out.fsq_codes", runner.get(codes));
  c.compare_exact("out.fsq_index", runner.get(index));
}

void run(Case& c) {
  const AudioTokenizer tokenizer(c.model().config(), c.model().weights(""), DType::f32);
  compare_latents(c, tokenizer);
  compare_insides(c, tokenizer);
  compare_codes(c, tokenizer);
  compare_quantiser(c, tokenizer);
}

const CaseKind kind("tokenizer", run);

}  // namespace

}  // namespace ace::golden
