#include "train/memory_plan.h"

#include <algorithm>

#include "ops/cuda/blas/blas.h"
#include "train/flow_program.h"

namespace ace {

namespace {

// What the kernels' own working memory comes to. On CUDA: the matrix products' workspace. On the CPU: the matrix products'
// shared panels, and on each thread their serial panels and one attention tile of scores and their gradients (64 query rows
// over all keys, 4 MiB at most).
int64_t scratch_bytes(DeviceKind kind, int threads, int64_t keys) {
  if (kind == DeviceKind::cuda) return cuda::Blas::workspace_bytes();
  constexpr int64_t kSharedPanels = int64_t{16} << 20, kSerialPanels = int64_t{4} << 20;
  constexpr int64_t kLargestTile = int64_t{4} << 20;
  return kSharedPanels + threads * (kSerialPanels + 2 * std::min(kLargestTile, 64 * keys * static_cast<int64_t>(sizeof(float))));
}

}  // namespace

MemoryPlan fixed_memory(const Decoder& decoder, const Adapter& adapter, const Optimizer& optimizer) {
  MemoryPlan plan;
  plan.weight_bytes = decoder.weight_bytes();
  plan.adapter_bytes = adapter.parameters().bytes() + (adapter.shadow().given() ? adapter.shadow().bytes() : 0);
  plan.gradient_bytes = adapter.parameters().bytes();
  plan.optimizer_bytes = optimizer.bytes();
  return plan;
}

void add_batch(MemoryPlan& plan, const Decoder& decoder, const FlowShape& shape, int threads, int64_t flops) {
  const int64_t keys = shape.packed() ? std::max(shape.chunks, shape.condition_chunks) * kChunkTokens
                                      : std::max(shape.frames / decoder.config().patch_size, shape.condition_tokens);
  plan.scratch_bytes = scratch_bytes(decoder.device().kind(), threads, keys);
  plan.flops = flops;
}

MemoryPlan plan_training(const Decoder& decoder, const AdapterConfig& adapter_config, const SessionConfig& config,
                         int64_t batch, int64_t frames, int64_t condition_tokens, int64_t dataset_bytes, int threads) {
  Device& device = decoder.device();
  const Adapter adapter(adapter_config, decoder.targets(), 0, decoder.dtype(), device);
  const FlowShape shape = flow_shape(config, decoder.config().patch_size, std::vector<SongLength>(static_cast<size_t>(batch), {frames, condition_tokens}));
  FlowProgram::Options options;
  options.recompute = config.recompute;
  options.round_timesteps = config.round_timesteps;
  const Storage gradients(device, {adapter.parameter_count()}, wide(decoder.dtype()), "gradients", false);
  const Storage null_condition(device, {decoder.config().encoder_hidden_size}, decoder.dtype(), "null condition", false);
  const FlowProgram flow(decoder, null_condition.tensor(), shape, options, gradients.tensor(), &adapter);
  const Optimizer optimizer(device, config.optimizer, optimizer_parameters(adapter, config.rules), {adapter.parameters(), adapter.shadow(), gradients.tensor()});
  MemoryPlan plan = fixed_memory(decoder, adapter, optimizer);
  plan.arena_bytes = flow.program().arena_bytes();
  plan.dataset_bytes = dataset_bytes;
  add_batch(plan, decoder, shape, threads, flow.program().flops());
  return plan;
}

}  // namespace ace
