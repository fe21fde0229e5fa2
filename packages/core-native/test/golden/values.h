// Tensors of a golden file on the host, in double, whatever their dtype.
#pragma once
#include <vector>

#include "tensor/storage.h"

namespace ace::golden {

struct Values {
  Shape shape;
  std::vector<double> numbers;
};

// A tensor on a device as numbers.
Values read(Device& device, const Tensor& tensor);
// A tensor in main memory as numbers.
Values read(const Tensor& tensor);
// Writes numbers in the tensor's dtype; both must have the same number of elements.
void write(Device& device, const Tensor& tensor, const Values& values);

// [B, T, C] as [B, frames, C]: cut, or padded with zeros.
Values with_frames(const Values& values, int64_t frames);
// [B, L, H hd] as [B, H, L, hd], the reference's layout of q, k and v.
Values heads_first(const Values& values, int64_t head_dim);
// Entry k of the first axis.
Values entry(const Values& values, int64_t k);

// max |ours - theirs| / max |theirs|; infinite where a number is not finite or a nonzero stands against all zeros.
double worst_error(const Values& ours, const Values& theirs);
// Sums of squares of the difference and of theirs, for a relative L2 error over several tensors.
struct SquareSums {
  double difference = 0, reference = 0;
  void add(const Values& ours, const Values& theirs);
  double relative() const;
};

}  // namespace ace::golden
