#pragma once
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "model/decoder.h"
#include "train/sampling.h"

namespace ace {

// An adapter in generation, with the strength the listener chose.
struct SamplerAdapter {
  std::shared_ptr<const Adapter> adapter;
  double strength = 1;
  std::vector<double> strengths = {};  // of its modules, multiplied into strength; empty: 1 each
  double from = 0, to = 1;        // works in step k of n where from <= k / n < to
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
  Guidance guidance;                 // scale > 1: conditional and null passes, APG
  const float* negative = nullptr;   // [negative_tokens, E] in place of the null condition, or null
  int64_t negative_tokens = 0;
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
  // Whether each adapter works.
  using Active = std::vector<bool>;
  Active active_in(int step, int steps) const;
  Pass& pass_for(int64_t batch, int64_t frames, int64_t tokens, const Active& active);
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
