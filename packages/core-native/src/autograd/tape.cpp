#include "autograd/tape.h"

#include <charconv>
#include <memory>
#include <utility>

#include "ops/kernels.h"

namespace ace {

const char* name(Recompute recompute) {
  switch (recompute) {
    case Recompute::none: return "none";
    case Recompute::cheap: return "cheap";
    case Recompute::mlp: return "mlp";
    case Recompute::block: return "block";
  }
  return "?";
}

Recompute RecomputePolicy::of(int64_t layer) const {
  if (layer < layers || thrifty == Recompute::none) return thrifty;
  return kRecomputePolicies[static_cast<size_t>(thrifty) - 1];
}

RecomputePolicy recompute_named(const std::string& text) {
  const size_t colon = text.find(':');
  for (const Recompute kind : kRecomputePolicies) {
    if (text.substr(0, colon) != name(kind)) continue;
    if (colon == std::string::npos) return kind;
    const char* const end = text.data() + text.size();
    int64_t layers = 0;
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, layers);
    if (error == std::errc() && rest == end && layers >= 1 && kind != Recompute::none) return {kind, layers};
  }
  throw Error(ErrorCode::config, "recompute: expected none, cheap, mlp or block, or one of the last three with a number of layers such as mlp:12, got " + text);
}

int32_t Tape::add_node(Tensor value) {
  Node node;
  node.value = value;
  nodes_.push_back(std::move(node));
  return static_cast<int32_t>(nodes_.size()) - 1;
}

Var Tape::leaf(Tensor value) { return gradients_ ? Var{value, add_node(value)} : Var{value, -1}; }

Var Tape::parameter(Tensor value, Tensor gradient) {
  met_parameter_ = true;
  if (!gradients_) return Var{value, -1};
  Var out{value, add_node(value)};
  Node& node = nodes_[out.node];
  node.parameter = true;
  node.has_grad = true;
  node.grad = gradient;
  return out;
}

Var Tape::record(Tensor y, std::initializer_list<Var> inputs, std::function<void(Tensor)> backward) {
  return record(y, std::vector<Var>(inputs), std::move(backward));
}

Var Tape::record(Tensor y, const std::vector<Var>& inputs, std::function<void(Tensor)> backward) {
  bool wanted = false;
  for (const Var& input : inputs) wanted = wanted || input.needs_grad();
  if (!gradients_ || !wanted) return Var{y, -1};
  Var out{y, add_node(y)};
  records_.push_back({out.node, std::move(backward)});
  return out;
}

std::vector<Var> Tape::split(const Var& y, const std::vector<int64_t>& widths) {
  std::vector<Var> out;
  int64_t column = 0;
  for (const int64_t width : widths) {
    out.push_back({y.value.columns(column, width), -1});
    if (y.needs_grad()) {
      Var& piece = out.back();
      piece.node = add_node(piece.value);
      nodes_[piece.node].host = y.node;
      nodes_[piece.node].column = column;
      nodes_[y.node].pieces.push_back(piece.node);
    }
    column += width;
  }
  if (column != y.value.shape.last()) throw_shape("split: pieces of " + std::to_string(column) + " columns do not fill " + y.value.shape.text());
  return out;
}

Var Tape::record_in_place(const Var& base, const std::vector<Var>& inputs, std::function<void(Tensor)> backward) {
  std::vector<Var> all = inputs;
  all.push_back(base);
  Var out = record(base.value, all, std::move(backward));
  if (out.needs_grad() && base.needs_grad()) {
    nodes_[out.node].host = base.node;
    nodes_[base.node].pieces.push_back(out.node);
  }
  return out;
}

void Tape::cheap(const Var& value, std::function<Tensor()> remake) {
  if (gradients_ && (recompute() == Recompute::cheap || recompute() == Recompute::mlp)) remakes_[value.value.buffer] = std::move(remake);
}

Tensor Tape::saved(const Var& value) {
  const int32_t key = value.value.buffer;
  if (auto done = remade_.find(key); done != remade_.end()) return done->second.reshaped(value.value.shape);
  auto remake = remakes_.find(key);
  if (remake == remakes_.end()) return value.value;
  Tensor again = remake->second();
  remade_[key] = again;
  return again.reshaped(value.value.shape);
}

Tensor Tape::place(int32_t number) {
  Node& node = nodes_.at(number);
  if (node.has_grad) return node.grad;
  if (node.host < 0) {
    node.grad = program_.tensor(node.value.shape, node.value.dtype);
    holders_[node.grad.buffer] = 1;
  } else {
    const Tensor whole = place(node.host);
    node.grad = whole.shape.last() == node.value.shape.last() ? whole : whole.columns(node.column, node.value.shape.last());
  }
  node.has_grad = true;
  return node.grad;
}

// node's gradient becomes dy without a copy, where the whole of its host's may.
void Tape::adopt(int32_t number, Tensor dy) {
  Node& node = nodes_.at(number);
  if (node.host < 0) {
    ++holders_[dy.buffer];
    node.grad = dy.reshaped(node.value.shape);
  } else if (nodes_[node.host].value.shape.last() == node.value.shape.last()) {
    adopt(node.host, dy);
    node.grad = nodes_[node.host].grad;
  } else {
    program_.call<kernels::copy>(place(number), dy.reshaped(node.value.shape));
  }
  node.has_grad = true;
}

GradSlot Tape::grad(const Var& x) {
  Node& node = nodes_.at(x.node);
  if (node.parameter) return {node.grad, true};
  if (!node.has_grad) return {place(x.node), false};
  if (holders_[node.grad.buffer] > 1) {  // somebody else still reads it: part company first
    Tensor own = program_.tensor(node.value.shape, node.value.dtype);
    program_.call<kernels::copy>(own, node.grad);
    --holders_[node.grad.buffer];
    holders_[own.buffer] = 1;
    // Only a whole gradient is ever shared, so every host on the way has the same one.
    for (int32_t at = x.node; at >= 0; at = nodes_[at].host) nodes_[at].grad = own;
  }
  return {node.grad, true};
}

void Tape::pass_grad(const Var& x, Tensor dy) {
  Node& node = nodes_.at(x.node);
  if (!node.parameter && !node.has_grad) {
    adopt(x.node, dy);
    return;
  }
  GradSlot slot = grad(x);
  program_.call<kernels::add_to>(slot.tensor, dy);
}

void Tape::release(Node& node) {
  if (node.parameter || !node.has_grad || node.host >= 0) return;
  if (auto held = holders_.find(node.grad.buffer); held != holders_.end()) --held->second;
}

void Tape::backward(const Var& root, Tensor droot, bool may_overwrite) {
  if (!root.needs_grad()) return;
  if (!may_overwrite) ++holders_[droot.buffer];  // the caller's own hold keeps droot unchanged
  adopt(root.node, droot);
  for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
    Node& output = nodes_[record->output];
    if (!output.has_grad) continue;
    for (const int32_t piece : output.pieces)
      if (!nodes_[piece].has_grad) throw Error(ErrorCode::internal, "split: no gradient reached a piece of " + output.value.shape.text());
    if (!output.probe.empty() && probes_ != nullptr) {
      Tensor copy = program_.tensor(output.grad.shape, output.grad.dtype);
      program_.call<kernels::copy>(copy, output.grad);
      program_.keep(copy);
      (*probes_)[output.probe] = copy;
    }
    // The output holds dy while its rule runs: an input that shares dy gets a copy of its own before it adds to it.
    record->backward(output.grad);
    release(nodes_[record->output]);
  }
}

Tensor Tape::gradient(const Var& x) const {
  if (x.node < 0) return {};
  const Node& node = nodes_.at(x.node);
  return node.has_grad ? node.grad : Tensor{};
}

// A body that was run without keeping anything, and what its second run in the backward pass leaves.
struct Tape::Rerun {
  Tape tape;
  Var x, result;
  bool done = false;
  explicit Rerun(Program& program) : tape(program, Recompute::none, true) {}

  void run(Tape& outer, const Var& from, const Body& body) {
    if (std::exchange(done, true)) return;
    const Tensor value = outer.saved(from);
    x = from.needs_grad() ? tape.leaf(value) : Tape::constant(value);
    result = body(tape, x);
  }
};

Var Tape::run_again(const Var& x, const Body& body, bool keep_result) {
  Tape quiet(program_, Recompute::none, false);
  quiet.probes_ = probes_;
  Tensor y = body(quiet, Tape::constant(x.value)).value;
  if (!x.needs_grad() && !quiet.met_parameter_) return Var{y, -1};
  Var out{y, add_node(y)};
  auto rerun = std::make_shared<Rerun>(program_);
  if (!keep_result)
    remakes_[y.buffer] = [this, x, body, rerun] {
      rerun->run(*this, x, body);
      return rerun->result.value;
    };
  records_.push_back({out.node, [this, x, body, rerun](Tensor dy) {
                        rerun->run(*this, x, body);
                        rerun->tape.backward(rerun->result, dy, holders_[dy.buffer] == 1);
                        if (!x.needs_grad()) return;
                        Tensor dx = rerun->tape.gradient(rerun->x);
                        if (dx.given()) pass_grad(x, dx);
                      }});
  return out;
}

Var Tape::block(const Var& x, const Body& body) {
  ++blocks_;
  return gradients_ && recompute() == Recompute::block ? run_again(x, body, true) : body(*this, x);
}

Var Tape::wide_part(const Var& x, const Body& body) {
  return gradients_ && recompute() == Recompute::mlp ? run_again(x, body, false) : body(*this, x);
}

void Tape::probe(const std::string& name, const Tensor& tensor) {
  if (probes_ == nullptr) return;
  Tensor whole = tensor;
  if (!tensor.contiguous()) {  // its columns alone, as readers of probes expect
    whole = program_.tensor(tensor.shape, tensor.dtype);
    program_.call<kernels::copy>(whole, tensor);
  }
  program_.keep(whole);
  (*probes_)[name] = whole;
}

void Tape::probe_grad(const std::string& name, const Var& value) {
  if (probes_ != nullptr && value.needs_grad()) nodes_[value.node].probe = name;
}

}  // namespace ace
