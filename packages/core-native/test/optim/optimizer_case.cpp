#include "optim/optimizer_case.h"

#include <algorithm>
#include <cstring>

#include "ops/check_op.h"

namespace ace::test {

namespace {

std::vector<OptimizerParameter> laid_out(const std::vector<Shape>& shapes, bool aligned) {
  std::vector<OptimizerParameter> out;
  int64_t at = 0;
  for (const Shape& shape : shapes) {
    OptimizerParameter p;
    p.name = "tensor" + std::to_string(out.size());
    p.begin = at;
    p.shape = shape;
    p.matrix = shape.rank() == 2;
    p.decay = p.matrix ? 1 : 0;
    if (out.size() % 3 == 1) p.rate = 4;
    at += shape.elements();
    if (aligned) at = (at + 15) / 16 * 16;
    out.push_back(p);
  }
  return out;
}

int64_t flat_size(const std::vector<OptimizerParameter>& parameters) {
  return parameters.back().begin + parameters.back().shape.elements();
}

}  // namespace

std::vector<OptimizerParameter> odd_parameters() { return laid_out({{5, 7}, {70, 33}, {1, 9}, {13}, {41, 97}, {17, 1}, {300}, {1}}, false); }
std::vector<OptimizerParameter> small_parameters() { return laid_out({{4, 40}, {24, 4}, {24}}, true); }

std::vector<OptimizerConfig> all_optimizers() {
  std::vector<OptimizerConfig> out;
  auto add = [&](OptimizerKind kind, auto set) {
    OptimizerConfig config;
    config.kind = kind;
    config.weight_decay = 0.1;
    config.max_grad_norm = 20;
    set(config);
    out.push_back(config);
  };
  auto nothing = [](OptimizerConfig&) {};
  add(OptimizerKind::adamw, nothing);
  add(OptimizerKind::adamw, [](OptimizerConfig& c) { c.max_grad_norm = 0; });
  add(OptimizerKind::adamw8bit, nothing);
  add(OptimizerKind::lion, [](OptimizerConfig& c) { c.beta2 = 0.99; });
  add(OptimizerKind::schedule_free, nothing);
  add(OptimizerKind::prodigy, [](OptimizerConfig& c) { c.beta2 = 0.99; });
  add(OptimizerKind::prodigy, [](OptimizerConfig& c) {
    c.prodigy.bias_correction = c.prodigy.safeguard_warmup = false;
    c.prodigy.growth = 1.5;
    c.prodigy.coefficient = 2;
    c.prodigy.beta3 = 0.9;
  });
  add(OptimizerKind::adafactor, nothing);
  add(OptimizerKind::adafactor, [](OptimizerConfig& c) {
    c.adafactor.beta1 = 0.9;
    c.adafactor.scale_parameter = c.adafactor.relative_step = true;
    c.adafactor.clip_threshold = 0.7;
  });
  add(OptimizerKind::muon, nothing);
  add(OptimizerKind::muon, [](OptimizerConfig& c) {
    c.muon.nesterov = c.muon.match_adamw = false;
    c.muon.momentum = 0.8;
  });
  // Averaged: by a decay that the first updates do not reach, and by one they are always at.
  add(OptimizerKind::adamw, [](OptimizerConfig& c) { c.ema_decay = 0.6; });
  add(OptimizerKind::prodigy, [](OptimizerConfig& c) {
    c.beta2 = 0.99;
    c.ema_decay = 0.15;
  });
  add(OptimizerKind::muon, [](OptimizerConfig& c) { c.ema_decay = 0.999; });
  return out;
}

std::vector<OptimizerConfig> float_optimizers() {
  std::vector<OptimizerConfig> out = all_optimizers();
  for (OptimizerConfig& config : out) config.prodigy.initial = 1e-2;
  return out;
}

const char* name(OptimizerKind kind) {
  constexpr const char* names[] = {"AdamW", "AdamW 8-bit", "Adafactor", "Prodigy", "Lion", "schedule-free AdamW", "Muon"};
  return names[static_cast<size_t>(kind)];
}

OptimizerCase::OptimizerCase(Device& device, DType dtype, const OptimizerConfig& config, const std::vector<OptimizerParameter>& parameters, bool with_shadow)
    : device_(device), layout_(parameters), max_grad_norm_(config.max_grad_norm), params_(device, {flat_size(parameters)}, dtype, "parameters"),
      gradients_(device, {flat_size(parameters)}, dtype, "gradients"), plain_(plain_optimizer(config)) {
  if (with_shadow) shadow_ = Storage(device, {flat_size(parameters)}, DType::bf16, "shadow");
  optimizer_ = std::make_unique<Optimizer>(device, config, parameters, Optimizer::Buffers{params_.tensor(), shadow_.tensor(), gradients_.tensor()});
  Numbers numbers(3);
  std::vector<double> flat(static_cast<size_t>(flat_size(parameters)));
  for (const OptimizerParameter& p : layout_) {
    PlainTensor tensor{static_cast<size_t>(p.shape.rows()), static_cast<size_t>(p.shape.last()), p.matrix, p.rate, p.decay, {}};
    for (int64_t i = 0; i < p.shape.elements(); ++i) {
      const double value = static_cast<double>(static_cast<float>(numbers.next()));
      tensor.w.push_back(value);
      flat[static_cast<size_t>(p.begin + i)] = value;
    }
    start_.push_back(tensor.w);
    tensors_.push_back(tensor);
  }
  write(params_.tensor(), flat);
}

void OptimizerCase::put_gradients(uint64_t seed, double bad) {
  Numbers numbers(seed);
  std::vector<double> flat(static_cast<size_t>(flat_size(layout_)));
  std::vector<Vector> own;
  double norm = 0;
  squares_.assign(layout_.size(), 0);
  for (size_t n = 0; n < layout_.size(); ++n) {
    own.emplace_back();
    for (int64_t i = 0; i < layout_[n].shape.elements(); ++i) {
      // Around a gradient that stays, so that estimates of a distance have something to find.
      const double value = static_cast<double>(static_cast<float>(numbers.next() + 0.5 * start_[n][static_cast<size_t>(i)]));
      own.back().push_back(value);
      flat[static_cast<size_t>(layout_[n].begin + i)] = value;
      norm += value * value;
      squares_[n] += value * value;
    }
  }
  if (bad != 0) flat[flat.size() / 2] = bad;
  write(gradients_.tensor(), flat);
  const double clip = max_grad_norm_ > 0 ? std::min(1.0, max_grad_norm_ / (std::sqrt(norm) + 1e-6)) : 1;
  for (Vector& g : own)
    for (double& value : g) value *= clip;
  gradient_ = own;
}

void OptimizerCase::step(uint64_t seed, double learning_rate) {
  put_gradients(seed, 0);
  optimizer_->begin(learning_rate);
  optimizer_->update();
  device_.synchronize();
  plain_->step(tensors_, gradient_, learning_rate);
}

std::vector<double> OptimizerCase::squares() {
  optimizer_->measure();
  device_.synchronize();
  return {optimizer_->squares(), optimizer_->squares() + layout_.size()};
}

void OptimizerCase::step_with(uint64_t seed, double learning_rate, double bad) {
  put_gradients(seed, bad);
  optimizer_->begin(learning_rate);
  optimizer_->update();
  device_.synchronize();
}

std::vector<double> OptimizerCase::read(const Tensor& flat) const {
  const Storage host = download(device_, flat);
  std::vector<double> out;
  for (int64_t i = 0; i < flat.elements(); ++i) out.push_back(element(host.tensor(), i));
  return out;
}

void OptimizerCase::write(const Tensor& flat, const std::vector<double>& values) {
  const Storage host({flat.elements()}, flat.dtype, "values");
  for (int64_t i = 0; i < flat.elements(); ++i) set_element(host.tensor(), i, values[static_cast<size_t>(i)]);
  upload(device_, flat, host.tensor());
}

std::vector<double> OptimizerCase::parameters() const {
  const std::vector<double> flat = read(params_.tensor());
  std::vector<double> out;
  for (const OptimizerParameter& p : layout_)
    for (int64_t i = 0; i < p.shape.elements(); ++i) out.push_back(flat[static_cast<size_t>(p.begin + i)]);
  return out;
}

std::vector<double> OptimizerCase::plain_parameters() const {
  std::vector<double> out;
  for (const PlainTensor& tensor : tensors_) out.insert(out.end(), tensor.w.begin(), tensor.w.end());
  return out;
}

double OptimizerCase::error() const {
  std::vector<double> start;
  for (const Vector& tensor : start_) start.insert(start.end(), tensor.begin(), tensor.end());
  const std::vector<double> plain = plain_parameters();
  return largest_difference(parameters(), plain) / largest_difference(plain, start);
}

std::vector<unsigned char> OptimizerCase::state() {
  std::vector<unsigned char> out;
  auto append = [&](const void* data, size_t bytes) { out.insert(out.end(), static_cast<const unsigned char*>(data), static_cast<const unsigned char*>(data) + bytes); };
  for (const NamedState& own : optimizer_->tensors()) {
    const Storage copy = download(device_, own.tensor);
    append(copy.data(), static_cast<size_t>(copy.bytes()));
  }
  for (const auto& [name, value] : optimizer_->scalars()) append(&value, sizeof value);
  return out;
}

void OptimizerCase::take(OptimizerCase& other) {
  write(params_.tensor(), other.read(other.params_.tensor()));
  std::map<std::string, HostState> state;
  std::vector<Storage> held;
  for (const NamedState& own : other.optimizer_->tensors()) {
    held.push_back(download(other.device_, own.tensor));
    state[own.name] = {own.tensor.dtype, own.tensor.elements(), held.back().data()};
  }
  optimizer_->restore(state, other.optimizer_->scalars());
  tensors_ = other.tensors_;
}

std::vector<uint16_t> OptimizerCase::shadow() const {
  const Storage host = download(device_, shadow_.tensor());
  std::vector<uint16_t> out;
  for (const OptimizerParameter& p : layout_)
    for (int64_t i = 0; i < p.shape.elements(); ++i) out.push_back(host.tensor().as<uint16_t>()[p.begin + i]);
  return out;
}

}  // namespace ace::test
