// What a Blas keeps: the library, its handle and the plan of every shape met so far.
#pragma once
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "ops/cuda/blas/blas.h"
#include "ops/cuda/blas/library.h"
#include "tensor/dtype.h"

namespace ace::cuda {

// All that the choice of an algorithm may depend on, in our row-major words: a is [m, k], or [k, m] if transposed.
struct ProductKey {
  int64_t m, n, k, batch;
  int64_t lda, ldb, ldc;
  int64_t a_stride, b_stride, c_stride;
  DType type, c_type;
  bool transpose_a, transpose_b, bias;
  int a_alignment, b_alignment, c_alignment;  // bytes, up to kAlignment

  auto tie() const {
    return std::tie(m, n, k, batch, lda, ldb, ldc, a_stride, b_stride, c_stride, type, c_type, transpose_a, transpose_b, bias, a_alignment,
                    b_alignment, c_alignment);
  }
  bool operator<(const ProductKey& other) const { return tie() < other.tie(); }
  std::string text() const;  // one line without "->"
};

// No kernel asks for more. Were true alignments of 64 or 256 told apart, the algorithm of a shape would depend on where
// the arena's plan happens to put its tensors.
constexpr int kAlignment = 16;

struct ProductOperands {
  const void *a, *b;
  void* c;
  const float* bias;
  float alpha;
  bool accumulate;
};

// cuBLASLt's descriptors for one key and the algorithm chosen for it.
// cuBLASLt is column-major: our row-major c is its c^T = op(b)^T op(a)^T, so that its A is our b and its B our a.
class ProductPlan {
 public:
  ProductPlan(const lt::Library& library, const ProductKey& key);
  ~ProductPlan();
  ProductPlan(const ProductPlan&) = delete;
  ProductPlan& operator=(const ProductPlan&) = delete;

  // Points the epilogue to this bias; also before candidates(), which goes by its alignment.
  void set_bias(const float* bias);
  // The heuristic's best, best first; empty where the library has none. All keep results the same from run to run.
  std::vector<lt::HeuristicResult> candidates(lt::Handle handle, int count) const;
  // The same for an algorithm known by its bytes. Errors: ERR_CONFIG where it cannot run this.
  lt::HeuristicResult checked(lt::Handle handle, const lt::Algorithm& algorithm) const;
  void run(lt::Handle handle, const ProductOperands& x, const lt::Algorithm& algorithm, void* workspace, void* cuda_stream) const;

  bool refused = false;  // the library has no algorithm: our own kernel computes it
  lt::Algorithm algorithm{};

 private:
  void check(lt::Status status, const char* call) const;
  void describe_layout(lt::MatrixLayout& layout, DType type, int64_t rows, int64_t cols, int64_t ld, int64_t stride);

  const lt::Functions& call_;
  const std::string version_, what_;
  const ProductKey key_;
  lt::MatmulDesc desc_ = nullptr;
  lt::MatrixLayout a_ = nullptr, b_ = nullptr, c_ = nullptr;  // of our a, b, c
};

struct Blas::Implementation {
  lt::Library library;
  lt::Handle handle = nullptr;
  char* workspace = nullptr;
  bool tune = false;
  std::map<ProductKey, ProductPlan> plans;
  std::map<std::string, std::string> recorded;  // key's text -> algorithm's text

  ~Implementation();
  char* staging() const { return workspace + kProductBytes; }
  ProductPlan& plan(const ProductKey& key, const ProductOperands& operands, void* cuda_stream);
  std::string algorithm_text(const ProductPlan& plan) const;

 private:
  void choose(ProductPlan& plan, const ProductKey& key, const ProductOperands& operands, void* cuda_stream);
};

// The fastest of `candidates`, timed on the device into `scratch` (of the size of c; its contents are lost).
// Errors: ERR_INTERNAL within a graph capture, where nothing can be timed.
lt::Algorithm fastest(const ProductPlan& plan, lt::Handle handle, const std::vector<lt::HeuristicResult>& candidates, ProductOperands operands,
                      void* scratch, void* workspace, void* cuda_stream);

}  // namespace ace::cuda
