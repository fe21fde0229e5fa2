#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

#include "simt/opened_libraries.h"
#include "stand_in.h"
#include "tensor/dtype.h"

using namespace ace::cuda::lt;

namespace {

float load(const void* data, DataType type, int64_t i) {
  return type == DataType::bf16 ? ace::to_float(static_cast<const ace::bf16*>(data)[i]) : static_cast<const float*>(data)[i];
}

void store(void* data, DataType type, int64_t i, float value) {
  if (type == DataType::bf16) static_cast<ace::bf16*>(data)[i] = ace::to_bf16(value);
  else static_cast<float*>(data)[i] = value;
}

// All of a call, copied: a captured one runs when its caller's variables are long gone.
struct Call {
  MatmulDescBody desc;
  MatrixLayoutBody a, b, c, d;
  const void *a_data, *b_data, *c_data;
  void* d_data;
  float alpha, beta;
  uint64_t split;
  float* workspace;

  void run() const {
    const size_t size = d.rows * d.cols;
    std::vector<float> own(split == 1 ? size : 0);
    for (int64_t item = 0; item < d.batch; ++item) {
      float* parts = split == 1 ? own.data() : workspace + static_cast<size_t>(item) * split * size;
      for (uint64_t part = 0; part < split; ++part) sum_part(item, part, parts + part * size);
      finish(item, parts);
    }
  }

  // Element (row, col) of op(x[item]).
  static float element(const MatrixLayoutBody& x, const void* data, Operation op, int64_t item, uint64_t row, uint64_t col) {
    if (op == Operation::transpose) std::swap(row, col);
    return load(data, x.type, item * x.stride + static_cast<int64_t>(col) * x.ld + static_cast<int64_t>(row));
  }

  void sum_part(int64_t item, uint64_t part, float* sums) const {
    const uint64_t k = desc.transpose_a == Operation::transpose ? a.rows : a.cols, from = k * part / split, end = k * (part + 1) / split;
    std::vector<float> column(d.rows);
    std::fill_n(sums, d.rows * d.cols, 0.0f);
    for (uint64_t p = from; p < end; ++p) {
      for (uint64_t i = 0; i < d.rows; ++i) column[i] = element(a, a_data, desc.transpose_a, item, i, p);
      for (uint64_t j = 0; j < d.cols; ++j) {
        const float y = element(b, b_data, desc.transpose_b, item, p, j);
        for (uint64_t i = 0; i < d.rows; ++i) sums[j * d.rows + i] += column[i] * y;
      }
    }
  }

  void finish(int64_t item, const float* parts) const {
    const auto at = [&](const MatrixLayoutBody& x, uint64_t i, uint64_t j) { return item * x.stride + static_cast<int64_t>(j) * x.ld + static_cast<int64_t>(i); };
    for (uint64_t j = 0; j < d.cols; ++j)
      for (uint64_t i = 0; i < d.rows; ++i) {
        float sum = 0;
        for (uint64_t part = 0; part < split; ++part) sum += parts[(part * d.cols + j) * d.rows + i];
        float value = alpha * sum;
        if (beta != 0) value += beta * load(c_data, c.type, at(c, i, j));
        if (desc.epilogue == Epilogue::bias) value += static_cast<const float*>(desc.bias)[i];
        store(d_data, d.type, at(d, i, j), value);
      }
  }
};

bool aligned(const void* data, uint32_t alignment) { return data != nullptr && reinterpret_cast<uintptr_t>(data) % alignment == 0; }

}  // namespace

ACE_EXPORT Status cublasLtMatmul(Handle handle, MatmulDesc desc, const void* alpha, const void* a, MatrixLayout a_layout, const void* b,
                                 MatrixLayout b_layout, const void* beta, const void* c, MatrixLayout c_layout, void* d, MatrixLayout d_layout,
                                 const Algorithm* algorithm, void* workspace, size_t workspace_bytes, CudaStream stream) {
  const Kind* kind = algorithm == nullptr ? nullptr : kind_of(*algorithm);
  if (handle == nullptr || kind == nullptr || alpha == nullptr || beta == nullptr) return Status::invalid_value;
  if (const Status status = check_problem(*desc, *a_layout, *b_layout, *c_layout, *d_layout); status != Status::success) return status;
  for (const MatrixLayout layout : {a_layout, b_layout, c_layout, d_layout})
    if (!can_run(*kind, *layout, kind->alignment)) return Status::not_supported;
  for (const void* data : {a, b, c, static_cast<const void*>(d)})
    if (!aligned(data, kind->alignment)) return Status::invalid_value;
  const size_t needed = workspace_of(*kind, *d_layout);
  if (!aligned(workspace, 256) || workspace_bytes < needed) return Status::invalid_value;
  Call call{*desc, *a_layout, *b_layout, *c_layout, *d_layout, a, b, c, d, 0, 0, kind->split, static_cast<float*>(workspace)};
  std::memcpy(&call.alpha, alpha, sizeof call.alpha);
  std::memcpy(&call.beta, beta, sizeof call.beta);
  return simt_put(stream, [call] { call.run(); }) ? Status::success : Status::execution_failed;
}
