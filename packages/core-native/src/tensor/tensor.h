#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "tensor/dtype.h"
#include "tensor/error.h"

namespace ace {

// Up to five axes, row-major, outermost first.
class Shape {
 public:
  static constexpr int kMaxRank = 5;
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims);

  int rank() const { return rank_; }
  // Negative axes count from the end.
  int64_t operator[](int axis) const { return dims_[axis < 0 ? axis + rank_ : axis]; }
  int64_t& at(int axis) { return dims_[axis < 0 ? axis + rank_ : axis]; }
  int64_t elements() const;
  // Product of all axes but the last: how many rows a [.., C] tensor has.
  int64_t rows() const { return rank_ == 0 ? 1 : elements() / (last() == 0 ? 1 : last()); }
  int64_t last() const { return rank_ == 0 ? 1 : dims_[rank_ - 1]; }
  void push(int64_t dim);
  bool operator==(const Shape& other) const;
  std::string text() const;  // "[2, 375, 2048]"

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

// A typed view of a program's buffer, contiguous unless `row` says how far apart its rows (last axis) lie. While a program is traced `data` is null and `buffer` says which
// buffer is meant; Program::bind fills `data`. An empty tensor (buffer == -1) stands for "not given".
struct Tensor {
  void* data = nullptr;
  int32_t buffer = -1;
  DType dtype = DType::f32;
  int64_t byte_offset = 0;
  int64_t row = 0;  // elements from one row to the next; 0: the rows touch
  Shape shape;

  bool given() const { return buffer >= 0 || data != nullptr; }
  int64_t elements() const { return shape.elements(); }
  int64_t bytes() const { return elements() * static_cast<int64_t>(size_of(dtype)); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  bool contiguous() const { return row == 0 || row == shape.last(); }
  int64_t row_stride() const { return row == 0 ? shape.last() : row; }
  // The same numbers under another shape; of a view by columns only the leading axes may change.
  Tensor reshaped(Shape other) const;
  // Rows [from, from + count) of the first axis.
  Tensor slice(int64_t from, int64_t count) const;
  // Columns [from, from + count) of every row: a view whose rows lie apart. Only kernels marked for it take one.
  Tensor columns(int64_t from, int64_t count) const;
};

[[noreturn]] void throw_shape(const std::string& message);

}  // namespace ace
