#include "ops/cuda/blas/context.h"
#include "tensor/error.h"

namespace ace::cuda {

namespace {

lt::DataType lt_type(DType dtype) { return dtype == DType::bf16 ? lt::DataType::bf16 : lt::DataType::f32; }

template <class T>
std::string triple(const char* what, T a, T b, T c) {
  return std::string(what) + " " + std::to_string(a) + " " + std::to_string(b) + " " + std::to_string(c);
}

}  // namespace

std::string ProductKey::text() const {
  std::string out = "m " + std::to_string(m) + ", n " + std::to_string(n) + ", k " + std::to_string(k) + ", " + name(type) + " to " + name(c_type);
  if (transpose_a) out += ", a^T";
  if (transpose_b) out += ", b^T";
  if (bias) out += ", bias";
  out += triple(", ld", lda, ldb, ldc);
  if (batch > 1) out += ", batch " + std::to_string(batch) + triple(" by", a_stride, b_stride, c_stride);
  return out + triple(", aligned", a_alignment, b_alignment, c_alignment);
}

ProductPlan::ProductPlan(const lt::Library& library, const ProductKey& key)
    : call_(library.call), version_(lt::version_text(library.version)), what_(key.text()), key_(key) {
  check(call_.cublasLtMatmulDescCreate(&desc_, lt::ComputeType::f32, lt::DataType::f32), "cublasLtMatmulDescCreate");
  const auto operation = [](bool transposed) { return transposed ? lt::Operation::transpose : lt::Operation::none; };
  const auto set = [&](lt::DescAttribute attribute, auto value) {
    check(call_.cublasLtMatmulDescSetAttribute(desc_, attribute, &value, sizeof value), "cublasLtMatmulDescSetAttribute");
  };
  set(lt::DescAttribute::transpose_a, operation(key.transpose_b));
  set(lt::DescAttribute::transpose_b, operation(key.transpose_a));
  set(lt::DescAttribute::epilogue, key.bias ? lt::Epilogue::bias : lt::Epilogue::none);
  describe_layout(a_, key.type, key.transpose_a ? key.m : key.k, key.transpose_a ? key.k : key.m, key.lda, key.a_stride);
  describe_layout(b_, key.type, key.transpose_b ? key.k : key.n, key.transpose_b ? key.n : key.k, key.ldb, key.b_stride);
  describe_layout(c_, key.c_type, key.n, key.m, key.ldc, key.c_stride);
}

ProductPlan::~ProductPlan() {
  for (lt::MatrixLayout layout : {a_, b_, c_})
    if (layout != nullptr) call_.cublasLtMatrixLayoutDestroy(layout);
  if (desc_ != nullptr) call_.cublasLtMatmulDescDestroy(desc_);
}

void ProductPlan::describe_layout(lt::MatrixLayout& layout, DType type, int64_t rows, int64_t cols, int64_t ld, int64_t stride) {
  check(call_.cublasLtMatrixLayoutCreate(&layout, lt_type(type), static_cast<uint64_t>(rows), static_cast<uint64_t>(cols), ld), "cublasLtMatrixLayoutCreate");
  if (key_.batch == 1) return;
  const int32_t batch = static_cast<int32_t>(key_.batch);
  check(call_.cublasLtMatrixLayoutSetAttribute(layout, lt::LayoutAttribute::batch_count, &batch, sizeof batch), "cublasLtMatrixLayoutSetAttribute");
  check(call_.cublasLtMatrixLayoutSetAttribute(layout, lt::LayoutAttribute::batch_stride, &stride, sizeof stride), "cublasLtMatrixLayoutSetAttribute");
}

void ProductPlan::set_bias(const float* bias) {
  check(call_.cublasLtMatmulDescSetAttribute(desc_, lt::DescAttribute::bias_pointer, &bias, sizeof bias), "cublasLtMatmulDescSetAttribute");
}

std::vector<lt::HeuristicResult> ProductPlan::candidates(lt::Handle handle, int count) const {
  struct Preference {
    const lt::Functions& call;
    lt::Preference it = nullptr;
    ~Preference() {
      if (it != nullptr) call.cublasLtMatmulPreferenceDestroy(it);
    }
  } preference{call_};
  check(call_.cublasLtMatmulPreferenceCreate(&preference.it), "cublasLtMatmulPreferenceCreate");
  const auto prefer = [&](lt::PreferenceAttribute attribute, auto value) {
    check(call_.cublasLtMatmulPreferenceSetAttribute(preference.it, attribute, &value, sizeof value), "cublasLtMatmulPreferenceSetAttribute");
  };
  prefer(lt::PreferenceAttribute::workspace_bytes, static_cast<uint64_t>(Blas::kProductBytes));
  prefer(lt::PreferenceAttribute::reduction_mask, lt::Reduction::compute_type);
  prefer(lt::PreferenceAttribute::alignment_a, static_cast<uint32_t>(key_.b_alignment));
  prefer(lt::PreferenceAttribute::alignment_b, static_cast<uint32_t>(key_.a_alignment));
  prefer(lt::PreferenceAttribute::alignment_c, static_cast<uint32_t>(key_.c_alignment));
  prefer(lt::PreferenceAttribute::alignment_d, static_cast<uint32_t>(key_.c_alignment));

  std::vector<lt::HeuristicResult> results(static_cast<size_t>(count));
  int found = 0;
  const lt::Status status = call_.cublasLtMatmulAlgoGetHeuristic(handle, desc_, b_, a_, c_, c_, preference.it, count, results.data(), &found);
  if (status == lt::Status::not_supported) return {};
  check(status, "cublasLtMatmulAlgoGetHeuristic");
  std::vector<lt::HeuristicResult> out;
  for (int i = 0; i < found; ++i)
    if (results[static_cast<size_t>(i)].status == lt::Status::success) out.push_back(results[static_cast<size_t>(i)]);
  return out;
}

lt::HeuristicResult ProductPlan::checked(lt::Handle handle, const lt::Algorithm& wanted) const {
  lt::HeuristicResult result{};
  const lt::Status status = call_.cublasLtMatmulAlgoCheck(handle, desc_, b_, a_, c_, c_, &wanted, &result);
  if (status != lt::Status::success || result.workspace_bytes > static_cast<size_t>(Blas::kProductBytes))
    throw Error(ErrorCode::config, "the algorithm recorded for " + what_ + " cannot run on this device: " + call_.cublasLtGetStatusString(status));
  return result;
}

void ProductPlan::run(lt::Handle handle, const ProductOperands& x, const lt::Algorithm& by, void* workspace, void* cuda_stream) const {
  const float beta = x.accumulate ? 1.0f : 0.0f;
  check(call_.cublasLtMatmul(handle, desc_, &x.alpha, x.b, b_, x.a, a_, &beta, x.c, c_, x.c, c_, &by, workspace, Blas::kProductBytes, cuda_stream),
        "cublasLtMatmul");
}

void ProductPlan::check(lt::Status status, const char* call) const {
  if (status == lt::Status::success) return;
  throw Error(ErrorCode::device, "CUDA: " + what_ + ": " + call + " of cuBLASLt " + version_ + ": " + call_.cublasLtGetStatusString(status) +
                                     " (status " + std::to_string(static_cast<int>(status)) + ")");
}

}  // namespace ace::cuda
