// The calls of cuBLASLt that we use, in our own words, so that building needs no cuBLAS and running finds it by itself.
// Values and layouts are those of NVIDIA's public <cublasLt.h>; prototypes_check.cpp holds them equal where it is installed.
#pragma once
#include <cstddef>
#include <cstdint>

namespace ace::cuda::lt {

using Handle = struct HandleBody*;
using MatmulDesc = struct MatmulDescBody*;
using MatrixLayout = struct MatrixLayoutBody*;
using Preference = struct PreferenceBody*;
using CudaStream = void*;  // a cudaStream_t

enum class Status : int { success = 0, invalid_value = 7, execution_failed = 13, not_supported = 15 };
enum class DataType : int { f32 = 0, bf16 = 14 };
enum class ComputeType : int { f32 = 68 };  // sums in float32; operands as they are, so never TF32
enum class Operation : int { none = 0, transpose = 1 };
enum class Epilogue : uint32_t { none = 1, bias = 4 };
// How the parts of a k that is split are summed. In compute type: kept in the workspace in float32 and added in a second
// step, in order. The other schemes round each part to the output's type, so they are not allowed.
enum class Reduction : uint32_t { none = 0, compute_type = 2 };

enum class DescAttribute : int { transpose_a = 3, transpose_b = 4, epilogue = 7, bias_pointer = 8 };
enum class LayoutAttribute : int { batch_count = 5, batch_stride = 6 };
enum class PreferenceAttribute : int {
  workspace_bytes = 1,
  reduction_mask = 3,
  alignment_a = 5,
  alignment_b = 6,
  alignment_c = 7,
  alignment_d = 8,
};
enum class AlgorithmAttribute : int { id = 0, tile = 1, split_k = 2, reduction = 3, stages = 6 };

// May be stored as it is and used again with the same version of the library.
struct Algorithm {
  uint64_t data[8];
};

struct HeuristicResult {
  Algorithm algorithm;
  size_t workspace_bytes;
  Status status;  // the rest holds only if success
  float waves;
  int reserved[4];
};

// Every matrix is column-major. D = alpha op(A) op(B) + beta C [+ bias, one a row of D].
#define ACE_LT_CALLS(CALL)                                                                                                     \
  CALL(size_t, cublasLtGetVersion, ())                                                                                         \
  CALL(const char*, cublasLtGetStatusString, (Status))                                                                         \
  CALL(Status, cublasLtCreate, (Handle*))                                                                                      \
  CALL(Status, cublasLtDestroy, (Handle))                                                                                      \
  CALL(Status, cublasLtMatmulDescCreate, (MatmulDesc*, ComputeType, DataType))                                                 \
  CALL(Status, cublasLtMatmulDescDestroy, (MatmulDesc))                                                                        \
  CALL(Status, cublasLtMatmulDescSetAttribute, (MatmulDesc, DescAttribute, const void*, size_t))                               \
  CALL(Status, cublasLtMatrixLayoutCreate, (MatrixLayout*, DataType, uint64_t rows, uint64_t cols, int64_t ld))                \
  CALL(Status, cublasLtMatrixLayoutDestroy, (MatrixLayout))                                                                    \
  CALL(Status, cublasLtMatrixLayoutSetAttribute, (MatrixLayout, LayoutAttribute, const void*, size_t))                         \
  CALL(Status, cublasLtMatmulPreferenceCreate, (Preference*))                                                                  \
  CALL(Status, cublasLtMatmulPreferenceDestroy, (Preference))                                                                  \
  CALL(Status, cublasLtMatmulPreferenceSetAttribute, (Preference, PreferenceAttribute, const void*, size_t))                   \
  CALL(Status, cublasLtMatmulAlgoGetHeuristic,                                                                                 \
       (Handle, MatmulDesc, MatrixLayout a, MatrixLayout b, MatrixLayout c, MatrixLayout d, Preference, int wanted,            \
        HeuristicResult*, int* found))                                                                                         \
  CALL(Status, cublasLtMatmulAlgoCheck,                                                                                        \
       (Handle, MatmulDesc, MatrixLayout a, MatrixLayout b, MatrixLayout c, MatrixLayout d, const Algorithm*, HeuristicResult*)) \
  CALL(Status, cublasLtMatmulAlgoConfigGetAttribute, (const Algorithm*, AlgorithmAttribute, void*, size_t, size_t* written))   \
  CALL(Status, cublasLtMatmul,                                                                                                 \
       (Handle, MatmulDesc, const void* alpha, const void* a, MatrixLayout, const void* b, MatrixLayout, const void* beta,     \
        const void* c, MatrixLayout, void* d, MatrixLayout, const Algorithm*, void* workspace, size_t workspace_bytes, CudaStream))

#define ACE_LT_MEMBER(result, name, parameters) result(*name) parameters = nullptr;
struct Functions {
  ACE_LT_CALLS(ACE_LT_MEMBER)
};
#undef ACE_LT_MEMBER

}  // namespace ace::cuda::lt
