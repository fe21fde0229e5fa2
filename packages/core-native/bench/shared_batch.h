// The model, batch and adapter that both sides of a comparison load, as `tools/bench/reference_worker.py make` writes them:
// FOLDER/model is a checkpoint, FOLDER/batch.safetensors the batch, FOLDER/KIND/ a fresh adapter.
#pragma once
#include <string>
#include <vector>

#include "adapter/adapter.h"
#include "tensor/storage.h"

namespace ace {

class SharedBatch {
 public:
  // Errors: ERR_FILE.
  explicit SharedBatch(const std::string& folder);

  std::vector<float> latents, noise, context, condition;  // [frames, 64], [frames, 64], [frames, 128], [tokens, E]
  int64_t frames = 0, condition_tokens = 0;

  // [E] on the device, in the activations' dtype.
  Storage null_condition(Device& device, int64_t width, DType activations) const;
  // Every parameter from the file. Errors: ERR_CHECKPOINT where one is missing or of another shape.
  void load(Adapter& adapter) const;

 private:
  std::string folder_;
};

}  // namespace ace
