#include <algorithm>

#include "ops/cuda/blas/context.h"
#include "ops/cuda/blas/product.h"
#include "ops/kernels.h"

namespace ace {

namespace {

using cuda::Product;

const void* advanced(const void* data, int64_t elements, DType dtype) {
  return static_cast<const char*>(data) + elements * static_cast<int64_t>(size_of(dtype));
}

void check_types(const char* op, const Tensor& c, const Tensor& a, const Tensor& b) {
  const bool known = a.dtype == b.dtype && (a.dtype == DType::f32 || a.dtype == DType::bf16) && (c.dtype == DType::f32 || c.dtype == a.dtype);
  if (!known)
    throw Error(ErrorCode::internal, std::string(op) + " on CUDA: " + name(a.dtype) + " " + a.shape.text() + " times " + name(b.dtype) + " " +
                                         b.shape.text() + " to " + name(c.dtype) + " " + c.shape.text() +
                                         ": a and b are both f32 or both bf16, c is f32 or of their type");
}

void run_one(const Stream& stream, const Product& product) {
  if (product.k == 0 || product.batch == 0 || !library_product(stream, product)) plain_product(stream, product);
}

void run(const Stream& stream, const Product& product) {
  constexpr int64_t kItems = 65535;  // the batch is an axis of the grid, and this its longest
  if (product.reduce || product.batch <= kItems) return run_one(stream, product);
  for (int64_t item = 0; item < product.batch; item += kItems) {
    Product part = product;
    part.batch = std::min(kItems, product.batch - item);
    part.a = advanced(product.a, item * product.a_stride, product.type);
    part.b = advanced(product.b, item * product.b_stride, product.type);
    part.c = const_cast<void*>(advanced(product.c, item * product.c_stride, product.c_type));
    run_one(stream, part);
  }
}

// cuBLASLt adds to a bf16 sum only a bf16 bias, or rounds the product before another kernel could add a float32 one. So
// the product with its bias goes to float32 first, some rows at a time, and is rounded once.
void run_with_bias_to_bf16(const Stream& stream, const Product& whole) {
  constexpr int64_t kRows = 64;  // so that every part of a starts as well aligned as its first
  const int64_t room = cuda::Blas::kStagingBytes / static_cast<int64_t>(sizeof(float)) / whole.n / kRows * kRows;
  if (whole.k == 0 || room == 0) return plain_product(stream, whole);
  float* staging = reinterpret_cast<float*>(stream.blas->implementation().staging());
  for (int64_t row = 0; row < whole.m; row += room) {
    Product part = whole;
    part.m = std::min(room, whole.m - row);
    part.a = advanced(whole.a, row * whole.a_row, whole.type);
    part.c = const_cast<void*>(advanced(whole.c, row * whole.c_row, whole.c_type));
    Product product = part;
    product.c = staging;
    product.c_type = DType::f32;
    product.c_row = whole.n;
    product.accumulate = false;
    run(stream, product);
    round_product(stream, part, staging);
  }
}

}  // namespace

void cuda::matmul(Stream& stream, Tensor c, Tensor a, Tensor b, Tensor bias, MatmulSpec spec) {
  check_types("matmul", c, a, b);
  const int64_t a_cols = a.shape.last(), a_rows = a.shape.rows(), b_cols = b.shape.last(), b_rows = b.shape.rows();
  Product p;
  p.op = "matmul";
  p.type = a.dtype;
  p.c_type = c.dtype;
  p.m = spec.transpose_a ? a_cols : a_rows;
  p.k = spec.transpose_a ? a_rows : a_cols;
  p.n = spec.transpose_b ? b_rows : b_cols;
  if (p.m == 0 || p.n == 0) return;
  p.a = a.data;
  p.a_row = spec.transpose_a ? 1 : a.row_stride();
  p.a_col = spec.transpose_a ? a.row_stride() : 1;
  p.b = b.data;
  p.b_row = spec.transpose_b ? 1 : b.row_stride();
  p.b_col = spec.transpose_b ? b.row_stride() : 1;
  p.c = c.data;
  p.c_row = c.row_stride();
  p.bias = bias.as<float>();
  p.alpha = static_cast<float>(spec.alpha);
  p.accumulate = spec.accumulate;
  if (p.bias != nullptr && p.c_type == DType::bf16) run_with_bias_to_bf16(stream, p);
  else run(stream, p);
}

void cuda::matmul_batched(Stream& stream, Tensor c, Tensor a, Tensor b, BatchedSpec spec) {
  check_types("matmul_batched", c, a, b);
  if (spec.m == 0 || spec.n == 0 || (spec.batch == 0 && !spec.reduce)) return;
  Product p;
  p.op = "matmul_batched";
  p.type = a.dtype;
  p.c_type = c.dtype;
  p.m = spec.m;
  p.n = spec.n;
  p.k = spec.k;
  p.batch = spec.batch;
  p.a = a.data;
  p.a_row = spec.a_row;
  p.a_col = spec.a_col;
  p.a_stride = spec.a_stride;
  p.b = b.data;
  p.b_row = spec.b_row;
  p.b_col = spec.b_col;
  p.b_stride = spec.b_stride;
  p.c = c.data;
  p.c_row = spec.c_row;
  p.c_stride = spec.c_stride;
  p.alpha = static_cast<float>(spec.alpha);
  p.accumulate = spec.accumulate;
  p.reduce = spec.reduce;
  run(stream, p);
}

}  // namespace ace
