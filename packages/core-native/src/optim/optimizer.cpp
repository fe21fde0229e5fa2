#include "optim/optimizer.h"

#include <cmath>
#include <cstddef>
#include <cstring>

#include "ops/kernels.h"
#include "optim/dynamic_codes.h"

namespace ace {

namespace {

template <class Row>
std::vector<int64_t> words_of(const std::vector<Row>& rows) {
  std::vector<int64_t> out(rows.size() * sizeof(Row) / sizeof(int64_t));
  if (!rows.empty()) std::memcpy(out.data(), rows.data(), rows.size() * sizeof(Row));
  return out;
}

}  // namespace

Optimizer::Optimizer(Device& device, const OptimizerConfig& config, std::vector<OptimizerParameter> parameters, const Buffers& buffers)
    : device_(device), config_(config), table_(std::move(parameters)), buffers_(buffers), begin_(device.kind()), update_(device.kind()),
      abandon_(device.kind()), measure_(device.kind()), staging_(device), squares_back_(device) {
  if (config_.prodigy.beta3 == 0) config_.prodigy.beta3 = std::sqrt(config.beta2);
  state_ = Storage(device_, {kOptimizerStateDoubles}, DType::f64, "optimizer state");
  bytes_ += state_.bytes();
  staging_.reserve(sizeof(OptimizerState), "optimizer state");
  scalars_ = {{"updates", &OptimizerState::updates}};
  update_.call<kernels::grad_norm>(state(), buffers_.gradients, flat(DType::f64, kNormParts, "optimizer state"));
  tiles_ = table(words_of(table_.tiles), kTileWords);
  build_update();
  if (config_.ema_decay != 0) build_average();
  update_.call<kernels::count_update>(state());
  squares_ = flat(DType::f64, static_cast<int64_t>(table_.spans.size()), "optimizer state");
  squares_back_.reserve(squares_.bytes(), "gradient norms");
  measure_.call<kernels::span_squares>(squares_, buffers_.gradients, spans_);
  for (Program* program : {&begin_, &update_, &abandon_, &measure_}) bind(*program);
}

void Optimizer::bind(Program& program) {
  program.plan();
  program.bind(nullptr);
}

Tensor Optimizer::flat(DType dtype, int64_t count, const char* what) {
  if (count == 0) return {};
  memory_.emplace_back(device_, Shape{count}, dtype, what);
  bytes_ += memory_.back().bytes();
  return memory_.back().tensor();
}

Tensor Optimizer::table(const std::vector<int64_t>& words, int64_t width) {
  const Tensor out = flat(DType::i64, static_cast<int64_t>(words.size()), "optimizer table");
  if (!out.given()) return {};
  device_.upload(out.data, words.data(), out.bytes());
  return out.reshaped({static_cast<int64_t>(words.size()) / width, width});
}

void Optimizer::name_flat(const std::string& prefix, const Tensor& buffer) {
  for (const OptimizerParameter& p : table_.parameters) name(prefix, p, buffer.slice(p.begin, p.shape.elements()).reshaped(p.shape));
}

void Optimizer::build_update() {
  const auto& [params, shadow, gradients] = buffers_;
  auto moment = [&](const char* prefix) {
    const Tensor out = flat(params.dtype, params.elements(), "optimizer state");
    name_flat(prefix, out);
    return out;
  };
  auto spans = [&] { return spans_ = table(words_of(table_.spans), kOptimizerSpanWords); };
  switch (config_.kind) {
    case OptimizerKind::adamw: {
      const Tensor mean = moment("exp_avg."), squares = moment("exp_avg_sq.");
      return update_.call<kernels::adamw>(params, mean, squares, gradients, state(), spans(), tiles_, shadow);
    }
    case OptimizerKind::lion:
      return update_.call<kernels::lion>(params, moment("exp_avg."), gradients, state(), spans(), tiles_, shadow);
    case OptimizerKind::schedule_free: {
      const Tensor squares = moment("exp_avg_sq.");
      start_ = moment("z.");
      average_ = flat(params.dtype, params.elements(), "optimizer state");
      scalars_.insert(scalars_.end(), {{"largest_rate", &OptimizerState::largest_rate}, {"weight_sum", &OptimizerState::weight_sum}});
      begin_.call<kernels::schedule_free_begin>(params, start_, average_, state(), shadow);
      abandon_.call<kernels::copy>(params, average_);
      if (shadow.given()) abandon_.call<kernels::shadow>(shadow, params);
      return update_.call<kernels::schedule_free>(params, start_, squares, average_, gradients, state(), spans(), tiles_, shadow);
    }
    case OptimizerKind::prodigy: {
      const Tensor mean = moment("exp_avg."), squares = moment("exp_avg_sq."), sum = moment("s.");
      start_ = moment("initial.");
      scalars_.insert(scalars_.end(), {{"distance", &OptimizerState::distance},
                                       {"largest_distance", &OptimizerState::largest_distance},
                                       {"distance_numerator", &OptimizerState::distance_numerator}});
      const auto tiles = static_cast<int64_t>(table_.tiles.size());
      return update_.call<kernels::prodigy>(params, mean, squares, sum, start_, gradients, state(), spans(), tiles_,
                                            flat(DType::f64, 2 * tiles, "optimizer state"), shadow, config_.prodigy);
    }
    case OptimizerKind::adamw8bit: return build_adamw8();
    case OptimizerKind::adafactor: return build_adafactor();
    case OptimizerKind::muon: return build_muon();
  }
}

void Optimizer::build_average() {
  const auto& [params, shadow, gradients] = buffers_;
  const double decay = config_.ema_decay;
  if (!(decay > 0 && decay < 1)) throw Error(ErrorCode::config, "emaDecay: expected 0 or a number between 0 and 1, got " + std::to_string(decay));
  if (config_.kind == OptimizerKind::schedule_free)
    throw Error(ErrorCode::config, "emaDecay: the schedule-free optimizer keeps an average of its own");
  trained_ = flat(params.dtype, params.elements(), "optimizer state");
  name_flat("trained.", trained_);
  begin_.call<kernels::exchange>(params, trained_, shadow);
  abandon_.call<kernels::exchange>(params, trained_, shadow);
  update_.call<kernels::average>(params, trained_, state(), shadow, decay);
}

void Optimizer::build_adamw8() {
  const auto& [params, shadow, gradients] = buffers_;
  std::vector<float> codes = dynamic_codes(true);
  for (const float code : dynamic_codes(false)) codes.push_back(code);
  const Tensor code_table = flat(DType::f32, static_cast<int64_t>(codes.size()), "optimizer table");
  device_.upload(code_table.data, codes.data(), code_table.bytes());
  auto quantised = [&](const std::string& prefix) {
    const Tensor bytes = flat(DType::u8, params.elements(), "optimizer state"), scales = flat(DType::f32, table_.blocks, "optimizer state");
    for (size_t i = 0; i < table_.parameters.size(); ++i) {
      const OptimizerParameter& p = table_.parameters[i];
      const int64_t end = i + 1 < table_.first_block.size() ? table_.first_block[i + 1] : table_.blocks;
      name(prefix + "8.", p, bytes.slice(p.begin, p.shape.elements()).reshaped(p.shape));
      name(prefix + "_scale.", p, scales.slice(table_.first_block[i], end - table_.first_block[i]));
    }
    return std::pair{bytes, scales};
  };
  const auto mean = quantised("exp_avg"), squares = quantised("exp_avg_sq");
  spans_ = table(words_of(table_.spans), kOptimizerSpanWords);
  update_.call<kernels::adamw8>(params, mean.first, mean.second, squares.first, squares.second, gradients, state(), spans_, tiles_,
                                code_table.reshaped({2, code_table.elements() / 2}), shadow);
}

void Optimizer::build_adafactor() {
  const auto& [params, shadow, gradients] = buffers_;
  int64_t count = 0;
  for (OptimizerSpan& span : table_.spans) {
    span.second = count;
    count += span.matrix != 0 ? span.rows + span.columns : span.count();
  }
  const Tensor second = flat(params.dtype, count, "optimizer state");
  for (size_t i = 0; i < table_.spans.size(); ++i) {
    const OptimizerSpan& span = table_.spans[i];
    const OptimizerParameter& p = table_.parameters[i];
    if (span.matrix == 0) {
      name("exp_avg_sq.", p, second.slice(span.second, span.count()).reshaped(p.shape));
      continue;
    }
    name("row.", p, second.slice(span.second, span.rows));
    name("column.", p, second.slice(span.second + span.rows, span.columns));
  }
  Tensor mean;
  if (config_.adafactor.beta1 > 0) name_flat("exp_avg.", mean = flat(params.dtype, params.elements(), "optimizer state"));
  spans_ = table(words_of(table_.spans), kOptimizerSpanWords);
  const Tensor pieces = table(words_of(table_.row_and_column_pieces()), kPieceWords);
  const Tensor sums = flat(DType::f64, 2 * static_cast<int64_t>(table_.tiles.size()), "optimizer state");
  const Tensor factors = flat(DType::f64, static_cast<int64_t>(table_.spans.size()), "optimizer state");
  update_.call<kernels::adafactor>(params, second, mean, gradients, state(), spans_, tiles_, pieces, sums, factors, shadow, config_.adafactor);
}

void Optimizer::build_muon() {
  const auto& [params, shadow, gradients] = buffers_;
  int64_t vectors = 0, squares = 0;
  for (OptimizerSpan& span : table_.spans) {
    span.second = vectors;
    span.gram = squares;
    if (span.matrix == 0) vectors += span.count();
    else squares += span.shorter() * span.shorter();
  }
  const Tensor momentum = flat(params.dtype, params.elements(), "optimizer state"), second = flat(params.dtype, vectors, "optimizer state");
  for (size_t i = 0; i < table_.spans.size(); ++i) {
    const OptimizerParameter& p = table_.parameters[i];
    const int64_t count = p.shape.elements();
    name(p.matrix ? "momentum." : "exp_avg.", p, momentum.slice(p.begin, count).reshaped(p.shape));
    if (!p.matrix) name("exp_avg_sq.", p, second.slice(table_.spans[i].second, count).reshaped(p.shape));
  }
  spans_ = table(words_of(table_.spans), kOptimizerSpanWords);
  const Tensor gram_pieces = table(words_of(table_.product_pieces(true)), kPieceWords);
  const Tensor strip_pieces = table(words_of(table_.product_pieces(false)), kPieceWords);
  const Tensor iterate = flat(params.dtype, 2 * params.elements(), "optimizer state"), grams = flat(params.dtype, 2 * squares, "optimizer state");
  const Tensor sums = flat(DType::f64, static_cast<int64_t>(table_.tiles.size()), "optimizer state");
  const Tensor norms = flat(DType::f64, static_cast<int64_t>(table_.spans.size()), "optimizer state");
  update_.call<kernels::muon>(params, momentum, second, gradients, state(), spans_, tiles_, gram_pieces, strip_pieces, iterate, grams, sums, norms,
                              shadow, config_.muon);
}

void Optimizer::start() {
  if (started_) return;
  started_ = true;
  if (trained_.given()) device_.copy(trained_.data, buffers_.params.data, trained_.bytes());
  if (start_.given()) device_.copy(start_.data, buffers_.params.data, start_.bytes());
  if (config_.kind != OptimizerKind::prodigy) return;
  const double first[] = {config_.prodigy.initial, config_.prodigy.initial};
  static_assert(offsetof(OptimizerState, largest_distance) == offsetof(OptimizerState, distance) + sizeof(double));
  device_.upload(static_cast<char*>(state_.data()) + offsetof(OptimizerState, distance), first, sizeof first);
}

void Optimizer::begin(double learning_rate) {
  start();
  OptimizerState& s = *reinterpret_cast<OptimizerState*>(staging_.data());
  s.learning_rate = learning_rate;
  s.beta1 = config_.beta1;
  s.beta2 = config_.beta2;
  s.epsilon = config_.epsilon;
  s.weight_decay = config_.weight_decay;
  s.max_grad_norm = config_.max_grad_norm;
  s.loss_finite = 1;
  device_.upload_async(state_.data(), &s, offsetof(OptimizerState, updates));
  begin_.run(device_.stream());
}

void Optimizer::update() {
  update_.run(device_.stream());
  device_.download_async(staging_.data(), state_.data(), sizeof(OptimizerState));
}

void Optimizer::measure() {
  measure_.run(device_.stream());
  device_.download_async(squares_back_.data(), squares_.data, squares_.bytes());
}

void Optimizer::abandon() { abandon_.run(device_.stream()); }

std::vector<NamedState> Optimizer::tensors() {
  start();
  return named_;
}

std::map<std::string, double> Optimizer::scalars() {
  start();
  OptimizerState s{};
  device_.download(&s, state_.data(), sizeof s);
  std::map<std::string, double> out;
  for (const auto& [name, field] : scalars_) out[name] = s.*field;
  return out;
}

void Optimizer::restore(const std::map<std::string, HostState>& tensors, const std::map<std::string, double>& scalars) {
  auto refuse = [](const std::string& message) { throw Error(ErrorCode::checkpoint, "optimizer state: " + message); };
  for (const NamedState& own : named_) {
    const auto found = tensors.find(own.name);
    if (found == tensors.end()) refuse(own.name + " is missing");
    if (found->second.dtype != own.tensor.dtype)
      refuse(own.name + " is " + ace::name(found->second.dtype) + ", the optimizer keeps " + ace::name(own.tensor.dtype));
    if (found->second.count != own.tensor.elements())
      refuse(own.name + " has " + std::to_string(found->second.count) + " numbers, the adapter " + own.tensor.shape.text());
  }
  if (named_.size() != tensors.size()) refuse("it holds tensors of another adapter or optimizer");
  OptimizerState s{};
  for (const auto& [name, field] : scalars_) {
    const auto found = scalars.find(name);
    if (found == scalars.end()) refuse(name + " is missing");
    s.*field = found->second;
  }
  if (scalars_.size() != scalars.size()) refuse("it holds numbers of another optimizer");
  started_ = true;
  for (const NamedState& own : named_) device_.upload(own.tensor.data, tensors.at(own.name).data, own.tensor.bytes());
  device_.upload(state_.data(), &s, sizeof s);
}

}  // namespace ace
