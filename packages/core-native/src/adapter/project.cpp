#include "adapter/project.h"

#include <algorithm>
#include <utility>

#include "adapter/low_rank.h"

namespace ace {

namespace {

struct Use {
  const AdapterModule* module;
  AdapterPass pass;
  const AdapterUse* of;
};

std::vector<Use> uses_of(const std::string& path, const std::vector<AdapterUse>& adapters) {
  std::vector<Use> out;
  for (const AdapterUse& use : adapters) {
    const AdapterModule* module = use.adapter->find(path);
    if (module == nullptr) continue;
    AdapterPass pass = use.pass;
    if (!use.strengths.empty()) pass.strength *= use.strengths[static_cast<size_t>(module->index())];
    if (pass.strength != 0) out.push_back({module, pass, &use});
  }
  // What starts from x W^T itself comes before what may be added to anything.
  std::stable_partition(out.begin(), out.end(), [](const Use& use) { return !use.module->additive(); });
  return out;
}

// At most one adapter that is not a mere addition, so that all can follow each other on one frozen product.
bool follow_one_product(const std::vector<Use>& uses) {
  for (size_t i = 0; i < uses.size(); ++i)
    if (!uses[i].module->wants_base(uses[i].pass) || (i > 0 && !uses[i].module->additive())) return false;
  return true;
}

// One change that can be written before W's product is there to be added to.
bool can_begin(const std::vector<Use>& uses) { return uses.size() == 1 && uses[0].module->can_be_first(uses[0].pass); }

std::vector<Use> firsts(std::vector<Use> uses) {
  for (Use& use : uses) use.pass.first = true;
  return uses;
}

Var follow(Tape& tape, const std::vector<Use>& uses, Tensor weight, const Var& base, const Var& x) {
  Var y = base;
  for (const Use& use : uses) y = use.module->forward(tape, weight, y, x, use.pass);
  return y;
}

// The A of the parts below each other, where each part carries one low-rank change and they lie so in one flat buffer;
// not given otherwise.
Var stacked_first_factors(Tape& tape, const std::vector<std::vector<Use>>& uses, std::vector<int64_t>& ranks) {
  const AdapterParameter* first = nullptr;
  int64_t end = 0, rows = 0;
  for (const std::vector<Use>& of_part : uses) {
    if (of_part.size() != 1 || of_part[0].of != uses[0][0].of) return {};
    const AdapterParameter* a = of_part[0].module->first_factor(of_part[0].pass);
    if (a == nullptr || (first != nullptr && a->offset != end)) return {};
    if (first == nullptr) first = a;
    end = a->offset + a->shape.elements();
    rows += a->shape[0];
    ranks.push_back(a->shape[0]);
  }
  return AdapterModule::variable(tape, uses[0][0].pass, first->offset, {rows, first->shape[1]}, first->shadowed(),
                                 uses[0][0].module->path() + " and on: " + first->suffix);
}

}  // namespace

Var project(Tape& tape, const std::string& path, Tensor weight, const Var& x, const std::vector<AdapterUse>& adapters) {
  if (weight.shape[1] != x.value.shape.last()) throw_shape(path + ": weight " + weight.shape.text() + " does not fit x " + x.value.shape.text());
  const std::vector<Use> uses = uses_of(path, adapters);
  if (can_begin(uses)) {
    const Var y = follow(tape, firsts(uses), weight, begin_linear(tape, x, weight), x);
    end_linear(tape, y, x, weight);
    return y;
  }
  if (follow_one_product(uses)) return follow(tape, uses, weight, linear(tape, x, weight), x);
  Var y;
  for (size_t i = 0; i < uses.size(); ++i) {
    const Use& use = uses[i];
    if (use.module->additive()) {
      y = use.module->forward(tape, weight, y, x, use.pass);
      continue;
    }
    const Var part = use.module->forward(tape, weight, use.module->wants_base(use.pass) ? linear(tape, x, weight) : Var{}, x, use.pass);
    if (i == 0) {
      y = part;
      continue;
    }
    // Adapters that each rescale W (generation only): each brings the frozen product along, which must count once.
    tape.program().call<kernels::add_to>(y.value, part.value);
    matmul(tape, y.value, x.value, weight, {.transpose_b = true, .accumulate = true, .alpha = -1});
  }
  return y;
}

std::vector<Var> project_stacked(Tape& tape, const std::vector<StackedPart>& parts, Tensor stacked, const Var& x,
                                 const std::vector<AdapterUse>& adapters) {
  std::vector<std::vector<Use>> uses;
  std::vector<int64_t> widths, ranks;
  bool one_product = true;
  for (const StackedPart& part : parts) {
    uses.push_back(uses_of(part.path, adapters));
    one_product = one_product && follow_one_product(uses.back());
    widths.push_back(part.weight.shape[0]);
  }
  std::vector<Var> out;
  if (!one_product) {
    for (const StackedPart& part : parts) out.push_back(project(tape, part.path, part.weight, x, adapters));
    return out;
  }
  // Every column must be written first, or none.
  const bool begins = std::all_of(uses.begin(), uses.end(), can_begin);
  if (begins)
    for (std::vector<Use>& of_part : uses) of_part = firsts(of_part);
  std::vector<std::pair<Var, Tensor>> begun;  // and their weights
  const auto product_of = [&](const Tensor& weight) {
    if (!begins) return linear(tape, x, weight);
    begun.emplace_back(begin_linear(tape, x, weight), weight);
    return begun.back().first;
  };
  if (stacked.given()) out = tape.split(product_of(stacked), widths);
  else for (const StackedPart& part : parts) out.push_back(product_of(part.weight));
  const Var a = stacked_first_factors(tape, uses, ranks);
  std::vector<Var> low;
  if (a.value.given()) low = tape.split(low_product(tape, x, a), ranks);
  for (size_t i = 0; i < parts.size(); ++i) {
    const Tensor& weight = parts[i].weight;
    out[i] = low.empty() ? follow(tape, uses[i], weight, out[i], x)
                         : uses[i][0].module->forward_low(tape, weight, out[i], low[i], uses[i][0].pass);
  }
  for (const auto& [y, weight] : begun) end_linear(tape, y, x, weight);
  return out;
}

}  // namespace ace
