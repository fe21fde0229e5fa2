#include <cstdlib>
#include <cstring>

#include "stand_in.h"

using namespace ace::cuda::lt;

namespace {

// A wrong size is the commonest mistake that the real library finds.
template <class T>
Status set(T& to, const void* from, size_t bytes) {
  if (from == nullptr || bytes != sizeof to) return Status::invalid_value;
  std::memcpy(&to, from, sizeof to);
  return Status::success;
}

template <class Body>
Status destroy(Body* body) {
  delete body;
  return body == nullptr ? Status::invalid_value : Status::success;
}

}  // namespace

ACE_EXPORT size_t cublasLtGetVersion() {
  const char* told = std::getenv("ACE_STAND_IN_VERSION");  // by the test of an old library
  return told == nullptr ? 130002 : std::strtoul(told, nullptr, 10);
}
ACE_EXPORT const char* cublasLtGetStatusString(Status status) {
  switch (status) {
    case Status::success: return "the call succeeded";
    case Status::invalid_value: return "an invalid value";
    case Status::execution_failed: return "the device did not take it";
    case Status::not_supported: return "not supported";
  }
  return "an unknown status";
}

ACE_EXPORT Status cublasLtCreate(Handle* handle) { return *handle = new HandleBody, Status::success; }
ACE_EXPORT Status cublasLtDestroy(Handle handle) { return destroy(handle); }

ACE_EXPORT Status cublasLtMatmulDescCreate(MatmulDesc* desc, ComputeType compute, DataType scale) {
  if (compute != ComputeType::f32 || scale != DataType::f32) return Status::not_supported;
  return *desc = new MatmulDescBody, Status::success;
}
ACE_EXPORT Status cublasLtMatmulDescDestroy(MatmulDesc desc) { return destroy(desc); }
ACE_EXPORT Status cublasLtMatmulDescSetAttribute(MatmulDesc desc, DescAttribute attribute, const void* from, size_t bytes) {
  switch (attribute) {
    case DescAttribute::transpose_a: return set(desc->transpose_a, from, bytes);
    case DescAttribute::transpose_b: return set(desc->transpose_b, from, bytes);
    case DescAttribute::epilogue: return set(desc->epilogue, from, bytes);
    case DescAttribute::bias_pointer: return set(desc->bias, from, bytes);
  }
  return Status::invalid_value;
}

ACE_EXPORT Status cublasLtMatrixLayoutCreate(MatrixLayout* layout, DataType type, uint64_t rows, uint64_t cols, int64_t ld) {
  if (type != DataType::f32 && type != DataType::bf16) return Status::not_supported;
  if (rows == 0 || cols == 0 || ld < static_cast<int64_t>(rows)) return Status::invalid_value;
  return *layout = new MatrixLayoutBody{type, rows, cols, ld}, Status::success;
}
ACE_EXPORT Status cublasLtMatrixLayoutDestroy(MatrixLayout layout) { return destroy(layout); }
ACE_EXPORT Status cublasLtMatrixLayoutSetAttribute(MatrixLayout layout, LayoutAttribute attribute, const void* from, size_t bytes) {
  switch (attribute) {
    case LayoutAttribute::batch_count: return set(layout->batch, from, bytes);
    case LayoutAttribute::batch_stride: return set(layout->stride, from, bytes);
  }
  return Status::invalid_value;
}

ACE_EXPORT Status cublasLtMatmulPreferenceCreate(Preference* preference) { return *preference = new PreferenceBody, Status::success; }
ACE_EXPORT Status cublasLtMatmulPreferenceDestroy(Preference preference) { return destroy(preference); }
ACE_EXPORT Status cublasLtMatmulPreferenceSetAttribute(Preference preference, PreferenceAttribute attribute, const void* from, size_t bytes) {
  switch (attribute) {
    case PreferenceAttribute::workspace_bytes: return set(preference->workspace_bytes, from, bytes);
    case PreferenceAttribute::reduction_mask: return set(preference->reduction_mask, from, bytes);
    case PreferenceAttribute::alignment_a: return set(preference->alignment_a, from, bytes);
    case PreferenceAttribute::alignment_b: return set(preference->alignment_b, from, bytes);
    case PreferenceAttribute::alignment_c: return set(preference->alignment_c, from, bytes);
    case PreferenceAttribute::alignment_d: return set(preference->alignment_d, from, bytes);
  }
  return Status::invalid_value;
}
