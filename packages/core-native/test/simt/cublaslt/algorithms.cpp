#include <cstring>
#include <initializer_list>

#include "stand_in.h"

namespace ace::cuda::lt {

namespace {

constexpr uint64_t kWritten = 0x5354414e44494e21;  // in the last word of an algorithm that a heuristic wrote

Algorithm algorithm_of(const Kind& kind) { return {{kind.id, kind.split, kind.tile, kind.stages, 0, 0, 0, kWritten}}; }

HeuristicResult result_of(const Kind& kind, const MatrixLayoutBody& d) {
  return {algorithm_of(kind), workspace_of(kind, d), Status::success, 1.0f, {}};
}

}  // namespace

const Kind* kind_of(const Algorithm& algorithm) {
  for (const Kind& kind : kKinds)
    if (const Algorithm known = algorithm_of(kind); std::memcmp(&known, &algorithm, sizeof known) == 0) return &kind;
  return nullptr;
}

Status check_problem(const MatmulDescBody& desc, const MatrixLayoutBody& a, const MatrixLayoutBody& b, const MatrixLayoutBody& c,
                     const MatrixLayoutBody& d) {
  const bool at = desc.transpose_a == Operation::transpose, bt = desc.transpose_b == Operation::transpose;
  const bool fits = (at ? a.cols : a.rows) == d.rows && (bt ? b.rows : b.cols) == d.cols && (at ? a.rows : a.cols) == (bt ? b.cols : b.rows);
  const bool same_c = c.rows == d.rows && c.cols == d.cols && c.batch == d.batch && c.type == d.type;
  const bool same_batch = a.batch == d.batch && b.batch == d.batch && d.batch > 0;
  if (!fits || !same_c || !same_batch) return Status::invalid_value;
  if (d.batch > 65535) return Status::not_supported;
  if (d.batch > 1 && d.stride < d.ld * static_cast<int64_t>(d.cols - 1) + static_cast<int64_t>(d.rows)) return Status::invalid_value;
  // The types of cublasLtMatmul's table that have float32 sums and these operands.
  if (a.type != b.type || (d.type != DataType::f32 && d.type != a.type)) return Status::not_supported;
  // A bias has the type of d; whether the caller knows that cannot be seen, so only float32 is taken.
  if (desc.epilogue == Epilogue::bias && (desc.bias == nullptr || reinterpret_cast<uintptr_t>(desc.bias) % 16 != 0)) return Status::invalid_value;
  if (desc.epilogue == Epilogue::bias && d.type != DataType::f32) return Status::not_supported;
  return Status::success;
}

bool can_run(const Kind& kind, const MatrixLayoutBody& layout, uint32_t alignment) {
  const auto fits = [&](int64_t elements) { return elements * static_cast<int64_t>(bytes_of(layout.type)) % kind.alignment == 0; };
  return alignment % kind.alignment == 0 && fits(layout.ld) && fits(layout.stride);
}

size_t workspace_of(const Kind& kind, const MatrixLayoutBody& d) {
  return kind.split == 1 ? 0 : kind.split * d.rows * d.cols * static_cast<size_t>(d.batch) * sizeof(float);
}

}  // namespace ace::cuda::lt

using namespace ace::cuda::lt;

ACE_EXPORT Status cublasLtMatmulAlgoGetHeuristic(Handle handle, MatmulDesc desc, MatrixLayout a, MatrixLayout b, MatrixLayout c, MatrixLayout d,
                                                 Preference preference, int wanted, HeuristicResult* results, int* found) {
  *found = 0;
  if (handle == nullptr || wanted < 1) return Status::invalid_value;
  if (const Status status = check_problem(*desc, *a, *b, *c, *d); status != Status::success) return status;
  for (const Kind& kind : kKinds) {
    const bool allowed = kind.split == 1 || (preference->reduction_mask & static_cast<uint32_t>(Reduction::compute_type)) != 0;
    if (*found == wanted || !allowed || workspace_of(kind, *d) > preference->workspace_bytes) continue;
    if (can_run(kind, *a, preference->alignment_a) && can_run(kind, *b, preference->alignment_b) && can_run(kind, *c, preference->alignment_c) &&
        can_run(kind, *d, preference->alignment_d))
      results[(*found)++] = result_of(kind, *d);
  }
  return *found == 0 ? Status::not_supported : Status::success;
}

ACE_EXPORT Status cublasLtMatmulAlgoCheck(Handle handle, MatmulDesc desc, MatrixLayout a, MatrixLayout b, MatrixLayout c, MatrixLayout d,
                                          const Algorithm* algorithm, HeuristicResult* result) {
  const Kind* kind = kind_of(*algorithm);
  if (handle == nullptr || kind == nullptr) return Status::invalid_value;
  if (const Status status = check_problem(*desc, *a, *b, *c, *d); status != Status::success) return status;
  for (const MatrixLayout layout : {a, b, c, d})
    if (!can_run(*kind, *layout, kind->alignment)) return Status::not_supported;
  return *result = result_of(*kind, *d), Status::success;
}

ACE_EXPORT Status cublasLtMatmulAlgoConfigGetAttribute(const Algorithm* algorithm, AlgorithmAttribute attribute, void* to, size_t bytes, size_t* written) {
  const Kind* kind = kind_of(*algorithm);
  if (kind == nullptr || bytes != sizeof(uint32_t)) return Status::invalid_value;
  uint32_t value = 0;
  switch (attribute) {
    case AlgorithmAttribute::id: value = static_cast<uint32_t>(kind->id); break;
    case AlgorithmAttribute::tile: value = static_cast<uint32_t>(kind->tile); break;
    case AlgorithmAttribute::stages: value = static_cast<uint32_t>(kind->stages); break;
    case AlgorithmAttribute::split_k: value = static_cast<uint32_t>(kind->split); break;
    case AlgorithmAttribute::reduction: value = static_cast<uint32_t>(kind->split == 1 ? Reduction::none : Reduction::compute_type); break;
  }
  std::memcpy(to, &value, sizeof value);
  *written = sizeof value;
  return Status::success;
}
