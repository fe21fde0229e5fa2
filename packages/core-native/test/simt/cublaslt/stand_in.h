// A cuBLASLt for the emulator: the calls of ops/cuda/blas/prototypes.h over emulated device memory, in plain loops. It
// refuses all that the real one does, and more: what NVIDIA leaves undefined is an error here.
#pragma once
#include "ops/cuda/blas/prototypes.h"

#define ACE_EXPORT extern "C" __attribute__((visibility("default")))

namespace ace::cuda::lt {

struct HandleBody {
  int unused = 0;
};
struct MatmulDescBody {
  Operation transpose_a = Operation::none, transpose_b = Operation::none;
  Epilogue epilogue = Epilogue::none;
  const void* bias = nullptr;
};
struct MatrixLayoutBody {
  DataType type;
  uint64_t rows, cols;
  int64_t ld;
  int32_t batch = 1;
  int64_t stride = 0;
};
struct PreferenceBody {
  uint64_t workspace_bytes = 0;
  uint32_t reduction_mask = 7;
  uint32_t alignment_a = 256, alignment_b = 256, alignment_c = 256, alignment_d = 256;
};

constexpr size_t bytes_of(DataType type) { return type == DataType::bf16 ? 2 : 4; }

// The algorithms there are, best first. What one needs stands in its bytes: data[0] names it, data[1] is `split`.
struct Kind {
  uint64_t id, tile, stages, split;
  uint32_t alignment;  // bytes, of every pointer, leading dimension and batch stride
};
inline constexpr Kind kKinds[] = {{66, 20, 36, 1, 16}, {66, 20, 36, 2, 16}, {21, 15, 8, 1, 4}, {21, 15, 8, 2, 4}};
// Null for bytes that no heuristic wrote.
const Kind* kind_of(const Algorithm& algorithm);

// Whether the four layouts and the descriptor are one product: success, or what the real library answers.
Status check_problem(const MatmulDescBody& desc, const MatrixLayoutBody& a, const MatrixLayoutBody& b, const MatrixLayoutBody& c,
                     const MatrixLayoutBody& d);
// Whether `kind` can do it when pointers are aligned to `alignment` bytes; its workspace.
bool can_run(const Kind& kind, const MatrixLayoutBody& layout, uint32_t alignment);
size_t workspace_of(const Kind& kind, const MatrixLayoutBody& d);

}  // namespace ace::cuda::lt
