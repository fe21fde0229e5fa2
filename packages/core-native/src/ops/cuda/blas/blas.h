// Matrix products through cuBLASLt: one Blas a device, owned by whoever owns the device, reached through Stream::blas.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace ace::cuda {

class Blas {
 public:
  // Device memory that a Blas needs, known before anything is allocated. A constant: peak memory stays a plain sum.
  static constexpr int64_t workspace_bytes() { return kProductBytes + kStagingBytes; }

  // Opens the library and a handle on the current device. `workspace`: workspace_bytes() of device memory, aligned to
  // 256, which must outlive it; the products of one stream use it in turn.
  // Errors: ERR_DEVICE where cuBLASLt is missing, too old, or refuses the device.
  explicit Blas(void* workspace);
  ~Blas();
  Blas(const Blas&) = delete;
  Blas& operator=(const Blas&) = delete;

  // "cuBLASLt 13.0.2 at /usr/local/cuda/lib64/libcublasLt.so.13"
  std::string library() const;

  // On: the first product of each shape outside a graph capture times the heuristic's best five and keeps the fastest.
  // Off (the default): the heuristic's first. A shape first met inside a capture is refused while it is on.
  void tune(bool on);

  // One line a shape met or preselected so far, sorted: its key and its algorithm. For a run's config.json; preselect()
  // takes it back.
  std::string algorithms() const;
  // The algorithms to use for the shapes in `recorded`, whatever the heuristic says now.
  // Errors: ERR_CONFIG for text that algorithms() did not write, or of another version of the library.
  void preselect(const std::string& recorded);

  struct Implementation;
  Implementation& implementation() { return *implementation_; }

  static constexpr int64_t kProductBytes = int64_t{32} << 20;  // cuBLASLt's own: what NVIDIA advises for Hopper
  static constexpr int64_t kStagingBytes = int64_t{16} << 20;  // float32 products on their way to a bf16 sum, partial sums

 private:
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace ace::cuda
