#include "ops/cpu/gemm/gemm.h"

namespace ace::cpu {

namespace {

template <class T> T element(const Operand& x, int64_t offset) {
  switch (x.dtype) {
    case DType::f64: return static_cast<T>(static_cast<const double*>(x.data)[offset]);
    case DType::bf16: return static_cast<T>(to_float(static_cast<const bf16*>(x.data)[offset]));
    case DType::f16: return static_cast<T>(to_float(static_cast<const f16*>(x.data)[offset]));
    default: return static_cast<T>(static_cast<const float*>(x.data)[offset]);
  }
}

template <class T> void row(const GemmArgs& g, int64_t i, int64_t batch, int64_t a_stride, int64_t b_stride, T* c) {
  for (int64_t j = 0; j < g.n; ++j) {
    T sum = 0;
    for (int64_t t = 0; t < batch; ++t) {
      for (int64_t p = 0; p < g.k; ++p) {
        sum += element<T>(g.a, t * a_stride + i * g.a.row_stride + p * g.a.col_stride) *
               element<T>(g.b, t * b_stride + p * g.b.row_stride + j * g.b.col_stride);
      }
    }
    T result = static_cast<T>(g.alpha) * sum;
    if (g.bias) result += static_cast<const T*>(g.bias)[j];
    if (g.beta != 0) result += static_cast<T>(g.beta) * c[j];
    c[j] = result;
  }
}

void rows(const GemmArgs& g, Compute compute, int64_t i, int64_t batch, int64_t a_stride, int64_t b_stride) {
  if (compute == Compute::f32) {
    row<float>(g, i, batch, a_stride, b_stride, static_cast<float*>(g.c) + i * g.ldc);
  } else {
    row<double>(g, i, batch, a_stride, b_stride, static_cast<double*>(g.c) + i * g.ldc);
  }
}

void advance(Operand& x, int64_t elements) {
  x.data = static_cast<const char*>(x.data) + elements * static_cast<int64_t>(size_of(x.dtype));
}

}  // namespace

void gemm(ThreadPool& pool, Compute compute, const GemmArgs& args) {
  pool.run(args.m, [&](int64_t i) { rows(args, compute, i, 1, 0, 0); });
}

void gemm_serial(Scratch&, Compute compute, const GemmArgs& args) {
  for (int64_t i = 0; i < args.m; ++i) rows(args, compute, i, 1, 0, 0);
}

void gemm_batched(ThreadPool& pool, Compute compute, const BatchedGemmArgs& args) {
  pool.run(args.batch, [&](int64_t t) {
    GemmArgs item = args;
    advance(item.a, t * args.a_stride);
    advance(item.b, t * args.b_stride);
    item.c = static_cast<char*>(item.c) + t * args.c_stride * (compute == Compute::f32 ? 4 : 8);
    for (int64_t i = 0; i < item.m; ++i) rows(item, compute, i, 1, 0, 0);
  });
}

void gemm_batched_reduce(ThreadPool& pool, Compute compute, const BatchedGemmArgs& args) {
  pool.run(args.m, [&](int64_t i) { rows(args, compute, i, args.batch, args.a_stride, args.b_stride); });
}

const char* instruction_set() { return "scalar"; }

}  // namespace ace::cpu
