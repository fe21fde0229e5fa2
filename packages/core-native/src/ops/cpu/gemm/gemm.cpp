#include "ops/cpu/gemm/gemm.h"

#include <string>

#include "ops/cpu/gemm/blocked.h"
#include "ops/cpu/gemm/one.h"
#include "ops/cpu/simd/isa.h"
#include "tensor/error.h"

namespace ace::cpu {

void check_operands(const GemmArgs& g) {
  for (const Operand* x : {&g.a, &g.b}) {
    const bool known = x->dtype == DType::f32 || x->dtype == DType::f64 || x->dtype == DType::bf16 || x->dtype == DType::f16;
    if (!known) throw Error(ErrorCode::internal, std::string("gemm: operands are f32, f64, bf16 or f16, got ") + name(x->dtype));
  }
}

void gemm(ThreadPool& pool, Compute compute, const GemmArgs& args) {
  if (ThreadPool::inside_run()) return gemm_serial(pool.scratch(), compute, args);
  check_operands(args);
  if (compute == Compute::f32) gemm_one<float>(Parallel{pool}, args);
  else gemm_one<double>(Parallel{pool}, args);
}

void gemm_serial(Scratch& scratch, Compute compute, const GemmArgs& args) {
  check_operands(args);
  if (compute == Compute::f32) gemm_one<float>(Serial{scratch}, args);
  else gemm_one<double>(Serial{scratch}, args);
}

const char* instruction_set() { return name(active_isa()); }

}  // namespace ace::cpu
