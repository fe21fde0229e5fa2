// An optimiser over a few tensors on any device, beside its plain twin in double.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "optim/optimizer.h"
#include "optim/plain.h"
#include "tensor/device.h"

namespace ace::test {

// Flat buffers as an adapter lays them out: matrices wide and high, a row, a column, a number; some begin where no vector
// access is aligned; rules of their own.
std::vector<OptimizerParameter> odd_parameters();
// A few whose shapes are those of an adapter of rank 4.
std::vector<OptimizerParameter> small_parameters();
// Each kind with the settings that its test wants to see at work.
std::vector<OptimizerConfig> all_optimizers();
// The same for float32: Prodigy's estimate comes from how far the weights are from their start, which float32 does not
// know while that is 1e-6.
std::vector<OptimizerConfig> float_optimizers();
const char* name(OptimizerKind kind);

class OptimizerCase {
 public:
  OptimizerCase(Device& device, DType dtype, const OptimizerConfig& config, const std::vector<OptimizerParameter>& parameters, bool with_shadow = false);

  // One step of both along gradients drawn from `seed`, which the plain one gets clipped.
  void step(uint64_t seed, double learning_rate);
  // The same with one gradient replaced: the optimiser's step alone.
  void step_with(uint64_t seed, double learning_rate, double bad);

  std::vector<double> parameters() const;
  std::vector<double> plain_parameters() const;
  // Sum of squares of each tensor's gradient in the last step, before clipping: ours, and the plain sums.
  std::vector<double> squares();
  std::vector<double> plain_squares() const { return squares_; }
  // Largest |ours - plain| over the largest |plain - start|: how wrong the way is that the weights have gone.
  double error() const;
  // Every byte of the state, tensor after tensor, the numbers last.
  std::vector<unsigned char> state();
  // The parameters and all state of another case.
  void take(OptimizerCase& other);
  Optimizer& optimizer() { return *optimizer_; }
  std::vector<uint16_t> shadow() const;

 private:
  void put_gradients(uint64_t seed, double bad);
  std::vector<double> read(const Tensor& flat) const;
  void write(const Tensor& flat, const std::vector<double>& values);

  Device& device_;
  std::vector<OptimizerParameter> layout_;
  double max_grad_norm_;
  Storage params_, shadow_, gradients_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<PlainOptimizer> plain_;
  std::vector<PlainTensor> tensors_;
  std::vector<Vector> start_, gradient_;
  std::vector<double> squares_;
};

}  // namespace ace::test
