// Linears of one input as one product: the same numbers as apart, whatever sits on them, and the same gradients.
#include "adapter/low_rank.h"
#include "adapter/one_module.h"

using namespace ace;
using namespace ace::test;

namespace {

// Each with its own products; all A together and the frozen weights apart; everything in one product.
enum class Form { apart, low, stacked };

// Three linears [7, in], [4, in], [4, in] with adapters on some of them, then mixed into one output.
class Stack {
 public:
  Stack(AdapterConfig config, std::vector<std::string> wrapped, DType dtype = DType::f64, int64_t in = 10)
      : in_(in), weight_({15, in}, dtype, "weight"), pool_(1) {
    Numbers numbers(31);
    for (int64_t i = 0; i < 15 * in; ++i) set_number(weight_.tensor(), i, static_cast<float>(numbers.next() / 3));
    config.target_modules = std::move(wrapped);
    std::vector<AdapterTarget> targets;
    int64_t row = 0;
    for (const auto& [path, out] : {std::pair{"layers.0.self_attn.q_proj", 7}, {"layers.0.self_attn.k_proj", 4}, {"layers.0.self_attn.v_proj", 4}}) {
      parts_.push_back({path, weight_.tensor().slice(row, out)});
      targets.push_back({path, parts_.back().weight, "qkv"});
      row += out;
    }
    adapter_ = std::make_unique<Adapter>(config, targets, 5, dtype, cpu_device());
    gradients_ = Storage({adapter_->parameter_count()}, dtype, "gradients");
    counters_ = Storage({8}, DType::i64, "counters");
    for (int64_t i = 0; i < 8; ++i) counters_.tensor().as<int64_t>()[i] = 17 * i + 3;
    for (const auto& [name, value] : adapter_->named(adapter_->parameters())) {
      const bool magnitude = name.find("magnitude") != std::string::npos || name.find("dora_scale") != std::string::npos;
      for (int64_t i = 0; i < value.elements(); ++i)
        set_number(value, i, magnitude ? number_at(value, i) * (1 + 0.2 * numbers.next()) : 0.5 * numbers.next());
    }
  }

  OpBody body(Form form) const {
    return [this, form](OpCase& c) {
      AdapterUse use{adapter_.get(), {}};
      use.pass.parameters = adapter_->parameters();
      use.pass.gradients = gradients_.tensor();
      use.pass.counters = counters_.tensor();
      std::vector<Var> parts;
      if (form == Form::apart)
        for (const StackedPart& part : parts_) parts.push_back(project(c.tape, part.path, part.weight, c.x[0], {use}));
      else parts = project_stacked(c.tape, parts_, form == Form::stacked ? weight_.tensor() : Tensor{}, c.x[0], {use});
      Var y;
      for (size_t i = 0; i < parts.size(); ++i) {
        const Var mixed = linear(c.tape, parts[i], c.frozen({6, parts_[i].weight.shape[0]}));
        y = i == 0 ? mixed : gate_add(c.tape, y, mixed);
      }
      return y;
    };
  }
  std::vector<Tracked> tracked() const {
    std::vector<Tracked> out;
    const auto gradients = adapter_->named(gradients_.tensor());
    for (const auto& [name, value] : adapter_->named(adapter_->parameters())) out.push_back({name, value, gradients.at(name)});
    return out;
  }
  // The output, the gradient of x and all parameters' gradients.
  std::vector<std::vector<double>> run(Form form, std::string* calls = nullptr, std::vector<CallCost>* costs = nullptr) {
    clear(gradients_.tensor());
    OpRun one(weight_.tensor().dtype, {{{2, 5, in_}}}, body(form), true, 1, Recompute::none);
    (void)one.run(pool_);
    if (calls != nullptr) *calls = one.program().describe();
    if (costs != nullptr) *costs = one.program().costs();
    return {one.output(), one.gradient(0), numbers_of(gradients_.tensor())};
  }
  int64_t in() const { return in_; }

 private:
  int64_t in_;
  std::vector<StackedPart> parts_;
  Storage weight_;
  ThreadPool pool_;
  std::unique_ptr<Adapter> adapter_;
  Storage gradients_, counters_;
};

const std::vector<std::string> kAll = {"q_proj", "k_proj", "v_proj"}, kSome = {"q_proj", "v_proj"};

struct Kind {
  std::string name;
  AdapterConfig config;
};
std::vector<Kind> kinds() {
  std::vector<Kind> out;
  for (const AdapterKind kind : {AdapterKind::lora, AdapterKind::dora, AdapterKind::lokr, AdapterKind::loha})
    for (const bool other : {false, true}) {
      AdapterConfig config = adapter_config(kind, 2, 3);
      const bool peft = Adapter::is_peft(kind);
      if (peft) config.dropout = other ? 0.4 : 0;
      else config.weight_decompose = other;
      out.push_back({std::to_string(static_cast<int>(kind)) + (other ? peft ? " dropout" : " decomposed" : ""), config});
    }
  AdapterConfig rank_dropout = adapter_config(AdapterKind::lokr, 2, 3);
  rank_dropout.rank_dropout = 0.4;
  out.push_back({"lokr rank dropout", rank_dropout});
  rank_dropout.kind = AdapterKind::loha;
  out.push_back({"loha rank dropout", rank_dropout});
  return out;
}

int count(const std::string& text, const std::string& word) {
  int out = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++out;
  return out;
}

}  // namespace

TEST("linears of one input give the same numbers stacked as apart, with every kind of adapter on all or some") {
  for (const Kind& kind : kinds())
    for (const auto& wrapped : {kAll, kSome}) {
      CONTEXT(kind.name << " on " << wrapped.size());
      Stack stack(kind.config, wrapped);
      const auto apart = stack.run(Form::apart);
      for (const Form form : {Form::low, Form::stacked}) {
        const auto together = stack.run(form);
        for (size_t i = 0; i < apart.size(); ++i) {
          CONTEXT("tensor " << i);
          CHECK_NEAR(largest_difference(apart[i], together[i]) / largest(apart[i]), 0, 1e-13);
        }
      }
    }
}

TEST("stacked linears differentiate, with every kind of adapter") {
  for (const Kind& kind : kinds()) {
    if (kind.config.kind == AdapterKind::dora) continue;  // its norm is a constant: held to the unstacked form above
    for (const auto& wrapped : {kAll, kSome}) {
      Stack stack(kind.config, wrapped);
      OpOptions options;
      options.tracked = stack.tracked();
      for (const Form form : {Form::low, Form::stacked}) {
        check_op(kind.name, {{{2, 5, stack.in()}}}, stack.body(form), options);
        check_op(kind.name + ", x constant", {{{1, 3, stack.in()}, false}}, stack.body(form), options);
      }
    }
  }
}

TEST("a stack of low-rank changes takes one frozen product and one product with all A, forward and backward") {
  for (const AdapterKind kind : {AdapterKind::lora, AdapterKind::dora}) {
    std::string apart, low, together;
    Stack stack(adapter_config(kind, 2, 3), kAll);
    (void)stack.run(Form::apart, &apart);
    (void)stack.run(Form::low, &low);
    (void)stack.run(Form::stacked, &together);
    // One product instead of three: for h, dA and A's part of dx; then for y and W's part of dx too.
    CHECK_EQ(count(apart, "matmul") - count(low, "matmul"), 6);
    CHECK_EQ(count(low, "matmul") - count(together, "matmul"), 4);
    CHECK(together.find("[6, 10]") != std::string::npos);
  }
}

TEST("a change that needs no frozen product is written before it, and the product alone adds: all columns of a stack so or none") {
  // Of the calls that write rows of the linears, [2, 5, .], those that add to what is there already.
  const auto adding = [](const AdapterConfig& config, const std::vector<std::string>& wrapped, Form form) {
    Stack stack(config, wrapped);
    std::vector<CallCost> costs;
    (void)stack.run(form, nullptr, &costs);
    int changes = 0, frozen = 0;
    for (const CallCost& cost : costs) {
      const bool row = cost.name.find(" b^T") != std::string::npos && cost.name.find("+=") != std::string::npos;
      const bool whole = cost.name.find("] [2, 5, 10] [") != std::string::npos;  // from x itself: W's product
      (whole ? frozen : changes) += row ? 1 : 0;
    }
    return std::pair{changes, frozen};
  };
  const AdapterConfig lora = adapter_config(AdapterKind::lora, 2, 3), dora = adapter_config(AdapterKind::dora, 2, 3);
  CHECK(adding(lora, kAll, Form::stacked) == std::pair(0, 1));
  CHECK(adding(lora, kAll, Form::low) == std::pair(0, 3));
  CHECK(adding(lora, kAll, Form::apart) == std::pair(0, 3));
  CHECK(adding(lora, kSome, Form::stacked) == std::pair(2, 0));
  CHECK(adding(lora, kSome, Form::apart) == std::pair(0, 2));
  CHECK(adding(dora, kAll, Form::stacked) == std::pair(3, 0));  // its magnitude needs the sum at once
}
