// One matrix product as both ways to compute it take it: cuBLASLt, and our own kernel for what cuBLASLt does not do.
#pragma once
#include <cstdint>

#include "autograd/program.h"
#include "tensor/dtype.h"

namespace ace::cuda {

// c[i] = alpha a[i] b[i] [+ c[i]] [+ bias] for i in [0, batch): a [m, k], b [k, n], c [m, n]; bias [n], float32. Element
// (r, s) of a[i] is a[i * a_stride + r * a_row + s * a_col]; rows of c are contiguous. Strides in elements.
// `reduce`: one c = alpha sum over i of a[i] b[i], added in the order of i.
// a and b are both float32 or both bf16; c is float32 or, from bf16, bf16. Sums are float32.
struct Product {
  const char* op = "";  // for errors
  DType type = DType::f32, c_type = DType::f32;
  int64_t m = 0, n = 0, k = 0, batch = 1;
  const void* a = nullptr;
  int64_t a_row = 0, a_col = 0, a_stride = 0;
  const void* b = nullptr;
  int64_t b_row = 0, b_col = 0, b_stride = 0;
  void* c = nullptr;
  int64_t c_row = 0, c_stride = 0;
  const float* bias = nullptr;
  float alpha = 1;
  bool accumulate = false;
  bool reduce = false;
};

// Through cuBLASLt. False, and nothing was done, where its layouts cannot express the strides or it has no algorithm.
// Errors: ERR_DEVICE naming operator, shape, types and what cuBLASLt says.
bool library_product(const Stream& stream, const Product& product);

// By a kernel of our own, for any strides and sizes, k = 0 among them. A sum over a batch is cut into parts that lie in
// the Blas's staging memory and are added in order; how many depends on the sizes alone.
void plain_product(const Stream& stream, const Product& product);

// c = rounded bf16 of (product [+ c]); product float32 [rows, n] contiguous, c bf16 with rows c_row apart.
void round_product(const Stream& stream, const Product& shape, const float* product);

}  // namespace ace::cuda
