// The settings that all measurements of a training step share, and what is made of them.
#pragma once
#include <string>
#include <vector>

#include "adapter/config.h"
#include "model/config.h"
#include "train/session.h"

namespace ace {

struct RunOptions {
  std::string device = "cpu", adapter = "lora", recompute = "none", weights = "bf16", dtype, label, folder;
  // `folder`: model, batch and adapter are read from there, see shared_batch.h, instead of made up.
  std::vector<std::string> targets;  // empty: the attention projections, with `mlp` those of the MLP too
  int64_t layers = 2, condition = 769, rank = 64, batch = 1;
  double seconds = 60;
  double shortest = 1;  // of a batch's songs, as a share of the longest; the others lie evenly between
  int threads = 2, warmup = 1, runs = 5;
  bool mlp = false, xl = false, packed = false;
  bool tune = false;  // the matrix products' algorithms are timed before they are chosen
  double peak_tflops = 989, peak_tbps = 3.35;  // the device's data sheet: an H100 SXM's bf16 and memory

  // Takes the flag words[i] and its value off and returns true, or returns false for a flag that it does not know.
  // Errors: ERR_CONFIG where the value is missing or no number.
  bool take(const std::vector<std::string>& words, size_t& i);

  ModelConfig model() const;
  AdapterConfig adapter_config() const;
  SessionConfig session() const;
  DType activations() const;
  int64_t frames() const { return static_cast<int64_t>(seconds * 25); }
  int64_t tokens() const { return (frames() + 1) / 2; }
  // "seconds":240,"batch":1,...: what a JSON line says about the run.
  std::string json() const;
  // True where both can share one decoder on one device.
  bool same_decoder(const RunOptions& other) const;
};

// All words as flags of a run; an unknown one is an error. Errors: ERR_CONFIG.
RunOptions parse_run(const std::vector<std::string>& words, RunOptions defaults = {});

// `text` as a JSON string.
std::string json_text(const std::string& text);

}  // namespace ace
