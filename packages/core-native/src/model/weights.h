#pragma once
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tensor/safetensors.h"
#include "tensor/storage.h"

namespace ace {

// Where a model's weights come from; what is fetched lives on `device` as long as the source.
class Weights {
 public:
  explicit Weights(Device& device) : device_(device) {}
  virtual ~Weights() = default;
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  Device& device() const { return device_; }
  // What the activations will be. CUDA's products want both sides of one type, so matrices are converted there.
  void activations_are(DType dtype) {
    if (device_.kind() == DeviceKind::cuda) matrix_dtype_ = dtype;
  }

  // A matrix, on a CPU in its file's dtype: the products convert it while packing.
  Tensor matrix(const std::string& name, Shape shape);
  // Matrices of one width below each other in one memory, so that linears of one input can be one product. `all` is not
  // given where the file holds them in different dtypes; the parts, in order, always are.
  struct Stack {
    Tensor all;
    std::vector<Tensor> parts;
  };
  Stack stacked(const std::vector<std::pair<std::string, Shape>>& named);
  // A small tensor (norms, tables, biases) in the compute type.
  Tensor converted(const std::string& name, Shape shape, DType dtype);
  // [a, b, c] with permuted axes, reshaped to `as`, as matrix(): convolution weights become matrices.
  Tensor permuted(const std::string& name, Shape shape, const std::array<int, 3>& axes, Shape as);
  // A vector [length] written `times` times one after another, [times length].
  Tensor repeated(const std::string& name, int64_t length, int64_t times, DType dtype);

  int64_t bytes() const { return bytes_; }

 protected:
  // The tensor's dtype in the file. Errors: ERR_CHECKPOINT when it is missing or its shape is not `shape`.
  virtual DType check(const std::string& name, const Shape& shape) = 0;
  // Fresh main memory with the tensor `name`, in the dtype that check() told.
  virtual Storage fetch(const std::string& name, const Shape& shape) = 0;

 private:
  Tensor place(Storage host, DType dtype);
  Tensor adopt(Storage storage);

  Device& device_;
  std::optional<DType> matrix_dtype_;
  std::vector<Storage> kept_;
  int64_t bytes_ = 0;
};

// The same weights once activations_are() was called: for constructors whose members read them.
std::unique_ptr<Weights> with_activations(std::unique_ptr<Weights> weights, DType dtype);

// The weights of a checkpoint folder: STEM.safetensors, or shards under STEM.safetensors.index.json.
class CheckpointWeights : public Weights {
 public:
  // Errors: ERR_FILE. `prefix` is put before every name asked for ("decoder.").
  // Of a planning device the headers alone are read.
  CheckpointWeights(Device& device, const std::string& folder, std::string prefix, const std::string& stem = "model");

 protected:
  DType check(const std::string& name, const Shape& shape) override;
  Storage fetch(const std::string& name, const Shape& shape) override;

 private:
  std::string folder_, prefix_;
  std::vector<std::unique_ptr<Safetensors>> files_;
  std::map<std::string, Safetensors*> where_;
};

// Random weights of the right size for benchmarks and gradient checks: nothing is read.
class RandomWeights : public Weights {
 public:
  RandomWeights(Device& device, uint64_t seed, DType matrix_dtype) : Weights(device), seed_(seed), dtype_(matrix_dtype) {}

 protected:
  DType check(const std::string&, const Shape& shape) override { return shape.rank() >= 2 ? dtype_ : DType::f32; }
  Storage fetch(const std::string& name, const Shape& shape) override;

 private:
  uint64_t seed_;
  DType dtype_;
};

}  // namespace ace
