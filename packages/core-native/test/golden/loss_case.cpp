// loss: the flow-matching loss of the training batch, unmasked, masked, and with dropped conditions; and train_batch: what
// the batch itself promises.
#include "flow_batch.h"

namespace ace::golden {

namespace {

void run_loss(Case& c) {
  c.from_decoder();
  const TrainBatch batch(c);
  FlowBatch unmasked(c, batch, false), masked(c, batch, true);
  for (const std::string& name : c.names("loss.")) {
    const size_t dot = name.rfind('.');
    const std::string kind_of_loss = name.substr(5, dot - 5);
    const int64_t k = std::stoll(name.substr(dot + 1));
    if (k < 0 || k >= batch.draws()) continue;
    double loss;
    if (kind_of_loss == "unmasked") {
      loss = unmasked.loss(k);
    } else if (kind_of_loss == "masked") {
      loss = masked.loss(k);
    } else if (kind_of_loss == "dropped") {  // the README's rule
      std::vector<bool> dropped(static_cast<size_t>(batch.size()), false);
      dropped[0] = k % 2 == 0;
      if (batch.size() > 1) dropped[1] = k > 1;
      loss = unmasked.loss(k, dropped);
    } else {
      continue;
    }
    c.compare(name, {{1}, {loss}});
  }
}

// Rows of [B, rows, width] that `keep` [B, rows] leaves out must be zero, as the reference's collation pads.
void check_padding(Case& c, const std::string& name, const Values& keep, const Values& rows) {
  const int64_t width = rows.shape[2];
  for (size_t i = 0; i < rows.numbers.size(); ++i)
    if (keep.numbers[i / static_cast<size_t>(width)] == 0 && rows.numbers[i] != 0) return c.problem(name + ": padding is not zero");
}

Values keep_of(const Json& lengths, const Shape& shape) {
  Values out{shape, {}};
  for (const Json& length : lengths.items())
    for (int64_t f = 0; f < shape[1]; ++f) out.numbers.push_back(static_cast<double>(f) < length.number() ? 1 : 0);
  return out;
}

void run_batch(Case& c) {
  const Values &x0 = c.input("x0"), &context = c.input("context"), &cond = c.input("cond");
  const Values &noise = c.input("noise"), &t = c.input("t");
  const Values keep = keep_of(c.metadata_json("lengths"), {x0.shape[0], x0.shape[1]});
  const Values cond_keep = keep_of(c.metadata_json("cond_lengths"), {cond.shape[0], cond.shape[1]});
  c.compare_exact("keep", keep);
  c.compare_exact("cond_keep", cond_keep);
  check_padding(c, "x0", keep, x0);
  check_padding(c, "context", keep, context);
  check_padding(c, "cond", cond_keep, cond);
  if (noise.shape[0] != t.shape[0] || noise.shape[1] != t.shape[1] || noise.shape[1] != x0.shape[0])
    c.problem("noise " + noise.shape.text() + " and t " + t.shape.text() + " do not fit x0 " + x0.shape.text());
}

const CaseKind loss("loss", run_loss);
const CaseKind train_batch("train_batch", run_batch);

}  // namespace

}  // namespace ace::golden
