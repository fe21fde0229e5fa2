#pragma once
#include <memory>
#include <string>

#include "tensor/tensor.h"

namespace ace {

// Owned, 64-byte aligned, zeroed host memory for one tensor.
class Storage {
 public:
  Storage() = default;
  Storage(Shape shape, DType dtype, const std::string& what);
  Storage(Storage&&) = default;
  Storage& operator=(Storage&&) = default;

  Tensor tensor() const { return tensor_; }
  void* data() const { return memory_.get(); }
  int64_t bytes() const { return tensor_.data == nullptr ? 0 : tensor_.bytes(); }

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  std::unique_ptr<void, Free> memory_;
  Tensor tensor_;
};

}  // namespace ace
