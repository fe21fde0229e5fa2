#pragma once
#include <memory>
#include <string>
#include <vector>

#include "adapter/config.h"
#include "autograd/tape.h"

namespace ace {

// How a fresh parameter is filled.
enum class Init : uint8_t { zero, kaiming_uniform, normal, row_norm };

// One trainable tensor of a module: its file suffix and its place in the adapter's flat storage.
struct AdapterParameter {
  std::string suffix;  // "lora_A.weight", "lokr_w1", ...
  Shape shape;
  Init init = Init::zero;
  double deviation = 1;   // of Init::normal
  int64_t offset = 0;     // in elements
  // Only matrix products read a bf16 shadow: a magnitude, which divides by a float32 norm, is read from the master.
  bool shadowed() const { return init != Init::row_norm; }
};

// What an adapter needs to know of the pass it takes part in.
struct AdapterPass {
  Tensor parameters;  // flat, fixed memory
  Tensor shadow;      // its bf16 copy, laid out alike; given where activations are bf16
  Tensor gradients;   // flat, or not given: no gradient is wanted
  Tensor counters;    // seed, step, sample keys: given while training, so dropout is active
  double strength = 1;  // multiplies the whole change
  // base's memory holds nothing yet: the change is written there instead of added, and x W^T is added to it afterwards.
  bool first = false;
};

// The change one adapter makes to one frozen linear y = x W^T (no bias: the decoder's targets have none).
class AdapterModule {
 public:
  AdapterModule(std::string path, int index, const AdapterConfig& config, int64_t rank, double alpha, int64_t out, int64_t in);
  virtual ~AdapterModule() = default;

  const std::string& path() const { return path_; }
  int index() const { return index_; }
  double alpha() const { return alpha_; }
  int64_t rank() const { return rank_; }
  double scale() const { return scale_; }
  std::vector<AdapterParameter>& parameters() { return parameters_; }
  const std::vector<AdapterParameter>& parameters() const { return parameters_; }

  // False where the changed weight is formed whole, so that the frozen product x W^T is not needed.
  virtual bool wants_base(const AdapterPass&) const { return true; }
  // True where the change does not depend on W, so that several such adapters may follow each other on one product.
  virtual bool additive() const { return true; }
  // True where the change can be the first of the two summands: AdapterPass::first.
  virtual bool can_be_first(const AdapterPass&) const { return false; }
  // y for x [.., in] from `base` = x W^T (not given where it is not wanted), whose memory y may take over.
  virtual Var forward(Tape& tape, Tensor weight, const Var& base, const Var& x, const AdapterPass& pass) const = 0;

  // Of a change that begins with a plain product h = x A^T in this pass: A's place, else null. The products of modules with
  // one x can then be one (project_stacked), and forward_low() goes on from this module's columns of h [.., rank].
  virtual const AdapterParameter* first_factor(const AdapterPass&) const { return nullptr; }
  virtual Var forward_low(Tape& tape, Tensor weight, const Var& base, const Var& h, const AdapterPass& pass) const;
  // W' [out, in] such that y = x W'^T at full strength and without dropout, in the compute type.
  virtual Tensor merged(Tape& tape, Tensor weight, const AdapterPass& pass) const = 0;

  // `shape` numbers of the flat parameters from `offset` on as a variable of the pass.
  static Var variable(Tape& tape, const AdapterPass& pass, int64_t offset, Shape shape, bool shadowed, const std::string& name);

 protected:
  // Parameter `i` as a variable of the pass. Its value may be the bf16 shadow; its gradient is the flat gradients' own view.
  Var parameter(Tape& tape, const AdapterPass& pass, size_t i) const;
  void add_parameter(std::string suffix, Shape shape, Init init, double deviation = 1);
  // W in the compute type plus delta.
  Tensor added(Tape& tape, Tensor weight, Tensor delta) const;

  std::string path_;
  int index_;
  AdapterConfig config_;
  int64_t rank_;
  double alpha_;
  double scale_;
  int64_t out_, in_;
  std::vector<AdapterParameter> parameters_;
};

std::unique_ptr<AdapterModule> make_lora(std::string path, int index, const AdapterConfig& config, int64_t rank, double alpha, int64_t out, int64_t in);
std::unique_ptr<AdapterModule> make_lokr(std::string path, int index, const AdapterConfig& config, int64_t rank, double alpha, int64_t out, int64_t in);
std::unique_ptr<AdapterModule> make_loha(std::string path, int index, const AdapterConfig& config, int64_t rank, double alpha, int64_t out, int64_t in);
std::unique_ptr<AdapterModule> make_probe(std::string path, int index, const AdapterConfig& config, int64_t out, int64_t in);

}  // namespace ace
