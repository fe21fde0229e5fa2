#pragma once
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "model/decoder.h"

namespace ace {

// An adapter in generation, with the strength the listener chose.
struct SamplerAdapter {
  std::shared_ptr<const Adapter> adapter;
  double strength = 1;
};

struct SampleRequest {
  const float* condition = nullptr;  // [tokens, E]
  int64_t tokens = 0;
  const float* context = nullptr;    // [frames, 128]
  int64_t frames = 0;
  uint64_t seed = 0;
  const float* noise = nullptr;      // [frames, 64], or null: drawn from the seed
  std::vector<const float*> renoise; // one [frames, 64] a step but the last (SDE), or empty: drawn from the seed
  std::vector<double> times;         // falling, in (0, 1], without the final 0
  bool sde = false;
  double guidance = 1;               // > 1: conditional and null passes, APG
  double interval_from = 0, interval_to = 1;
};

// Integrates dx/dt = v from noise to latents for one song at a time.
class Sampler {
 public:
  // The decoder must outlive the sampler. null_condition [E] on its device, in the activations' dtype.
  Sampler(const Decoder& decoder, Tensor null_condition, std::vector<SamplerAdapter> adapters);

  // Latents [frames, 64]. on_step(done, total) after each step; it may throw to stop.
  std::vector<float> sample(const SampleRequest& request, const std::function<void(int, int)>& on_step);
  // One velocity [frames, 64] at t.
  std::vector<float> velocity(const float* latents, double t, const SampleRequest& request);

 private:
  struct Pass;
  Pass& pass_for(int64_t batch, int64_t frames, int64_t tokens);
  // v [batch, frames, 64]; with batch 2 the second half uses the null condition.
  void run(Pass& pass, const std::vector<double>& x, double t, std::vector<double>& v);
  void load(Pass& pass, const SampleRequest& request);
  void check(const SampleRequest& request) const;

  const Decoder& decoder_;
  Tensor null_condition_;
  std::vector<SamplerAdapter> adapters_;
  Device& device_;
  Storage arena_;
  std::list<std::unique_ptr<Pass>> passes_;

 public:
  ~Sampler();
};

}  // namespace ace
