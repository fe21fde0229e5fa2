#pragma once
#include <memory>
#include <string>

#include "tensor/tensor.h"

namespace ace {

// Owned, 64-byte aligned host memory for one tensor.
class Storage {
 public:
  Storage() = default;
  // Zeroed, unless it is about to be filled from a file. `what` names it in an out-of-memory error.
  Storage(Shape shape, DType dtype, const std::string& what, bool zero = true);
  // No memory at all: an address that no other placeholder has, never to be read. For planning.
  static Storage placeholder(Shape shape, DType dtype);
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
