// Matrix products of the CPU twin. Instruction set chosen at run time; the same bits for any number of threads.
#pragma once
#include <cstdint>

#include "tensor/dtype.h"
#include "tensor/scratch.h"
#include "tensor/thread_pool.h"

namespace ace::cpu {

// Element (i, j) is data[i * row_stride + j * col_stride], of dtype f32, f64, bf16 or f16; it is converted to the
// compute type on the way into registers, so a frozen weight is kept once, as it lies in its file.
struct Operand {
  const void* data;
  DType dtype;
  int64_t row_stride, col_stride;
};

enum class Compute { f32, f64 };

// C = alpha * A B + beta * C + bias.
// A [m, k], B [k, n]; C [m, n] row-major with row stride ldc, bias [n] or null: both of the compute type.
// beta == 0 never reads C. k == 0 leaves beta * C + bias. C must not overlap A or B.
struct GemmArgs {
  int64_t m, n, k;
  Operand a, b;
  void* c;
  int64_t ldc;
  double alpha = 1, beta = 0;
  const void* bias = nullptr;
};

// Inside a body of ThreadPool::run it works serially on that thread, with the same result.
void gemm(ThreadPool& pool, Compute compute, const GemmArgs& args);

// On the calling thread alone, with its scratch: for tiles inside a parallel region.
void gemm_serial(Scratch& scratch, Compute compute, const GemmArgs& args);

// C[i] = alpha * A[i] B[i] + beta * C[i] + bias for i in [0, batch); operand i starts i * stride elements later.
// a_stride or b_stride 0: shared. The C[i] must not overlap each other.
struct BatchedGemmArgs : GemmArgs {
  int64_t batch, a_stride, b_stride, c_stride;
};

void gemm_batched(ThreadPool& pool, Compute compute, const BatchedGemmArgs& args);

// C = alpha * sum_i A[i] B[i] + beta * C + bias: the contraction runs over the batch too (c_stride is not used).
// Partial sums over a fixed partition of the batch are added in a fixed order.
void gemm_batched_reduce(ThreadPool& pool, Compute compute, const BatchedGemmArgs& args);

// "scalar", "avx2", "avx512" or "neon": the best this CPU has, or what the environment variable ACEWRIGHT_ISA names.
// Throws std::invalid_argument if it names something unknown or something this CPU lacks.
const char* instruction_set();

}  // namespace ace::cpu
