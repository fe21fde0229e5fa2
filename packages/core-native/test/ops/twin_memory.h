// The memory of a program on either twin.
#pragma once
#include <cstring>
#include <memory>

#include "autograd/program.h"
#include "tensor/storage.h"
#if ACE_WITH_CUDA
#include "ops/cuda/device.h"
#endif

namespace ace::test {

class TwinMemory {
 public:
  TwinMemory(DeviceKind kind, int64_t bytes) : kind_(kind) {
    if (kind == DeviceKind::cpu) host_ = Storage({bytes}, DType::u8, "twin test");
#if ACE_WITH_CUDA
    else device_ = std::make_unique<cuda::DeviceMemory>(bytes, "twin test");
#endif
  }
  void* data() const {
#if ACE_WITH_CUDA
    if (kind_ == DeviceKind::cuda) return device_->data();
#endif
    return host_.data();
  }
  void write(const Tensor& to, const void* from) const {
#if ACE_WITH_CUDA
    if (kind_ == DeviceKind::cuda) return cuda::upload(to.data, from, to.bytes());
#endif
    std::memcpy(to.data, from, static_cast<size_t>(to.bytes()));
  }
  void read(void* to, const Tensor& from) const {
#if ACE_WITH_CUDA
    if (kind_ == DeviceKind::cuda) return cuda::download(to, from.data, from.bytes());
#endif
    std::memcpy(to, from.data, static_cast<size_t>(from.bytes()));
  }

 private:
  DeviceKind kind_;
  Storage host_;
#if ACE_WITH_CUDA
  std::unique_ptr<cuda::DeviceMemory> device_;
#endif
};

}  // namespace ace::test
