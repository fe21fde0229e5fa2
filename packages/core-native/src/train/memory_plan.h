#pragma once
#include <cstdint>

#include "adapter/adapter.h"
#include "model/decoder.h"
#include "optim/optimizer.h"
#include "train/flow_shape.h"

namespace ace {

// What a session takes, in bytes.
struct MemoryPlan {
  int64_t weight_bytes = 0, arena_bytes = 0, adapter_bytes = 0, gradient_bytes = 0, optimizer_bytes = 0,
          dataset_bytes = 0, scratch_bytes = 0;
  int64_t flops = 0;  // of one micro-batch
  int64_t total() const {
    return weight_bytes + arena_bytes + adapter_bytes + gradient_bytes + optimizer_bytes + dataset_bytes + scratch_bytes;
  }
};

// What does not depend on a batch: weights, adapter, gradients, optimiser.
MemoryPlan fixed_memory(const Decoder& decoder, const Adapter& adapter, const Optimizer& optimizer);
// And what does: the program's arena is the caller's to add.
void add_batch(MemoryPlan& plan, const Decoder& decoder, const FlowShape& shape, int threads, int64_t flops);

// Exact bytes of a training run before anything is allocated. The decoder must be on a PlanningDevice.
MemoryPlan plan_training(const Decoder& decoder, const AdapterConfig& adapter, const SessionConfig& config, int64_t batch,
                         int64_t frames, int64_t condition_tokens, int64_t dataset_bytes, int threads);

}  // namespace ace
