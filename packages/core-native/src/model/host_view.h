// The caller's arrays as tensors, and what is checked before a network reads them.
#pragma once
#include <string>

#include "tensor/tensor.h"

namespace ace {

Tensor host_view(const float* data, Shape shape);
Tensor host_view(const uint8_t* data, Shape shape);
Tensor host_view(const int32_t* data, Shape shape);
// `count` floats as [rows, width]. Errors: ERR_SHAPE when they do not fill whole rows.
Tensor host_rows(const float* data, int64_t count, int64_t width, const std::string& what);

// Errors: ERR_SHAPE unless the shapes are equal; -1 in `expected` takes any length.
void require_shape(const Tensor& tensor, Shape expected, const std::string& what);
// Errors: ERR_SHAPE naming the row and column of the first NaN or infinity.
void require_finite(const Tensor& tensor, const std::string& what);

}  // namespace ace
