#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tensor/safetensors.h"
#include "tensor/storage.h"

namespace ace {

// Where a model's weights come from; what is fetched lives as long as the source.
class Weights {
 public:
  virtual ~Weights() = default;

  // A matrix in its file's dtype, kept once: the products convert it while packing.
  Tensor matrix(const std::string& name, Shape shape);
  // A small tensor (norms, tables, biases) in the compute type.
  Tensor converted(const std::string& name, Shape shape, DType dtype);
  // [a, b, c] as [a', ...] with permuted axes, reshaped, in the file's dtype: convolution weights become matrices.
  Tensor permuted(const std::string& name, Shape shape, const std::array<int, 3>& axes, Shape as);

  int64_t bytes() const { return bytes_; }
  // True when the tensors have addresses but no memory: the model can be traced and planned, not run.
  virtual bool planning() const { return false; }

 protected:
  // Fills fresh memory with the tensor `name`; its shape must be `shape`.
  virtual Storage fetch(const std::string& name, const Shape& shape) = 0;

 private:
  Tensor adopt(Storage storage);
  std::vector<Storage> kept_;
  int64_t bytes_ = 0;
};

// The weights of a checkpoint folder: STEM.safetensors, or shards under STEM.safetensors.index.json.
class CheckpointWeights final : public Weights {
 public:
  // Errors: ERR_FILE. `prefix` is put before every name asked for ("decoder.").
  // `planning`: headers alone are read.
  CheckpointWeights(const std::string& folder, std::string prefix, bool planning = false, const std::string& stem = "model");
  bool planning() const override { return planning_; }

 protected:
  // Errors: ERR_CHECKPOINT when the tensor is missing or has another shape.
  Storage fetch(const std::string& name, const Shape& shape) override;

 private:
  std::string folder_, prefix_;
  bool planning_;
  std::vector<std::unique_ptr<Safetensors>> files_;
  std::map<std::string, Safetensors*> where_;
};

// Random weights of the right size for benchmarks and gradient checks: nothing is read.
class RandomWeights final : public Weights {
 public:
  RandomWeights(uint64_t seed, DType matrix_dtype) : seed_(seed), dtype_(matrix_dtype) {}

 protected:
  Storage fetch(const std::string& name, const Shape& shape) override;

 private:
  uint64_t seed_;
  DType dtype_;
};

}  // namespace ace
