#include "model/host_view.h"

#include <cmath>

namespace ace {

namespace {

template <class T>
Tensor view(const T* data, DType dtype, Shape shape) {
  Tensor out;
  out.data = const_cast<T*>(data);  // only ever read
  out.dtype = dtype;
  out.shape = shape;
  return out;
}

}  // namespace

Tensor host_view(const float* data, Shape shape) { return view(data, DType::f32, shape); }
Tensor host_view(const uint8_t* data, Shape shape) { return view(data, DType::u8, shape); }
Tensor host_view(const int32_t* data, Shape shape) { return view(data, DType::i32, shape); }

Tensor host_rows(const float* data, int64_t count, int64_t width, const std::string& what) {
  if (count % width != 0)
    throw_shape(what + ": expected rows of " + std::to_string(width) + " numbers, got " + std::to_string(count) +
                " numbers, which is no whole number of rows");
  return host_view(data, {count / width, width});
}

void require_shape(const Tensor& tensor, Shape expected, const std::string& what) {
  bool fits = tensor.shape.rank() == expected.rank();
  for (int axis = 0; fits && axis < expected.rank(); ++axis) fits = expected[axis] == -1 || expected[axis] == tensor.shape[axis];
  if (fits) return;
  std::string text = expected.text();
  for (size_t at; (at = text.find("-1")) != std::string::npos;) text.replace(at, 2, "any");
  throw_shape(what + ": expected " + text + ", got " + tensor.shape.text());
}

void require_finite(const Tensor& tensor, const std::string& what) {
  const float* values = tensor.as<float>();
  for (int64_t i = 0; i < tensor.elements(); ++i)
    if (!std::isfinite(values[i]))
      throw_shape(what + ": row " + std::to_string(i / tensor.shape.last()) + ", column " +
                  std::to_string(i % tensor.shape.last()) + " is " + (std::isnan(values[i]) ? "NaN" : "infinite") +
                  "; expected finite numbers");
}

}  // namespace ace
