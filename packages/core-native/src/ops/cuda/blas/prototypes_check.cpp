// Holds prototypes.h equal to NVIDIA's public header where the toolkit has it. Nothing here runs.
#include "ops/cuda/blas/prototypes.h"

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>

#include <type_traits>

namespace ace::cuda::lt {

namespace {

// Two parameters that the calling convention passes alike.
template <class Ours, class Theirs>
constexpr bool kAlike = sizeof(Ours) == sizeof(Theirs) && std::is_pointer_v<Ours> == std::is_pointer_v<Theirs>;

template <class Ours, class Theirs>
constexpr bool kSameCall = false;
template <class R, class... P, class S, class... Q>
constexpr bool kSameCall<R (*)(P...), S (*)(Q...)> = [] {
  if constexpr (sizeof...(P) != sizeof...(Q)) return false;
  else return (kAlike<R, S> && ... && kAlike<P, Q>);
}();

#define ACE_LT_SAME_CALL(result, name, parameters) \
  static_assert(kSameCall<decltype(Functions::name), decltype(&::name)>, #name " has another prototype than NVIDIA's header");
ACE_LT_CALLS(ACE_LT_SAME_CALL)

template <class A, class B>
constexpr bool equal(A ours, B theirs) {
  return static_cast<long long>(ours) == static_cast<long long>(theirs);
}

static_assert(sizeof(Algorithm) == sizeof(cublasLtMatmulAlgo_t));
static_assert(sizeof(HeuristicResult) == sizeof(cublasLtMatmulHeuristicResult_t));
static_assert(offsetof(HeuristicResult, workspace_bytes) == offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
static_assert(offsetof(HeuristicResult, status) == offsetof(cublasLtMatmulHeuristicResult_t, state));
static_assert(offsetof(HeuristicResult, waves) == offsetof(cublasLtMatmulHeuristicResult_t, wavesCount));
static_assert(equal(Status::success, CUBLAS_STATUS_SUCCESS) && equal(Status::invalid_value, CUBLAS_STATUS_INVALID_VALUE) &&
              equal(Status::execution_failed, CUBLAS_STATUS_EXECUTION_FAILED) && equal(Status::not_supported, CUBLAS_STATUS_NOT_SUPPORTED));
static_assert(equal(DataType::f32, CUDA_R_32F) && equal(DataType::bf16, CUDA_R_16BF) && equal(ComputeType::f32, CUBLAS_COMPUTE_32F));
static_assert(equal(Operation::none, CUBLAS_OP_N) && equal(Operation::transpose, CUBLAS_OP_T));
static_assert(equal(Epilogue::none, CUBLASLT_EPILOGUE_DEFAULT) && equal(Epilogue::bias, CUBLASLT_EPILOGUE_BIAS));
static_assert(equal(Reduction::none, CUBLASLT_REDUCTION_SCHEME_NONE) && equal(Reduction::compute_type, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
static_assert(equal(DescAttribute::transpose_a, CUBLASLT_MATMUL_DESC_TRANSA) && equal(DescAttribute::transpose_b, CUBLASLT_MATMUL_DESC_TRANSB) &&
              equal(DescAttribute::epilogue, CUBLASLT_MATMUL_DESC_EPILOGUE) && equal(DescAttribute::bias_pointer, CUBLASLT_MATMUL_DESC_BIAS_POINTER));
static_assert(equal(LayoutAttribute::batch_count, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT) &&
              equal(LayoutAttribute::batch_stride, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET));
static_assert(equal(PreferenceAttribute::workspace_bytes, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) &&
              equal(PreferenceAttribute::reduction_mask, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK) &&
              equal(PreferenceAttribute::alignment_a, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES) &&
              equal(PreferenceAttribute::alignment_b, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES) &&
              equal(PreferenceAttribute::alignment_c, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES) &&
              equal(PreferenceAttribute::alignment_d, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES));
static_assert(equal(AlgorithmAttribute::id, CUBLASLT_ALGO_CONFIG_ID) && equal(AlgorithmAttribute::tile, CUBLASLT_ALGO_CONFIG_TILE_ID) &&
              equal(AlgorithmAttribute::split_k, CUBLASLT_ALGO_CONFIG_SPLITK_NUM) &&
              equal(AlgorithmAttribute::reduction, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME) &&
              equal(AlgorithmAttribute::stages, CUBLASLT_ALGO_CONFIG_STAGES_ID));

}  // namespace

}  // namespace ace::cuda::lt
#endif
