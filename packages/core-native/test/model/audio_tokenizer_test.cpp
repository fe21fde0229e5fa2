#include "model/audio_tokenizer.h"

#include <cmath>

#include "check.h"
#include "model/host_view.h"
#include "model/one_run.h"
#include "model/small_model.h"

using namespace ace;
using namespace ace::test;

namespace {

constexpr int64_t kWidth = 7;  // latent channels of the small model

AudioTokenizer make(DType dtype = DType::f32, int threads = 1) {
  return AudioTokenizer(small_config(), std::make_unique<RandomWeights>(cpu_device(threads), 7, DType::f32), dtype);
}

AudioTokens tokenize(const AudioTokenizer& tokenizer, const std::vector<float>& latents, const std::vector<float>& silence = {}) {
  const Tensor quiet = silence.empty() ? Tensor{} : host_rows(silence.data(), static_cast<int64_t>(silence.size()), kWidth, "silence");
  return tokenizer.tokenize(host_rows(latents.data(), static_cast<int64_t>(latents.size()), kWidth, "latents"), quiet);
}

std::vector<float> detokenize(const AudioTokenizer& tokenizer, const std::vector<int32_t>& codes) {
  return tokenizer.detokenize(codes);
}

std::vector<float> part(const std::vector<float>& all, size_t from, size_t to) {
  return {all.begin() + static_cast<std::ptrdiff_t>(from), all.begin() + static_cast<std::ptrdiff_t>(to)};
}

// The quantiser alone.
std::vector<int32_t> indices(const std::vector<float>& z, const Tensor& levels) {
  Program program;
  const int64_t count = levels.elements(), rows = static_cast<int64_t>(z.size()) / count;
  const Tensor in = program.input({rows, count}, DType::f32, "z"), codes = program.tensor({rows, count}, DType::f32);
  const Tensor index = program.tensor({rows}, DType::i32);
  program.call<kernels::fsq_quantise>(codes, index, in, levels);
  program.keep(index);
  OneRun run(program, cpu_device(2), "test");
  run.set(in, host_view(z.data(), {rows, count}));
  run.run();
  return run.integers(index);
}

std::vector<float> codes_of(const std::vector<int32_t>& index, const Tensor& levels) {
  Program program;
  const int64_t rows = static_cast<int64_t>(index.size());
  const Tensor in = program.input({rows}, DType::i32, "index"), codes = program.tensor({rows, levels.elements()}, DType::f32);
  program.call<kernels::fsq_codes>(codes, in, levels);
  program.keep(codes);
  OneRun run(program, cpu_device(2), "test");
  run.set(in, host_view(index.data(), {rows}));
  run.run();
  return run.floats(codes);
}

}  // namespace

TEST("every code of the codebook comes back from the quantiser") {
  const AudioTokenizer tokenizer = make();
  CHECK_EQ(tokenizer.codebook_size(), 64000);
  std::vector<int32_t> all(64000);
  for (int32_t i = 0; i < 64000; ++i) all[static_cast<size_t>(i)] = i;
  std::vector<float> z = codes_of(all, tokenizer.levels());
  const int32_t* levels = tokenizer.levels().as<int32_t>();
  for (size_t i = 0; i < z.size(); ++i) {
    const double reach = 1 + 1.0 / (levels[i % 6] - 1);
    z[i] = static_cast<float>(reach * std::atanh(z[i] / reach));  // undoes the squashing
  }
  CHECK(indices(z, tokenizer.levels()) == all);
}

TEST("the quantiser's index stays in the codebook whatever it is given") {
  const AudioTokenizer tokenizer = make();
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> z = {inf, inf, inf, inf, inf, inf, -inf, -inf, -inf, -inf, -inf, -inf, nan, nan, nan, nan, nan, nan,
                                1e30f, -1e30f, 0, 0, 0, 0};
  const std::vector<int32_t> index = indices(z, tokenizer.levels());
  CHECK_EQ(index[0], 63999);
  CHECK_EQ(index[1], 0);
  CHECK_EQ(index[2], 0);
  // Levels 7, 0, then the middle: 4 of 8 (half rounds up), 2 of 5.
  CHECK_EQ(index[3], 7 + 0 * 8 + 4 * 64 + 2 * 512 + 2 * 2560 + 2 * 12800);
}

TEST("groups of frames know nothing of each other, however long the song") {
  const AudioTokenizer tokenizer = make();
  const size_t group = 5 * kWidth;
  const std::vector<float> latents = numbers(301 * 5 * kWidth, 1);  // two full runs and a rest
  const AudioTokens whole = tokenize(tokenizer, latents);
  CHECK_EQ(whole.codes.size(), size_t{301});
  const std::vector<float> frames = detokenize(tokenizer, whole.codes);
  CHECK_EQ(frames.size(), size_t{301} * group);
  for (const auto& [from, to] : {std::pair<size_t, size_t>{0, 1}, {127, 130}, {128, 256}, {250, 301}}) {
    CONTEXT("groups " << from << " to " << to);
    const AudioTokens alone = tokenize(tokenizer, part(latents, from * group, to * group));
    const std::vector<int32_t> expected(whole.codes.begin() + static_cast<std::ptrdiff_t>(from), whole.codes.begin() + static_cast<std::ptrdiff_t>(to));
    CHECK(alone.codes == expected);
    CHECK(apart(alone.quantised, part(whole.quantised, from * 24, to * 24)) < 1e-6);
    CHECK(apart(detokenize(tokenizer, alone.codes), part(frames, from * group, to * group)) < 1e-6);
  }
}

TEST("a song is filled up with the first frames of silence") {
  const AudioTokenizer tokenizer = make();
  const std::vector<float> latents = numbers(12 * kWidth, 2), silence = numbers(4 * kWidth, 3);
  std::vector<float> filled = latents;
  filled.insert(filled.end(), silence.begin(), silence.begin() + 3 * kWidth);
  const AudioTokens a = tokenize(tokenizer, latents, silence), b = tokenize(tokenizer, filled);
  CHECK_EQ(a.codes.size(), size_t{3});
  CHECK(a.codes == b.codes);
  CHECK(a.quantised == b.quantised);
}

TEST("any number of threads gives the same codes and frames bit for bit") {
  const AudioTokenizer tokenizer = make();
  const std::vector<float> latents = numbers(200 * 5 * kWidth, 4);
  const AudioTokens expected = tokenize(tokenizer, latents);
  const std::vector<float> frames = detokenize(tokenizer, expected.codes);
  for (const int threads : {2, 5}) {
    const AudioTokenizer same = make(DType::f32, threads);
    const AudioTokens got = tokenize(same, latents);
    CHECK(got.codes == expected.codes);
    CHECK(got.quantised == expected.quantised);
    CHECK(detokenize(same, got.codes) == frames);
  }
}

TEST("codes and frames in float32 agree with float64") {
  const AudioTokenizer single = make(), wide = make(DType::f64);
  const std::vector<float> latents = numbers(60 * 5 * kWidth, 5);
  const AudioTokens a = tokenize(single, latents), b = tokenize(wide, latents);
  CHECK(a.codes == b.codes);
  CHECK(apart(a.quantised, b.quantised) < 1e-6);
  CHECK(apart(detokenize(single, a.codes), detokenize(wide, a.codes)) < 1e-5);
}

TEST("what does not fit the tokenizer is refused by name") {
  const AudioTokenizer tokenizer = make();
  const std::vector<float> latents = numbers(12 * kWidth, 6);
  const Tensor good = host_view(latents.data(), {12, kWidth});
  CHECK_EQ(refusal([&] { tokenizer.tokenize(good, Tensor{}); }),
           std::string("ERR_SHAPE: silence: 12 frames are no multiple of 5, so frames of silence are needed and none were given"));
  CHECK_EQ(refusal([&] { tokenizer.tokenize(good, host_view(latents.data(), {2, kWidth})); }),
           std::string("ERR_SHAPE: silence: expected at least 3 frames, got 2"));
  CHECK_EQ(refusal([&] { tokenizer.tokenize(host_view(latents.data(), {10, 6}), Tensor{}); }),
           std::string("ERR_SHAPE: latents: expected [any, 7], got [10, 6]"));
  CHECK_EQ(refusal([&] { tokenizer.tokenize(host_view(latents.data(), {0, kWidth}), Tensor{}); }),
           std::string("ERR_SHAPE: latents: expected at least one frame, got none"));
  std::vector<float> broken = latents;
  broken[15] = -std::numeric_limits<float>::infinity();
  CHECK_EQ(refusal([&] { tokenizer.tokenize(host_view(broken.data(), {10, kWidth}), Tensor{}); }),
           std::string("ERR_SHAPE: latents: row 2, column 1 is infinite; expected finite numbers"));
  CHECK_EQ(refusal([&] { tokenizer.detokenize({0, 63999, 64000}); }),
           std::string("ERR_SHAPE: codes[2]: expected 0 to 63999, got 64000"));
  CHECK_EQ(refusal([&] { tokenizer.detokenize({-1}); }), std::string("ERR_SHAPE: codes[0]: expected 0 to 63999, got -1"));
  CHECK_EQ(refusal([&] { tokenizer.detokenize({}); }), std::string("ERR_SHAPE: codes: expected at least one, got none"));
}

TEST("a damaged or impossible tokenizer is told as a checkpoint's fault") {
  const std::vector<float> latents = numbers(10 * kWidth, 8);
  for (const char* where : {"tokenizer.audio_acoustic_proj.weight", "tokenizer.quantizer.project_in.bias", "tokenizer.quantizer.project_out.weight"}) {
    CONTEXT(where);
    const AudioTokenizer damaged(small_config(), std::make_unique<TamperedWeights>(DType::f32, where), DType::f32);
    CHECK(refusal([&] { tokenize(damaged, latents); }).rfind("ERR_CHECKPOINT: audio tokenizer: its output holds a NaN", 0) == 0);
  }
  const AudioTokenizer damaged(small_config(), std::make_unique<TamperedWeights>(DType::f32, "detokenizer.proj_out.bias"), DType::f32);
  CHECK(refusal([&] { damaged.detokenize({1, 2}); }).rfind("ERR_CHECKPOINT: audio detokenizer: its output holds a NaN", 0) == 0);
  ModelConfig huge = small_config();
  huge.fsq_input_levels = {256, 256, 256, 256};
  CHECK_EQ(refusal([&] { AudioTokenizer(huge, std::make_unique<RandomWeights>(cpu_device(), 7, DType::f32), DType::f32); }),
           std::string("ERR_CHECKPOINT: config.json: \"fsq_input_levels\" give more than 2^31 codes"));
}
