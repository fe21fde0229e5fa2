#include "ops/cpu/gemm/gemm.h"
#include "ops/cpu/loops.h"
#include "ops/kernels.h"

namespace ace {

namespace {
cpu::Compute compute_type(const Tensor& c) { return c.dtype == DType::f64 ? cpu::Compute::f64 : cpu::Compute::f32; }
}  // namespace

void cpu::matmul(Stream& stream, Tensor c, Tensor a, Tensor b, Tensor bias, MatmulSpec spec) {
  const int64_t a_cols = a.shape.last(), a_rows = a.shape.rows();
  const int64_t b_cols = b.shape.last(), b_rows = b.shape.rows();
  GemmArgs args{};
  args.m = spec.transpose_a ? a_cols : a_rows;
  args.k = spec.transpose_a ? a_rows : a_cols;
  args.n = spec.transpose_b ? b_rows : b_cols;
  args.a = spec.transpose_a ? Operand{a.data, a.dtype, 1, a.row_stride()} : Operand{a.data, a.dtype, a.row_stride(), 1};
  args.b = spec.transpose_b ? Operand{b.data, b.dtype, 1, b.row_stride()} : Operand{b.data, b.dtype, b.row_stride(), 1};
  args.c = c.data;
  args.ldc = c.row_stride();
  args.alpha = spec.alpha;
  args.beta = spec.accumulate ? 1 : 0;
  args.bias = bias.given() ? bias.data : nullptr;
  gemm(*stream.pool, compute_type(c), args);
}

void cpu::matmul_batched(Stream& stream, Tensor c, Tensor a, Tensor b, BatchedSpec spec) {
  BatchedGemmArgs args{};
  args.m = spec.m;
  args.n = spec.n;
  args.k = spec.k;
  args.a = {a.data, a.dtype, spec.a_row, spec.a_col};
  args.b = {b.data, b.dtype, spec.b_row, spec.b_col};
  args.c = c.data;
  args.ldc = spec.c_row;
  args.alpha = spec.alpha;
  args.beta = spec.accumulate ? 1 : 0;
  args.batch = spec.batch;
  args.a_stride = spec.a_stride;
  args.b_stride = spec.b_stride;
  args.c_stride = spec.c_stride;
  if (spec.reduce) gemm_batched_reduce(*stream.pool, compute_type(c), args);
  else gemm_batched(*stream.pool, compute_type(c), args);
}

}  // namespace ace
