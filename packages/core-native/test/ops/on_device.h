// Device memory that a test fills, hands to kernels and reads back.
#pragma once
#include <vector>

#include "twin.h"
#if ACE_WITH_CUDA
#include "ops/cuda/device.h"

namespace ace::test {

class OnDevice {
 public:
  // `values` are of dtype's own type.
  template <class V>
  OnDevice(Shape shape, DType dtype, const std::vector<V>& values)
      : memory_(static_cast<int64_t>(values.size() * sizeof(V)), "test"), tensor_{.data = memory_.data(), .dtype = dtype, .shape = shape} {
    set(values);
  }
  template <class V>
  void set(const std::vector<V>& values) {
    cuda::upload(tensor_.data, values.data(), static_cast<int64_t>(values.size() * sizeof(V)));
  }
  template <class V>
  std::vector<V> get() const {
    std::vector<V> out(static_cast<size_t>(tensor_.bytes()) / sizeof(V));
    cuda::download(out.data(), tensor_.data, tensor_.bytes());
    return out;
  }
  Tensor tensor() const { return tensor_; }

 private:
  cuda::DeviceMemory memory_;
  Tensor tensor_;
};

}  // namespace ace::test
#endif
