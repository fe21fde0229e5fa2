#include "tensor/storage.h"

#include <cstring>

namespace ace {

Storage::Storage(Shape shape, DType dtype, const std::string& what, bool zero) {
  tensor_.shape = shape;
  tensor_.dtype = dtype;
  tensor_.data = allocate_host(tensor_.bytes(), what);
  memory_ = {tensor_.data, Release{}};
  if (zero) std::memset(tensor_.data, 0, static_cast<size_t>(tensor_.bytes()));
}

Storage::Storage(Device& device, Shape shape, DType dtype, const std::string& what, bool zero) {
  tensor_.shape = shape;
  tensor_.dtype = dtype;
  tensor_.data = device.allocate(tensor_.bytes(), what);
  memory_ = {tensor_.data, Release{&device}};
  if (zero) device.zero(tensor_.data, tensor_.bytes());
}

void Release::operator()(void* memory) const {
  if (device == nullptr) release_host(memory);
  else device->release(memory);
}

Storage download(Device& device, const Tensor& tensor) {
  Storage out(tensor.shape, tensor.dtype, "a copy of a tensor", false);
  device.download(out.data(), tensor.data, tensor.bytes());
  return out;
}

void upload(Device& device, const Tensor& to, const Tensor& host) {
  if (to.dtype != host.dtype || to.elements() != host.elements())
    throw Error(ErrorCode::internal, std::string("upload: ") + name(host.dtype) + " " + host.shape.text() + " onto " + name(to.dtype) + " " + to.shape.text());
  device.upload(to.data, host.data, to.bytes());
}

double element(const Tensor& host, int64_t i) {
  switch (host.dtype) {
    case DType::f32: return host.as<float>()[i];
    case DType::f64: return host.as<double>()[i];
    case DType::bf16: return to_float(host.as<bf16>()[i]);
    case DType::f16: return to_float(host.as<f16>()[i]);
    default: throw Error(ErrorCode::internal, std::string("element: ") + name(host.dtype) + " is no float type");
  }
}

void set_element(const Tensor& host, int64_t i, double value) {
  switch (host.dtype) {
    case DType::f32: host.as<float>()[i] = static_cast<float>(value); return;
    case DType::f64: host.as<double>()[i] = value; return;
    case DType::bf16: host.as<bf16>()[i] = to_bf16(static_cast<float>(value)); return;
    case DType::f16: host.as<f16>()[i] = to_f16(static_cast<float>(value)); return;
    default: throw Error(ErrorCode::internal, std::string("set_element: ") + name(host.dtype) + " is no float type");
  }
}

Storage converted(const Tensor& host, DType dtype) {
  Storage out(host.shape, dtype, "a converted tensor", false);
  const int64_t n = host.elements();
  if (host.dtype == dtype) {
    if (n > 0) std::memcpy(out.data(), host.data, static_cast<size_t>(host.bytes()));
    return out;
  }
  // The two that whole checkpoints and datasets pass through; the rest are a few small tensors.
  if (host.dtype == DType::f32 && dtype == DType::bf16) {
    for (int64_t i = 0; i < n; ++i) out.tensor().as<bf16>()[i] = to_bf16(host.as<float>()[i]);
  } else if (host.dtype == DType::bf16 && dtype == DType::f32) {
    for (int64_t i = 0; i < n; ++i) out.tensor().as<float>()[i] = to_float(host.as<bf16>()[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) set_element(out.tensor(), i, element(host, i));
  }
  return out;
}

}  // namespace ace
