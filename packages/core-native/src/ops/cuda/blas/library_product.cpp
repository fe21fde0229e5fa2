#include <algorithm>

#include "ops/cuda/blas/context.h"
#include "ops/cuda/blas/product.h"
#include "tensor/error.h"

namespace ace::cuda {

namespace {

constexpr int64_t kMostRows = INT32_MAX;  // of a matrix or a batch, for cuBLASLt

// A matrix [rows, cols] as cuBLASLt can have it: rows apart by ld, or columns (transposed).
struct Layout {
  bool fits = true, transposed = false;
  int64_t ld = 0;

  Layout(int64_t rows, int64_t cols, int64_t row_stride, int64_t col_stride) {
    if ((col_stride == 1 || cols == 1) && (row_stride >= cols || rows == 1)) {
      ld = std::max(row_stride, cols);
    } else if ((row_stride == 1 || rows == 1) && (col_stride >= rows || cols == 1)) {
      transposed = true;
      ld = std::max(col_stride, rows);
    } else {
      fits = false;
    }
  }
};

int alignment_of(const void* data) {
  const auto address = reinterpret_cast<uintptr_t>(data);
  int alignment = kAlignment;
  while (address % static_cast<uintptr_t>(alignment) != 0) alignment /= 2;
  return alignment;
}

// The same with fewer, larger products where the items lie so.
Product joined(Product p) {
  if (p.batch == 1) return p;
  if (p.reduce && p.a_stride == p.k * p.a_col && p.b_stride == p.k * p.b_row) {  // one long k
    p.k *= p.batch;
    p.batch = 1;
  } else if (!p.reduce && p.b_stride == 0 && p.a_stride == p.m * p.a_row && p.c_stride == p.m * p.c_row) {  // one tall a
    p.m *= p.batch;
    p.batch = 1;
  }
  return p;
}

}  // namespace

bool library_product(const Stream& stream, const Product& product) {
  if (stream.blas == nullptr) throw Error(ErrorCode::internal, std::string(product.op) + ": the CUDA stream has no Blas");
  const Product p = joined(product);
  const Layout a(p.m, p.k, p.a_row, p.a_col), b(p.k, p.n, p.b_row, p.b_col);
  // The epilogue reads a bias by whole vectors, and takes the one of float32 only to a float32 c.
  const bool bias_fits = p.bias == nullptr || (p.c_type == DType::f32 && alignment_of(p.bias) == kAlignment && p.batch == 1);
  if (!a.fits || !b.fits || !bias_fits || (p.reduce && p.batch > 1) || std::max({p.m, p.n, p.k, p.batch}) > kMostRows) return false;
  const bool single = p.batch == 1;
  const ProductKey key{p.m, p.n, p.k, p.batch,
                       a.ld, b.ld, p.m == 1 ? std::max(p.c_row, p.n) : p.c_row,
                       single ? 0 : p.a_stride, single ? 0 : p.b_stride, single ? 0 : p.c_stride,
                       p.type, p.c_type, a.transposed, b.transposed, p.bias != nullptr,
                       alignment_of(p.a), alignment_of(p.b), alignment_of(p.c)};
  const ProductOperands operands{p.a, p.b, p.c, p.bias, p.alpha, p.accumulate};
  Blas::Implementation& blas = stream.blas->implementation();
  try {
    ProductPlan& plan = blas.plan(key, operands, stream.cuda_stream);
    if (plan.refused) return false;
    if (key.bias) plan.set_bias(p.bias);
    plan.run(blas.handle, operands, plan.algorithm, blas.workspace, stream.cuda_stream);
    return true;
  } catch (const Error& error) {  // a plan serves several operators and knows none of their names
    throw Error(error.code(), std::string(p.op) + ": " + error.what());
  }
}

}  // namespace ace::cuda
