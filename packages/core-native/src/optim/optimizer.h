#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "autograd/program.h"
#include "optim/config.h"
#include "optim/table.h"
#include "tensor/staging.h"
#include "tensor/storage.h"

namespace ace {

// A piece of an optimiser's state under the name it has in a checkpoint: "exp_avg." + the parameter's file name.
struct NamedState {
  std::string name;
  Tensor tensor;
};

// The same as plain numbers of main memory, to be imported.
struct HostState {
  DType dtype;
  int64_t count;
  const void* data;
};

// One optimiser over an adapter's flat buffers: its state, and the kernel calls of an update. Everything is allocated when
// it is made; a step allocates nothing and reads nothing back.
class Optimizer {
 public:
  struct Buffers {
    Tensor params, shadow, gradients;  // flat; shadow may be not given
  };
  Optimizer(Device& device, const OptimizerConfig& config, std::vector<OptimizerParameter> parameters, const Buffers& buffers);

  // OptimizerState on the device: the pass tells it of a loss that is not finite.
  Tensor state() const { return state_.tensor(); }
  // Bytes of all its memory on the device.
  int64_t bytes() const { return bytes_; }

  // Before a step's gradients are formed: uploads what is new, and makes the parameters those to train at.
  void begin(double learning_rate);
  // After them: queues clipping, the update, and the state on its way back.
  void update();
  // Instead of update(), when a step failed in between: the parameters are again what they were before begin().
  void abandon();
  // Beside update(), where somebody looks: queues the sum of squares of each parameter's gradient, in the order of the
  // parameters, for squares() once the device was waited for.
  void measure();
  const double* squares() const { return reinterpret_cast<const double*>(squares_back_.data()); }
  // How the last update went, once the device was waited for.
  const OptimizerState& result() const { return *reinterpret_cast<const OptimizerState*>(staging_.data()); }

  // What a checkpoint holds beside the parameters: tensors on the device, and scalars.
  std::vector<NamedState> tensors();
  std::map<std::string, double> scalars();
  // Goes on from there, bit for bit. Errors: ERR_CHECKPOINT, with nothing changed, when it belongs to another optimiser or adapter.
  void restore(const std::map<std::string, HostState>& tensors, const std::map<std::string, double>& scalars);

 private:
  Tensor flat(DType dtype, int64_t count, const char* what);
  Tensor table(const std::vector<int64_t>& words, int64_t width);
  // Every parameter's part of a buffer laid out like the parameters.
  void name_flat(const std::string& prefix, const Tensor& buffer);
  void name(const std::string& prefix, const OptimizerParameter& parameter, const Tensor& tensor) { named_.push_back({prefix + parameter.name, tensor}); }
  void build_update();
  void build_average();
  void build_adamw8();
  void build_adafactor();
  void build_muon();
  void bind(Program& program);
  // The starting point, taken when it is first needed: parameters may be loaded after the optimiser was made.
  void start();

  Device& device_;
  OptimizerConfig config_;
  OptimizerTable table_;
  Buffers buffers_;
  Storage state_;
  std::vector<Storage> memory_;
  int64_t bytes_ = 0;
  std::vector<NamedState> named_;
  std::vector<std::pair<std::string, double OptimizerState::*>> scalars_;
  Tensor spans_, tiles_;
  Tensor start_;    // a buffer that begins as the parameters do; may be not given
  Tensor average_;  // the parameters while begin() has replaced them; may be not given
  Tensor trained_;  // what is trained, between steps, where the parameters are its average; may be not given
  Tensor squares_;
  Program begin_, update_, abandon_, measure_;
  Staging staging_;  // OptimizerState on its way up and down
  Staging squares_back_;
  bool started_ = false;
};

}  // namespace ace
