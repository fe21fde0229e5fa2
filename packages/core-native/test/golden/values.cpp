#include "values.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ace::golden {

namespace {

double number_at(const Tensor& t, int64_t i) {
  switch (t.dtype) {
    case DType::i32: return t.as<int32_t>()[i];
    case DType::i64: return static_cast<double>(t.as<int64_t>()[i]);
    case DType::u8: return t.as<uint8_t>()[i];
    default: return element(t, i);
  }
}

double ratio(double difference, double reference) {
  if (!std::isfinite(difference) || !std::isfinite(reference)) return std::numeric_limits<double>::infinity();
  if (reference > 0) return difference / reference;
  return difference == 0 ? 0 : std::numeric_limits<double>::infinity();
}

void require_same(const Values& a, const Values& b) {
  if (!(a.shape == b.shape)) throw_shape("ours is " + a.shape.text() + ", the file has " + b.shape.text());
}

}  // namespace

Values read(const Tensor& tensor) {
  Values out{tensor.shape, std::vector<double>(static_cast<size_t>(tensor.elements()))};
  for (int64_t i = 0; i < tensor.elements(); ++i) out.numbers[static_cast<size_t>(i)] = number_at(tensor, i);
  return out;
}

Values read(Device& device, const Tensor& tensor) { return read(download(device, tensor).tensor()); }

void write(Device& device, const Tensor& tensor, const Values& values) {
  if (tensor.elements() != static_cast<int64_t>(values.numbers.size()))
    throw_shape("the file's " + values.shape.text() + " does not fit an input of " + tensor.shape.text());
  const Storage host(tensor.shape, tensor.dtype, "an input", false);
  const Tensor to = host.tensor();
  for (int64_t i = 0; i < to.elements(); ++i) {
    const double number = values.numbers[static_cast<size_t>(i)];
    switch (to.dtype) {
      case DType::i32: to.as<int32_t>()[i] = static_cast<int32_t>(number); break;
      case DType::i64: to.as<int64_t>()[i] = static_cast<int64_t>(number); break;
      case DType::u8: to.as<uint8_t>()[i] = static_cast<uint8_t>(number); break;
      default: set_element(to, i, number);
    }
  }
  upload(device, tensor, to);
}

Values with_frames(const Values& values, int64_t frames) {
  const int64_t batch = values.shape[0], have = values.shape[1], width = values.shape[2];
  Values out{{batch, frames, width}, std::vector<double>(static_cast<size_t>(batch * frames * width), 0.0)};
  for (int64_t b = 0; b < batch; ++b)
    std::copy_n(values.numbers.begin() + b * have * width, std::min(have, frames) * width, out.numbers.begin() + b * frames * width);
  return out;
}

Values heads_first(const Values& values, int64_t head_dim) {
  const int64_t batch = values.shape[0], length = values.shape[1], heads = values.shape[2] / head_dim;
  Values out{{batch, heads, length, head_dim}, {}};
  out.numbers.reserve(values.numbers.size());
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t l = 0; l < length; ++l)
        for (int64_t d = 0; d < head_dim; ++d)
          out.numbers.push_back(values.numbers[static_cast<size_t>(((b * length + l) * heads + h) * head_dim + d)]);
  return out;
}

Values entry(const Values& values, int64_t k) {
  Values out;
  for (int axis = 1; axis < values.shape.rank(); ++axis) out.shape.push(values.shape[axis]);
  const int64_t each = out.shape.elements();
  out.numbers.assign(values.numbers.begin() + k * each, values.numbers.begin() + (k + 1) * each);
  return out;
}

double worst_error(const Values& ours, const Values& theirs) {
  require_same(ours, theirs);
  double difference = 0, reference = 0;
  for (size_t i = 0; i < ours.numbers.size(); ++i) {
    const double d = std::abs(ours.numbers[i] - theirs.numbers[i]);
    if (!(d <= difference)) difference = d;  // a NaN sticks
    if (std::isnan(difference)) break;
    reference = std::max(reference, std::abs(theirs.numbers[i]));
  }
  return ratio(difference, reference);
}

void SquareSums::add(const Values& ours, const Values& theirs) {
  require_same(ours, theirs);
  for (size_t i = 0; i < ours.numbers.size(); ++i) {
    const double d = ours.numbers[i] - theirs.numbers[i];
    difference += d * d;
    reference += theirs.numbers[i] * theirs.numbers[i];
  }
}

double SquareSums::relative() const { return ratio(std::sqrt(difference), std::sqrt(reference)); }

}  // namespace ace::golden
