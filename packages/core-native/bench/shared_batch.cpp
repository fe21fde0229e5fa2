#include "shared_batch.h"

#include "model/weights.h"
#include "tensor/error.h"
#include "tensor/safetensors.h"

namespace ace {

namespace {

std::vector<float> read(const Safetensors& file, const std::string& name, int64_t& rows) {
  const Safetensors::Entry* entry = file.find(name);
  if (entry == nullptr || entry->dtype != DType::f32 || entry->shape.rank() != 2)
    throw Error(ErrorCode::file, file.path() + ": \"" + name + "\": expected a float32 matrix");
  std::vector<float> out(static_cast<size_t>(entry->shape.elements()));
  file.read(name, *entry, out.data());
  rows = entry->shape[0];
  return out;
}

}  // namespace

SharedBatch::SharedBatch(const std::string& folder) : folder_(folder) {
  const Safetensors file(folder + "/batch.safetensors");
  latents = read(file, "latents", frames);
  noise = read(file, "noise", frames);
  context = read(file, "context", frames);
  condition = read(file, "condition", condition_tokens);
}

Storage SharedBatch::null_condition(Device& device, int64_t width, DType activations) const {
  CpuDevice host(1);
  CheckpointWeights root(host, folder_ + "/model", "");
  const Tensor values = root.converted("null_condition_emb", {1, 1, width}, DType::f32);
  Storage out(device, {width}, activations, "null condition", false);
  upload(device, out.tensor(), converted(values, activations).tensor());
  return out;
}

void SharedBatch::load(Adapter& adapter) const {
  const bool peft = Adapter::is_peft(adapter.config().kind);
  const Safetensors file(folder_ + (peft ? "/lora/adapter_model.safetensors" : "/lokr/lokr_weights.safetensors"));
  const Storage host = download(adapter.device(), adapter.parameters());
  for (const auto& [name, to] : adapter.named(host.tensor())) {
    const Safetensors::Entry* entry = file.find(name);
    if (entry == nullptr || entry->dtype != to.dtype || !(entry->shape == to.shape))
      throw Error(ErrorCode::checkpoint, file.path() + ": \"" + name + "\": expected " + to.shape.text() + " of " + ace::name(to.dtype));
    file.read(name, *entry, to.data);
  }
  upload(adapter.device(), adapter.parameters(), host.tensor());
  adapter.refresh_shadow();
}

}  // namespace ace
