#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "autograd/program.h"

namespace ace {

class Tape;

// A value of the traced computation; `node` is -1 where no gradient is wanted.
struct Var {
  Tensor value;
  int32_t node = -1;
  bool needs_grad() const { return node >= 0; }
};

// Where a backward rule writes: `accumulate` says whether the tensor already holds a part of the gradient.
struct GradSlot {
  Tensor tensor;
  bool accumulate = false;
};

// What of a layer is thrown away after the forward pass and made again in the backward pass, thriftier from one to the
// next: nothing; norms and the SwiGLU product; these and the MLP's gate and up; the whole layer.
enum class Recompute : uint8_t { none, cheap, mlp, block };
inline constexpr Recompute kRecomputePolicies[] = {Recompute::none, Recompute::cheap, Recompute::mlp, Recompute::block};
const char* name(Recompute recompute);

// What is recomputed in each layer: the first `layers` under `thrifty`, the others under the next faster one. The first,
// because the backward pass meets them last: by then what the others kept is gone, and what is made again finds room.
struct RecomputePolicy {
  static constexpr int64_t kAllLayers = INT64_MAX;
  Recompute thrifty = Recompute::none;
  int64_t layers = kAllLayers;

  RecomputePolicy(Recompute all = Recompute::none) : thrifty(all) {}
  RecomputePolicy(Recompute first, int64_t layers) : thrifty(first), layers(layers) {}
  Recompute of(int64_t layer) const;
};
// "mlp", "mlp:12". Errors: ERR_CONFIG for another word, for a number of layers below 1, or one with "none".
RecomputePolicy recompute_named(const std::string& text);

// Reverse mode over a Program: operators append their forward calls and leave a backward rule; backward() appends the
// rules' calls in reverse order. The tape lives only while tracing; the Program it leaves knows nothing of it.
class Tape {
 public:
  explicit Tape(Program& program, RecomputePolicy policy = {}, bool gradients = true)
      : program_(program), policy_(policy), gradients_(gradients) {}

  Program& program() { return program_; }
  // What is recomputed of what is being traced: of the block, or after the last block as in it.
  Recompute recompute() const { return policy_.of(std::max<int64_t>(0, blocks_ - 1)); }
  bool gradients() const { return gradients_; }

  Tensor empty(Shape shape, DType dtype, std::string name = {}) { return program_.tensor(shape, dtype, std::move(name)); }

  // A value whose gradient is wanted (an input under test, or the input of a recomputed block).
  Var leaf(Tensor value);
  // A trainable parameter: its gradient is added to `gradient`, which outlives the program.
  Var parameter(Tensor value, Tensor gradient);
  static Var constant(Tensor value) { return Var{value, -1}; }

  // Registers `y` as computed from `inputs`. The rule runs in backward() with y's gradient and must add to the
  // gradient of each input that needs one. Nothing is kept when no input needs a gradient.
  Var record(Tensor y, std::initializer_list<Var> inputs, std::function<void(Tensor dy)> backward);
  Var record(Tensor y, const std::vector<Var>& inputs, std::function<void(Tensor dy)> backward);

  // Columns of y, one piece after another, as values of their own: views, no copies. Their gradients are columns of y's one
  // gradient, so every piece must be reached by the backward pass (ERR_INTERNAL otherwise: a column would hold no number).
  std::vector<Var> split(const Var& y, const std::vector<int64_t>& widths);
  // For an operator that adds to `base` where it lies: the result takes base's memory over, and since d result / d base is
  // one, its gradient too; the rule only adds what the other inputs get. Nobody else may read base.
  Var record_in_place(const Var& base, const std::vector<Var>& inputs, std::function<void(Tensor dy)> backward);

  // Under Recompute::cheap and mlp, `value` is not kept for the backward pass but made again by `remake` on first need.
  void cheap(const Var& value, std::function<Tensor()> remake);
  // The value as a backward rule may use it: kept, or made again.
  Tensor saved(const Var& value);

  // Where the gradient of x is to be written. x must need a gradient.
  GradSlot grad(const Var& x);
  // x's gradient += dy without a copy where possible: x takes dy over until somebody adds to it.
  void pass_grad(const Var& x, Tensor dy);

  // Appends the backward pass that starts from d(loss)/d(root) = droot. `may_overwrite`: droot's memory may be reused.
  void backward(const Var& root, Tensor droot, bool may_overwrite = false);
  // The gradient of a leaf after backward(); not given when none reached it.
  Tensor gradient(const Var& x) const;

  // The body runs more than once: it must give the same calls each time and own what it captures.
  using Body = std::function<Var(Tape&, const Var&)>;
  // A layer. Runs `body` now and, under Recompute::block, again in the backward pass instead of keeping its insides.
  Var block(const Var& x, const Body& body);
  // The same under Recompute::mlp, where the result is not kept either: saved() makes it again with the insides.
  Var wide_part(const Var& x, const Body& body);

  // Names a tensor for the golden tests: kept alive and findable after the run.
  void probe(const std::string& name, const Tensor& tensor);
  // Names the gradient of a value likewise.
  void probe_grad(const std::string& name, const Var& value);
  void set_probes(std::unordered_map<std::string, Tensor>* probes) { probes_ = probes; }
  bool probing() const { return probes_ != nullptr; }

 private:
  struct Node {
    Tensor value;
    Tensor grad;
    bool has_grad = false;
    bool parameter = false;
    int32_t host = -1;   // the node in whose gradient this one's lies, from column `column` on
    int64_t column = 0;
    std::vector<int32_t> pieces;  // the nodes whose gradients lie side by side in this one's
    std::string probe;
  };
  struct Record {
    int32_t output;
    std::function<void(Tensor)> backward;
  };
  struct Rerun;
  int32_t add_node(Tensor value);
  // The memory for a node's gradient: its own, or its columns of its host's.
  Tensor place(int32_t node);
  void adopt(int32_t node, Tensor dy);
  void release(Node& node);
  Var run_again(const Var& x, const Body& body, bool keep_result);

  Program& program_;
  RecomputePolicy policy_;
  int64_t blocks_ = 0;  // begun so far
  bool gradients_;
  bool met_parameter_ = false;
  std::vector<Node> nodes_;
  std::vector<Record> records_;
  std::unordered_map<int32_t, int> holders_;  // gradient buffer -> how many nodes hold it
  std::unordered_map<int32_t, std::function<Tensor()>> remakes_;
  std::unordered_map<int32_t, Tensor> remade_;
  std::unordered_map<std::string, Tensor>* probes_ = nullptr;
};

}  // namespace ace
