#include "flow_batch.h"

namespace ace::golden {

namespace {
const char* const kFile = "train_batch.safetensors";

FlowShape shape_of(const TrainBatch& batch, int64_t patch, bool gradients) {
  FlowShape shape;
  shape.batch = batch.size();
  shape.frames = (batch.frames() + patch - 1) / patch * patch;
  shape.condition_tokens = batch.cond.shape[1];
  shape.gradients = gradients;
  return shape;
}
}  // namespace

TrainBatch::TrainBatch(const Case& c)
    : x0(c.beside(kFile, "x0")), context(c.beside(kFile, "context")), cond(c.beside(kFile, "cond")),
      keep(c.beside(kFile, "keep")), noise(c.beside(kFile, "noise")), t(c.beside(kFile, "t")) {}

int64_t TrainBatch::length(int64_t b) const {
  int64_t kept = 0;
  for (int64_t f = 0; f < frames(); ++f) {
    const bool here = keep.numbers[static_cast<size_t>(b * frames() + f)] != 0;
    if (here && kept != f) throw Error(ErrorCode::file, std::string(kFile) + ": keep of sample " + std::to_string(b) + " has a gap");
    kept += here ? 1 : 0;
  }
  return kept;
}

FlowBatch::FlowBatch(Case& c, const TrainBatch& batch, bool masked, bool probes, const Adapter* adapter, Tensor gradients)
    : batch_(batch),
      flow_(c.model().decoder(), c.model().null_condition(),
            shape_of(batch, c.model().config().patch_size, adapter != nullptr), {},
            gradients, adapter, probes),
      runner_(flow_.program(), c.device()) {
  const int64_t padded = flow_.x0.shape[1], latent = batch.x0.shape[2];
  runner_.set(flow_.x0, with_frames(batch.x0, padded));
  runner_.set(flow_.context, with_frames(batch.context, padded));
  runner_.set(flow_.condition, batch.cond);
  for (const Tensor& rows : {flow_.x0_rows, flow_.context_rows, flow_.condition_rows}) runner_.set_all(rows, 0);
  runner_.set_all(flow_.draw_noise, 0);
  runner_.set_all(flow_.frame_count, static_cast<double>(batch.frames()));
  runner_.set_all(flow_.token_count, static_cast<double>(padded / c.model().config().patch_size));
  runner_.set_all(flow_.condition_count, static_cast<double>(batch.cond.shape[1]));
  runner_.set_all(flow_.counters, 0);
  Values counted{{batch.size()}, {}};
  double total = 0;
  for (int64_t b = 0; b < batch.size(); ++b) {
    counted.numbers.push_back(static_cast<double>(masked ? batch.length(b) : batch.frames()));
    total += counted.numbers.back();
  }
  runner_.set(flow_.loss_frames, counted);
  weight_ = {{batch.size()}, std::vector<double>(static_cast<size_t>(batch.size()), 1 / (total * static_cast<double>(latent)))};
  runner_.set(flow_.loss_weight, weight_);
}

double FlowBatch::loss(int64_t k, const std::vector<bool>& dropped) {
  runner_.set(flow_.noise, with_frames(entry(batch_.noise, k), flow_.x0.shape[1]));
  runner_.set(flow_.t, entry(batch_.t, k));
  Values choice{{batch_.size()}, std::vector<double>(static_cast<size_t>(batch_.size()), 0.0)};
  for (size_t b = 0; b < dropped.size(); ++b) choice.numbers[b] = dropped[b] ? 1 : 0;
  runner_.set(flow_.dropped, choice);
  runner_.run();
  const Values sums = runner_.get(flow_.loss);
  double out = 0;
  for (size_t b = 0; b < sums.numbers.size(); ++b) out += sums.numbers[b] * weight_.numbers[b];
  return out;
}

Values FlowBatch::probe(const std::string& name) const {
  auto found = flow_.probes().find(name);
  if (found == flow_.probes().end()) throw Error(ErrorCode::internal, "the program has no probe \"" + name + "\"");
  return runner_.get(found->second);
}

}  // namespace ace::golden
