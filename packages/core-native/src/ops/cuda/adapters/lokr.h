// The parts of the LoKr kernels, all for one row seen as in [inner, depth]:
//   out [left, right] (+)= scale * L [left, inner] (in [inner, depth] R [depth, right]).
// Forward: in = x [b, d], R = w2^T, L = w1, out = y [a, c]. Backward: in = dy [a, c], R = w2, L = w1^T, out = dx [b, d].
#pragma once
#include "ops/kernels.h"

namespace ace::cuda {

struct LokrProduct {
  const void* in;
  const void* w1;  // [a, b]
  const void* w2;  // [c, d]
  void* out;
  int64_t rows, in_stride, out_stride;
  int inner, depth, left, right;
  bool accumulate;
  bool backward;  // w1 and w2 are taken transposed
  float scale;
};

constexpr int kLokrColumns = 64;   // of `right`, by one block
constexpr int kLokrDepth = 32;     // of `depth`, by one step
constexpr int kLokrRows = 128;     // of all blocks' [inner, depth] rows at once
constexpr int kLokrThreads = 256;

// Rows of x that one block of a tensor-core kernel takes together.
int64_t lokr_rows_of_block(int64_t inner);
// Dynamic shared memory that every architecture from sm_80 on has.
constexpr size_t kSharedOnEveryDevice = 99 * 1024;

// True where the tensor-core kernel can run: bf16, 16-byte rows, and the intermediate fits.
bool lokr_on_tensor_cores(const LokrProduct& p, const Tensor& in, const Tensor& out, const Tensor& w2);
void lokr_product_mma(const Stream& stream, const Shape& shape, const LokrProduct& p);
// Any size and type, without tensor cores: the intermediate of one row and 64 of its columns in shared memory.
void lokr_product_plain(const Stream& stream, const Shape& shape, DType dtype, const LokrProduct& p);

// Both factors' gradients as sums over pieces of the rows: piece s of w2's in second[s] [c, d]; of w1's in first[s tiles + t]
// [a, b], t the 64 columns of c that the sum went over. lokr_split.h says how many pieces.
struct LokrGradient {
  const void *dy, *x, *w1, *w2;
  float *first, *second;
  int64_t rows, dy_stride, x_stride, first_pieces, second_pieces;
  int a, b, c, d;
};
bool lokr_gradient_on_tensor_cores(const LokrGradient& p, const Tensor& dy, const Tensor& x, const Tensor& w2);
void lokr_gradient_mma(const Stream& stream, const Shape& shape, const LokrGradient& p);
void lokr_gradient_plain(const Stream& stream, const Shape& shape, DType dtype, const LokrGradient& p);

}  // namespace ace::cuda
