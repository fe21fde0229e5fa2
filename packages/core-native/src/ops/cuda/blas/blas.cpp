#include "ops/cuda/blas/blas.h"

#include <sstream>

#include "ops/cuda/blas/context.h"
#include "ops/cuda/blas/product.h"
#include "tensor/error.h"

namespace ace::cuda {

namespace {

constexpr const char* kArrow = " -> ";
constexpr const char* kOwnKernel = "own kernel";
constexpr int kTuned = 5;  // candidates that are timed

std::string title(const lt::Library& library) { return "cuBLASLt " + lt::version_text(library.version); }

std::string hex(const lt::Algorithm& algorithm) {
  std::ostringstream out;
  out << std::hex;
  for (const uint64_t word : algorithm.data) out << ' ' << word;
  return out.str();
}

// The eight words after "bytes"; false for anything else.
bool parse(const std::string& text, lt::Algorithm& algorithm) {
  const size_t at = text.find("bytes ");
  if (at == std::string::npos) return false;
  std::istringstream in(text.substr(at + 6));
  for (uint64_t& word : algorithm.data)
    if (!(in >> std::hex >> word)) return false;
  std::string rest;
  return !(in >> rest);
}

}  // namespace

Blas::Blas(void* workspace) : implementation_(std::make_unique<Implementation>()) {
  implementation_->library = lt::open_library();
  implementation_->workspace = static_cast<char*>(workspace);
  const lt::Status status = implementation_->library.call.cublasLtCreate(&implementation_->handle);
  if (status != lt::Status::success)
    throw Error(ErrorCode::device, library() + " cannot be used on this device: " + implementation_->library.call.cublasLtGetStatusString(status));
}

Blas::~Blas() = default;

Blas::Implementation::~Implementation() {
  plans.clear();
  if (handle != nullptr) library.call.cublasLtDestroy(handle);
}

std::string Blas::library() const { return title(implementation_->library) + " at " + implementation_->library.path; }

void Blas::tune(bool on) { implementation_->tune = on; }

std::string Blas::algorithms() const {
  std::string out = title(implementation_->library) + "\n";
  // What was given and not met yet stays: a process that goes on meets the shapes in another order.
  std::map<std::string, std::string> lines = implementation_->recorded;
  for (const auto& [key, plan] : implementation_->plans) lines[key.text()] = implementation_->algorithm_text(plan);
  for (const auto& [key, algorithm] : lines) out += key + kArrow + algorithm + "\n";
  return out;
}

void Blas::preselect(const std::string& recorded) {
  std::istringstream in(recorded);
  std::string line;
  if (!std::getline(in, line) || line != title(implementation_->library))
    throw Error(ErrorCode::config, "the recorded algorithms are of " + (line.empty() ? "no library" : line) + ", this is " + library());
  std::map<std::string, std::string> known;
  while (std::getline(in, line)) {
    const size_t arrow = line.find(kArrow);
    lt::Algorithm unused;
    const std::string algorithm = arrow == std::string::npos ? "" : line.substr(arrow + 4);
    if (algorithm != kOwnKernel && !parse(algorithm, unused)) throw Error(ErrorCode::config, "not the record of a matrix product's algorithm: " + line);
    known[line.substr(0, arrow)] = algorithm;
  }
  implementation_->recorded = std::move(known);
  implementation_->plans.clear();
}

std::string Blas::Implementation::algorithm_text(const ProductPlan& plan) const {
  if (plan.refused) return kOwnKernel;
  std::string out;
  const auto add = [&](const char* name, lt::AlgorithmAttribute attribute) {
    uint32_t value = 0;
    size_t written = 0;
    if (library.call.cublasLtMatmulAlgoConfigGetAttribute(&plan.algorithm, attribute, &value, sizeof value, &written) == lt::Status::success)
      out += std::string(name) + " " + std::to_string(value) + ", ";
  };
  add("algorithm", lt::AlgorithmAttribute::id);
  add("tile", lt::AlgorithmAttribute::tile);
  add("stages", lt::AlgorithmAttribute::stages);
  add("split k", lt::AlgorithmAttribute::split_k);
  add("reduction", lt::AlgorithmAttribute::reduction);
  return out + "bytes" + hex(plan.algorithm);
}

ProductPlan& Blas::Implementation::plan(const ProductKey& key, const ProductOperands& operands, void* cuda_stream) {
  const auto [at, fresh] = plans.try_emplace(key, library, key);
  if (!fresh) return at->second;
  try {
    choose(at->second, key, operands, cuda_stream);
  } catch (...) {
    plans.erase(at);  // a plan without an algorithm must not be met again
    throw;
  }
  return at->second;
}

void Blas::Implementation::choose(ProductPlan& plan, const ProductKey& key, const ProductOperands& operands, void* cuda_stream) {
  if (key.bias) plan.set_bias(operands.bias);
  if (const auto known = recorded.find(key.text()); known != recorded.end()) {
    plan.refused = known->second == kOwnKernel;
    if (plan.refused) return;
    parse(known->second, plan.algorithm);
    plan.algorithm = plan.checked(handle, plan.algorithm).algorithm;
    return;
  }
  const std::vector<lt::HeuristicResult> candidates = plan.candidates(handle, tune ? kTuned : 1);
  plan.refused = candidates.empty();
  if (plan.refused) return;
  plan.algorithm = candidates.front().algorithm;
  if (candidates.size() == 1) return;
  // A sum would grow with each trial, so its trials write elsewhere; one too large for that keeps the heuristic's choice.
  const int64_t c_bytes = (((key.batch - 1) * key.c_stride) + (key.m - 1) * key.ldc + key.n) * static_cast<int64_t>(size_of(key.c_type));
  if (operands.accumulate && c_bytes > kStagingBytes) return;
  plan.algorithm = fastest(plan, handle, candidates, operands, operands.accumulate ? staging() : operands.c, workspace, cuda_stream);
}

}  // namespace ace::cuda
