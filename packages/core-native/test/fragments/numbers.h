// What the runners of fragments share: numbers in device memory, and the stream they use.
#pragma once
#include <vector>

#include "ops/cuda/device.h"
#include "ops/cuda/launch.h"

namespace ace::test {

template <class T>
class Numbers {
 public:
  explicit Numbers(size_t count) : count_(count), memory_(static_cast<int64_t>(count * sizeof(T)), "fragment test") {}
  explicit Numbers(const std::vector<T>& values) : Numbers(values.size()) { cuda::upload(data(), values.data(), bytes()); }
  T* data() const { return static_cast<T*>(memory_.data()); }
  std::vector<T> read() const {
    std::vector<T> out(count_);
    cuda::download(out.data(), data(), bytes());
    return out;
  }

 private:
  int64_t bytes() const { return static_cast<int64_t>(count_ * sizeof(T)); }
  size_t count_;
  cuda::DeviceMemory memory_;
};

inline Stream device() {
  Stream stream;
  stream.device = DeviceKind::cuda;
  return stream;
}

}  // namespace ace::test
