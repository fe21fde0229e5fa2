#pragma once
#include <memory>
#include <string>

#include "tensor/device.h"
#include "tensor/tensor.h"

namespace ace {

// Gives memory back to where it came from: a device, or the host's heap where there is none.
struct Release {
  Device* device = nullptr;
  void operator()(void* memory) const;
};

// Owned memory for one tensor: main memory, or a device's.
class Storage {
 public:
  Storage() = default;
  // Main memory. Zeroed, unless it is about to be filled from a file. `what` names it in an out-of-memory error.
  Storage(Shape shape, DType dtype, const std::string& what, bool zero = true);
  // On a device, which must outlive it.
  Storage(Device& device, Shape shape, DType dtype, const std::string& what, bool zero = true);
  Storage(Storage&&) = default;
  Storage& operator=(Storage&&) = default;

  Tensor tensor() const { return tensor_; }
  void* data() const { return memory_.get(); }
  int64_t bytes() const { return tensor_.data == nullptr ? 0 : tensor_.bytes(); }

 private:
  std::unique_ptr<void, Release> memory_;
  Tensor tensor_;
};

// The numbers of a tensor on `device` as host memory of their own, and host numbers onto a tensor of the same dtype.
Storage download(Device& device, const Tensor& tensor);
void upload(Device& device, const Tensor& to, const Tensor& host);

// Element i of a host tensor of a float type.
double element(const Tensor& host, int64_t i);
void set_element(const Tensor& host, int64_t i, double value);
// A host tensor in another float type.
Storage converted(const Tensor& host, DType dtype);

}  // namespace ace
