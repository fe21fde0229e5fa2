#include "tensor/tensor.h"

namespace ace {

Shape::Shape(std::initializer_list<int64_t> dims) {
  for (int64_t dim : dims) push(dim);
}

void Shape::push(int64_t dim) {
  if (rank_ == kMaxRank) throw_shape("a tensor has at most 5 axes");
  dims_[rank_++] = dim;
}

int64_t Shape::elements() const {
  int64_t n = 1;
  for (int i = 0; i < rank_; ++i) n *= dims_[i];
  return n;
}

bool Shape::operator==(const Shape& other) const {
  if (rank_ != other.rank_) return false;
  for (int i = 0; i < rank_; ++i)
    if (dims_[i] != other.dims_[i]) return false;
  return true;
}

std::string Shape::text() const {
  std::string out = "[";
  for (int i = 0; i < rank_; ++i) out += (i ? ", " : "") + std::to_string(dims_[i]);
  return out + "]";
}

Tensor Tensor::reshaped(Shape other) const {
  if (other.elements() != elements()) throw_shape("reshape: " + shape.text() + " does not fit " + other.text());
  if (!contiguous() && other.last() != shape.last())
    throw_shape("reshape: " + shape.text() + " is a view by columns; " + other.text() + " would change its rows");
  Tensor out = *this;
  out.shape = other;
  return out;
}

Tensor Tensor::slice(int64_t from, int64_t count) const {
  if (shape.rank() == 0 || from < 0 || count < 0 || from + count > shape[0] || !contiguous())
    throw_shape("slice: rows " + std::to_string(from) + " to " + std::to_string(from + count) + " of " + shape.text());
  Tensor out = *this;
  out.shape.at(0) = count;
  const int64_t row_bytes = shape[0] == 0 ? 0 : bytes() / shape[0];
  out.byte_offset += from * row_bytes;
  if (out.data != nullptr) out.data = static_cast<char*>(out.data) + from * row_bytes;
  return out;
}

Tensor Tensor::columns(int64_t from, int64_t count) const {
  if (shape.rank() == 0 || from < 0 || count < 0 || from + count > shape.last())
    throw_shape("columns " + std::to_string(from) + " to " + std::to_string(from + count) + " of " + shape.text());
  Tensor out = *this;
  out.row = row_stride();
  out.shape.at(-1) = count;
  const int64_t skipped = from * static_cast<int64_t>(size_of(dtype));
  out.byte_offset += skipped;
  if (out.data != nullptr) out.data = static_cast<char*>(out.data) + skipped;
  return out;
}

void throw_shape(const std::string& message) { throw Error(ErrorCode::shape, message); }

}  // namespace ace
