// The optimisers as their papers write them, in double, tensor by tensor, on one thread: what ours are held to.
#pragma once
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "optim/config.h"

namespace ace::test {

using Vector = std::vector<double>;

struct PlainTensor {
  size_t rows, columns;
  bool matrix;
  double rate, decay;  // factors
  Vector w;
};

class PlainOptimizer {
 public:
  explicit PlainOptimizer(const OptimizerConfig& config) : config(config) {}
  virtual ~PlainOptimizer() = default;
  // g: one gradient a tensor, clipped already.
  virtual void step(std::vector<PlainTensor>& tensors, const std::vector<Vector>& g, double rate) = 0;
  // Where the gradient is taken; the weights themselves but for schedule-free.
  virtual Vector point(const std::vector<PlainTensor>& tensors, size_t i) const { return tensors[i].w; }

  OptimizerConfig config;
  int t = 0;  // steps done
};

std::unique_ptr<PlainOptimizer> plain_optimizer(const OptimizerConfig& config);

}  // namespace ace::test
