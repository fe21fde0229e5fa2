// What must not change a training step: what is recomputed, the number of threads, how a batch is cut, how it is padded.
#include "train/flow_fixture.h"

using namespace ace;
using namespace ace::test;

namespace {

std::vector<std::pair<std::string, AdapterConfig>> kinds() {
  AdapterConfig lora = adapter_config(AdapterKind::lora, 3, 4), dora = adapter_config(AdapterKind::dora, 2, 4), decomposed = adapter_config(AdapterKind::lokr, 2, 4);
  lora.dropout = 0.2;
  dora.dropout = 0.2;
  decomposed.weight_decompose = true;
  return {{"LoRA with dropout", lora}, {"DoRA with dropout", dora}, {"LoKr", adapter_config(AdapterKind::lokr, 2, 4)},
          {"LoKr full", adapter_config(AdapterKind::lokr, 64, 4)}, {"LoKr decomposed", decomposed}, {"LoHa", adapter_config(AdapterKind::loha, 2, 4)}};
}

// Loss, then every gradient.
std::vector<double> step(FlowModel& model, const std::vector<Song>& songs, const FlowSetting& setting) {
  model.clear_gradients();
  std::vector<double> out = {run_flow(model, songs, 0.01, setting)};
  const std::vector<double> gradient = model.gradient();
  out.insert(out.end(), gradient.begin(), gradient.end());
  return out;
}

}  // namespace

TEST("whatever is recomputed, the gradients are the same bit for bit") {
  const std::vector<Song> songs = {{37, 11, 5}, {22, 6, 6, true}};
  for (const auto& [kind, config] : kinds()) {
    CONTEXT(kind);
    FlowModel model(config);
    const std::vector<double> none = step(model, songs, {});
    CHECK(largest(none) > 0 && std::isfinite(largest(none)));
    for (const char* recompute : {"none", "cheap", "mlp", "block", "cheap:1", "mlp:2", "block:1", "block:2", "block:3"}) {
      CONTEXT("recompute " << recompute);
      FlowSetting setting;
      setting.recompute = recompute_named(recompute);
      CHECK(step(model, songs, setting) == none);
    }
  }
}

TEST("any number of threads gives the same loss and gradients bit for bit") {
  const std::vector<Song> songs = {{1801, 303, 5}, {1333, 77, 6}};  // large enough that every kernel cuts its work
  for (const auto& [name, config] : kinds()) {
    CONTEXT(name);
    FlowModel model(config);
    FlowSetting setting;
    const std::vector<double> one = step(model, songs, setting);
    for (const int threads : {2, 3}) {
      setting.threads = threads;
      CHECK(step(model, songs, setting) == one);
    }
  }
}

TEST("k micro-batches add up to one batch") {
  const std::vector<Song> songs = {{37, 11, 5}, {22, 6, 6, true}, {30, 9, 7}, {37, 2, 8}};
  for (const auto& [name, config] : kinds()) {
    CONTEXT(name);
    FlowModel model(config);
    const std::vector<double> whole = step(model, songs, {});
    for (const size_t each : {1, 2}) {
      model.clear_gradients();
      double loss = 0;
      for (size_t from = 0; from < songs.size(); from += each)
        loss += run_flow(model, {songs.begin() + static_cast<int64_t>(from), songs.begin() + static_cast<int64_t>(from + each)}, 0.01);
      CHECK_NEAR(loss / whole[0], 1, 1e-6);
      CHECK_NEAR(relative_l2(model.gradient(), {whole.begin() + 1, whole.end()}), 0, 1e-6);
    }
  }
}

TEST("a song in a larger bucket trains as it does alone") {
  for (const auto& [name, config] : kinds())
    for (const Song& song : {Song{37, 11, 5}, Song{1, 1, 6}, Song{128, 32, 7}, Song{63, 31, 8, true}}) {
      CONTEXT(name << ", " << song.frames << " frames, " << song.tokens << " tokens");
      FlowModel model(config);
      const std::vector<double> alone = step(model, {song}, {});
      FlowSetting bucket;
      bucket.frames = 256;
      bucket.tokens = 64;
      const std::vector<double> padded = step(model, {song}, bucket);
      CHECK_NEAR(padded[0] / alone[0], 1, 1e-5);
      CHECK_NEAR(relative_l2({padded.begin() + 1, padded.end()}, {alone.begin() + 1, alone.end()}), 0, 1e-5);
    }
}

TEST("a fresh LoRA, LoKr or LoHa changes no bit of the loss") {
  const std::vector<Song> songs = {{37, 11, 5}, {22, 6, 6}};
  for (const AdapterKind kind : {AdapterKind::lora, AdapterKind::lokr, AdapterKind::loha}) {
    FlowModel model(adapter_config(kind, 2, 4), false);
    FlowSetting bare;
    bare.adapted = false;
    CHECK_EQ(run_flow(model, songs, 0.01), run_flow(model, songs, 0.01, bare));
    CHECK(largest(model.gradient()) > 0);
  }
}

TEST("a dropped condition leaves cross-attention's queries and keys without a gradient, and its values with one") {
  AdapterConfig config = adapter_config(AdapterKind::lora, 2, 4);
  config.target_modules = {"cross_attn.q_proj", "cross_attn.k_proj", "cross_attn.v_proj"};
  FlowModel model(config);
  for (const bool dropped : {false, true}) {
    model.clear_gradients();
    (void)run_flow(model, {{37, 11, 5, dropped}}, 0.01);
    double matching = 0, values = 0;
    for (const auto& [name, tensor] : model.adapter().named(model.gradients()))
      (name.find("v_proj") != std::string::npos ? values : matching) += largest(numbers_of(tensor));
    CHECK(values > 0);
    if (dropped) CHECK(matching < 1e-5 * values);  // equal keys: zero but for rounding
    else CHECK(matching > 1e-3 * values);
  }
}

TEST("noise and dropout change with the step") {
  FlowModel model(kinds()[0].second);
  FlowSetting other;
  other.step = 5;
  CHECK(step(model, {{37, 11, 5}}, {}) != step(model, {{37, 11, 5}}, other));
  CHECK(step(model, {{37, 11, 5}}, {}) == step(model, {{37, 11, 5}}, {}));
}
