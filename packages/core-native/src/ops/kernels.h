#pragma once
#include "autograd/program.h"
#include "ops/optimizer/specs.h"

namespace ace {

struct MatmulSpec {
  bool transpose_a = false;
  bool transpose_b = false;
  bool accumulate = false;
  double alpha = 1;

  void tell(CostReader& call) const {
    call.adds(0, accumulate);
    if (transpose_a) call.word("a^T");
    if (transpose_b) call.word("b^T");
  }
};

// `batch` products of the same shape; strides in elements, 0 shares the operand. c_reduce: all products are summed
// into one c, in a fixed order.
struct BatchedSpec {
  int64_t batch = 1, m = 0, n = 0, k = 0;
  int64_t a_stride = 0, a_row = 0, a_col = 0;
  int64_t b_stride = 0, b_row = 0, b_col = 0;
  int64_t c_stride = 0, c_row = 0;
  double alpha = 1;
  bool accumulate = false;
  bool reduce = false;

  void tell(CostReader& call) const { call.adds(0, accumulate); }
};

struct AttentionSpec {
  int heads = 0;
  int kv_heads = 0;
  int window = -1;  // |i - j| <= window, -1: all keys
  bool causal = false;
  bool accumulate_q = false, accumulate_k = false, accumulate_v = false;

  void tell(CostReader& call) const {
    call.adds(0, accumulate_q);
    call.adds(1, accumulate_k);
    call.adds(2, accumulate_v);
    if (window >= 0) call.word("window " + std::to_string(window));
  }
};

// Into how many partial sums the CUDA twins of flow_loss (of each sample) and grad_norm divide their work.
constexpr int64_t kLossParts = 64;
constexpr int64_t kNormParts = 1024;

#define ACE_KERNEL(twins, name, ...) void name(Stream& stream, __VA_ARGS__);
namespace cpu {
#include "ops/kernels.inc"
}
namespace cuda {
#include "ops/kernels.inc"
}
#undef ACE_KERNEL

#if ACE_WITH_CUDA
#define ACE_TWIN_both(name) &ace::cuda::name
#else
#define ACE_TWIN_both(name) nullptr
#endif
#define ACE_TWIN_both_strided(name) ACE_TWIN_both(name)
#define ACE_TWIN_cpu(name) nullptr
#define ACE_TWIN_cpu_strided(name) nullptr
#define ACE_STRIDED_both false
#define ACE_STRIDED_cpu false
#define ACE_STRIDED_both_strided true
#define ACE_STRIDED_cpu_strided true
// What Program::call takes: a kernel's name and its twins.
namespace kernels {
#define ACE_KERNEL(twins, kernel, ...)                                  \
  struct kernel {                                                       \
    static constexpr const char* name = #kernel;                        \
    static constexpr const char* parameters = #__VA_ARGS__;             \
    static constexpr bool strided = ACE_STRIDED_##twins;                \
    static constexpr auto cpu = &ace::cpu::kernel;                      \
    static constexpr decltype(&ace::cpu::kernel) cuda = ACE_TWIN_##twins(kernel); \
  };
#include "ops/kernels.inc"
#undef ACE_KERNEL
}  // namespace kernels

}  // namespace ace
